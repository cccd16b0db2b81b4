"""The simulated worker: culls a shoot by letting time pass, and tells the user's devices how far it is."""

import asyncio
import logging
from dataclasses import dataclass
from typing import Any

from functions.sequence import next_sequence
from mqtt_bridge.timing import Timing

from .announcements import Announcements
from .data import Account, Shoot
from .posting import SHOOT_PROGRESS, NotPostedError, Posting

logger = logging.getLogger(__name__)

INTERVAL = 0.25
"""Seconds between two updates."""
FAILS_AT = 0.6
"""How far a run gets that is to fail."""
PROVIDER = "Demo worker"


@dataclass(frozen=True, slots=True)
class Cull:
    """What one worker has to do."""

    account: Account
    shoot: Shoot
    seconds: float
    """How long the whole shoot takes."""
    fails: bool


class Culling:
    """The workers at work: one per shoot, which ``Account.begin_cull`` sees to."""

    def __init__(
        self, posting: Posting, announcements: Announcements, *, timing: Timing | None = None
    ) -> None:
        self._posting = posting
        self._announcements = announcements
        self._timing = timing or Timing()
        self._workers: set[asyncio.Task[None]] = set()

    def start(self, cull: Cull) -> None:
        """Take the credits and send a worker. Raises what ``Account.begin_cull`` raises."""
        cull.account.begin_cull(cull.shoot)
        self._announcements.balance(cull.account, -cull.shoot.image_count, f"Culling {cull.shoot.title}")
        worker = asyncio.create_task(self._work(cull), name="cull")
        self._workers.add(worker)
        worker.add_done_callback(self._workers.discard)

    async def stop(self) -> None:
        """End all workers where they are. They say no farewell: what ends them ends their data too."""
        # Again, for those that were sent meanwhile.
        while workers := tuple(self._workers):
            for worker in workers:
                worker.cancel()
            await asyncio.gather(*workers, return_exceptions=True)

    async def _work(self, cull: Cull) -> None:
        shoot = cull.shoot
        goal = int(shoot.image_count * FAILS_AT) if cull.fails else shoot.image_count
        await self._tell(cull)
        shoot.status = "processing"
        started = self._timing.now()
        # By the clock and not by counting: a post that had to be tried again costs updates, not time.
        while (reached := self._reached(cull, started)) < goal:
            shoot.processed_count = reached
            await self._tell(cull, currentImage=_name(reached + 1), eta=self._left(cull, started))
            await self._timing.sleep(INTERVAL)
        shoot.processed_count = goal
        shoot.seconds = round(self._timing.now() - started, 1)
        if cull.fails:
            self._fail(cull)
        else:
            shoot.status = "completed"
        await self._tell(cull)

    def _reached(self, cull: Cull, started: float) -> int:
        if cull.seconds == 0:
            return cull.shoot.image_count
        return int(cull.shoot.image_count * min(1.0, (self._timing.now() - started) / cull.seconds))

    def _left(self, cull: Cull, started: float) -> float:
        return round(max(0.0, started + cull.seconds - self._timing.now()), 1)

    def _fail(self, cull: Cull) -> None:
        shoot = cull.shoot
        shoot.status = "failed"
        shoot.error = f"{_name(shoot.processed_count + 1)} is not readable"
        unused = shoot.image_count - shoot.processed_count
        cull.account.book(unused)
        self._announcements.balance(cull.account, unused, f"Refund for {shoot.title}")

    async def _tell(self, cull: Cull, **more: Any) -> None:
        shoot = cull.shoot
        update = {
            "userId": cull.account.user_id,
            "shootId": shoot.shoot_id,
            "status": shoot.status,
            "processedCount": shoot.processed_count,
            "totalCount": shoot.image_count,
            "provider": PROVIDER,
            "run": shoot.run,
            "sequence": next_sequence(),
            **more,
        }
        if shoot.error is not None:
            update["error"] = shoot.error
        try:
            await self._posting.post(SHOOT_PROGRESS, update)
        except NotPostedError as exc:
            # The shoot goes on: progress that nobody sees is no reason to throw work away.
            logger.warning("Progress of %s was not posted: %s", shoot.shoot_id, exc)


def _name(number: int) -> str:
    return f"DSC_{number:04}.NEF"
