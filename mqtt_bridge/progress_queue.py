"""Progress that the bridge has yet to take: per shoot one update in flight, and behind it the newest."""

import asyncio
from dataclasses import dataclass
from typing import Literal

from .errors import ClientClosedError, UpdateRefusedError
from .messages import Error, UpdateProgressMessage
from .ordering import progress_rank

RETRY_AFTER = 10
"""Seconds after which an update that was not answered is sent again. Also the message's expiry: a bridge that
comes back late need not work off what has been sent anew."""

Delivery = Literal["acknowledged", "replaced"]
"""What became of an update: ``acknowledged`` by the bridge, or ``replaced`` by a newer one of the same shoot
before it was sent."""


@dataclass(eq=False)
class Update:
    """One update, until its outcome is known."""

    message: UpdateProgressMessage
    outcome: asyncio.Future[Delivery]
    due: float = 0.0
    """When to send it, or send it again."""
    held: bool = False
    """Whether the bridge said when to send it again."""

    @property
    def shoot(self) -> str:
        return self.message.data.shoot_id

    def settle(self, delivery: Delivery) -> None:
        """Tell the outcome. Who asked may have given up."""
        if not self.outcome.done():
            self.outcome.set_result(delivery)

    def fail(self, error: Exception) -> None:
        """Tell that it will not be taken."""
        if not self.outcome.done():
            self.outcome.set_exception(error)
            # Most callers look at the last update only; asyncio would log each of the others.
            self.outcome.exception()


class ProgressQueue:
    """What waits, by shoot. Times are seconds of one clock; nothing is sent from here."""

    def __init__(self) -> None:
        self._in_flight: dict[str, Update] = {}
        self._next: dict[str, Update] = {}

    def put(self, update: Update, now: float) -> None:
        """Take an update. One that is older than what is known of its shoot counts as replaced."""
        current, waiting = self._in_flight.get(update.shoot), self._next.get(update.shoot)
        newest = waiting or current
        if newest is not None and progress_rank(update.message) < progress_rank(newest.message):
            update.settle("replaced")
        elif current is None:
            self._start(update, now)
        else:
            if waiting is not None:
                waiting.settle("replaced")
            self._next[update.shoot] = update

    def take_due(self, now: float) -> Update | None:
        """The update to send now, which will be due again when it is not answered."""
        update = self._first()
        if update is None or update.due > now:
            return None
        update.due, update.held = now + RETRY_AFTER, False
        return update

    def next_due(self) -> float | None:
        """When there will be one to send; None: when another one is put."""
        update = self._first()
        return None if update is None else update.due

    def reconnected(self, now: float) -> None:
        """What was sent on another connection may be lost, and so may its answer: all is due."""
        for update in self._in_flight.values():
            if not update.held:
                update.due = min(update.due, now)

    def acknowledged(self, message_id: str, now: float) -> bool:
        """The bridge took a message. False: none that is in flight."""
        update = self._find(message_id)
        if update is None:
            return False
        update.settle("acknowledged")
        self._advance(update, now)
        return True

    def hold(self, update: Update, now: float) -> None:
        """The broker did not take it: not before the usual wait, and not at a reconnect either."""
        update.due, update.held = now + RETRY_AFTER, True

    def refused(self, error: Error, now: float) -> bool:
        """The bridge did not take a message. False: none that is in flight."""
        update = self._find(error.in_reply_to)
        if update is None:
            return False
        if error.retryable:
            wait = RETRY_AFTER if error.retry_after_ms is None else error.retry_after_ms / 1000
            update.due, update.held = now + wait, True
        else:
            update.fail(UpdateRefusedError(error.code, error.detail, field=error.field))
            self._advance(update, now)
        return True

    def close(self) -> None:
        """Nothing more will be sent: who waits gets a ClientClosedError."""
        for update in (*self._in_flight.values(), *self._next.values()):
            update.fail(ClientClosedError())
        self._in_flight.clear()
        self._next.clear()

    def _first(self) -> Update | None:
        return min(self._in_flight.values(), key=lambda update: update.due, default=None)

    def _find(self, message_id: str | None) -> Update | None:
        return next((each for each in self._in_flight.values() if each.message.id == message_id), None)

    def _start(self, update: Update, now: float) -> None:
        # By the clock and not at once: behind those that have been due for longer.
        update.due = now
        self._in_flight[update.shoot] = update

    def _advance(self, update: Update, now: float) -> None:
        del self._in_flight[update.shoot]
        if following := self._next.pop(update.shoot, None):
            self._start(following, now)
