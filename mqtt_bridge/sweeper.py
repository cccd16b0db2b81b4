"""Sweeping: ending the presence of ghosts, over whichever connection there is."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from .errors import PublishRefusedError
from .messages import Envelope
from .sweep import SWEEP_AFTER, Births, Ghost
from .timing import Timing
from .topics import PresenceTopic, Topic

AT_ONCE = 20
"""Farewells in flight: enough to be quick, and few beside what devices send."""

logger = logging.getLogger(__name__)

Publish = Callable[[Topic, Envelope], Awaitable[object]]


class Sweeper:
    """Remembers births and epochs from one connection to the next."""

    def __init__(self, owns: Callable[[str], bool], *, timing: Timing, count: Callable[[], object]) -> None:
        """``owns`` says whether a user is this worker's; ``count`` is called per swept device."""
        self._births = Births(owns)
        self._timing = timing
        self._count = count
        self._epoch: str | None = None
        self._since = 0.0

    def saw(self, topic: PresenceTopic, payload: bytes) -> None:
        """A presence message arrived."""
        self._births.saw(topic, payload)

    async def sweep(self, epoch: str, publish: Publish) -> None:
        """Wait until devices have had their time to come back to this epoch, then end those that did not.

        Call it on each connection, once the epoch has arrived behind the retained presence; what is left when
        the connection breaks is done on the next. Raises what ``publish`` raises, save for a refusal.
        """
        if epoch != self._epoch:
            self._epoch = epoch
            self._since = self._timing.now()
        while (left := self._since + SWEEP_AFTER - self._timing.now()) > 0:
            await self._timing.sleep(left)
        ghosts = self._births.ghosts(epoch)
        for start in range(0, len(ghosts), AT_ONCE):
            await asyncio.gather(
                *(self._end(ghost, epoch, publish) for ghost in ghosts[start : start + AT_ONCE])
            )

    async def _end(self, ghost: Ghost, epoch: str, publish: Publish) -> None:
        # It may have come back while others were swept.
        if not self._births.is_still_there(ghost):
            return
        where = {"user": ghost.topic.user, "device": ghost.topic.device}
        try:
            await publish(ghost.topic, ghost.farewell(epoch))
        except PublishRefusedError as exc:
            logger.error("A ghost could not be swept: %s", exc, extra={"fields": where})
            return
        self._births.swept(ghost)
        self._count()
        logger.info("Swept a device that did not come back", extra={"fields": where})
