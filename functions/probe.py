"""Measures the way to the broker and back, at most once a second however many ask."""

import asyncio

from mqtt_bridge.errors import PublishError
from mqtt_bridge.publisher import Publisher
from mqtt_bridge.timing import seconds

from .problems import unreachable

LIFESPAN = 1.0
"""Seconds that a measurement is answered again. Without it anybody could make the broker busy."""


class Probe:
    """Shares one measurement among those who ask at the same time, and for a second after."""

    def __init__(self, publisher: Publisher, *, timeout: float) -> None:
        self._publisher = publisher
        self._timeout = timeout
        self._running: asyncio.Task[float] | None = None
        self._shared_until = float("-inf")

    async def round_trip(self) -> float:
        """Seconds. Raises 503 when no message gets through within the timeout."""
        if self._running is None or seconds() > self._shared_until:
            # One that takes longer than it may was frozen between two invocations, and tells of the past.
            self._shared_until = seconds() + self._timeout
            self._running = asyncio.create_task(self._measure())
        try:
            # Whoever asked first may be gone while others wait.
            return await asyncio.shield(self._running)
        except (PublishError, TimeoutError) as exc:
            raise unreachable() from exc

    async def _measure(self) -> float:
        try:
            async with asyncio.timeout(self._timeout):
                return await self._publisher.round_trip()
        finally:
            self._shared_until = seconds() + LIFESPAN
