"""One connect of a device, from CONNECT to the epoch: what it brought, and whether something is missing."""

import asyncio
from collections.abc import Container

from .events import ResyncCause


class CatchUp:
    """What came on one connection so far.

    The retained copy of the epoch marks the end of what the broker had queued. A copy that is not retained
    was itself queued, at the broker's boot, and marks nothing.
    """

    def __init__(self, *, queue_limit: int) -> None:
        self._queue_limit = queue_limit
        self._queued = 0
        self.own_session: int | None = None
        """The session in the device's own retained presence, where there is one."""
        self.epoch: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    @property
    def complete(self) -> bool:
        """Whether the marker came."""
        return self.epoch.done()

    def count_queued(self) -> None:
        """Count a QoS 1 message that is not retained."""
        if not self.complete:
            self._queued += 1

    def mark(self, epoch: str) -> None:
        """Take the retained epoch. It comes again with each resubscription."""
        if not self.complete:
            self.epoch.set_result(epoch)

    def resync_cause(
        self, *, session_present: bool, known_epoch: str | None, announced: Container[int]
    ) -> ResyncCause | None:
        """Why the app must fetch anew, or None when nothing was missed.

        ``known_epoch`` is that of the previous connect; ``announced`` are the sessions of this client.
        """
        if not session_present:
            return "no-session"
        if not self.complete:
            return "no-epoch"
        if self.own_session is not None and self.own_session not in announced:
            return "foreign-session"
        if self.epoch.result() != known_epoch:
            return "new-epoch"
        return "queue-full" if self._queued >= self._queue_limit else None
