"""Between the connection, which never waits, and an app that may be slow: memory that stays bounded."""

import asyncio
import itertools
from collections.abc import Hashable

from .events import ClientEvent, Resync

LIMIT = 1000
"""Events. What a state says is kept once per state, so that needs no limit."""


class Mailbox:
    """Keeps events in order until they are taken.

    Of a state only the newest value waits. When more than ``limit`` other events wait, they are dropped, and
    a Resync says so.
    """

    def __init__(self, limit: int = LIMIT) -> None:
        self._limit = limit
        self._waiting: dict[Hashable, ClientEvent] = {}
        self._numbers = itertools.count()
        self._queued: set[int] = set()
        self._changed = asyncio.Event()
        self._closed = False
        self._error: BaseException | None = None
        self.dropped = 0
        """How many events were dropped."""

    def put(self, event: ClientEvent, *, state: str | None = None) -> None:
        """Add an event. ``state`` names the thing whose newest value it is."""
        if self._closed:
            return
        if isinstance(event, Resync):
            state = "resync"
        if state is not None:
            self._waiting[state] = event
        else:
            self._put_queued(event)
        self._changed.set()

    def close(self, error: BaseException | None = None) -> None:
        """Take no more. Who waits gets what is left, then the end, or the error."""
        self._closed = True
        self._error = self._error or error
        self._changed.set()

    async def get(self) -> ClientEvent:
        """The next event. Raises StopAsyncIteration when the mailbox is closed and empty."""
        while not self._waiting:
            if self._error is not None:
                raise self._error
            if self._closed:
                raise StopAsyncIteration
            self._changed.clear()
            await self._changed.wait()
        key = next(iter(self._waiting))
        if isinstance(key, int):
            self._queued.discard(key)
        return self._waiting.pop(key)

    def _put_queued(self, event: ClientEvent) -> None:
        if len(self._queued) >= self._limit:
            for number in self._queued:
                del self._waiting[number]
            self.dropped += len(self._queued) + 1
            self._queued.clear()
            self._waiting["resync"] = Resync("overflow")
            return
        number = next(self._numbers)
        self._queued.add(number)
        self._waiting[number] = event
