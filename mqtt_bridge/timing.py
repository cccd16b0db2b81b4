"""Time and chance, handed to whoever waits, so that tests do not wait."""

import asyncio
import random
import time

# Linux: counts while the machine sleeps, as CLOCK_MONOTONIC does on macOS. Windows has neither, and a
# time.monotonic that does.
_CLOCK_ID: int | None = getattr(time, "CLOCK_BOOTTIME", getattr(time, "CLOCK_MONOTONIC", None))


def seconds() -> float:
    """Seconds since some start, by a clock that nobody can set and that runs while the machine sleeps."""
    return time.monotonic() if _CLOCK_ID is None else time.clock_gettime(_CLOCK_ID)


class Timing:
    """The real thing."""

    def now(self) -> float:
        """As ``seconds``."""
        return seconds()

    async def sleep(self, delay: float) -> None:
        """Wait ``delay`` seconds."""
        await asyncio.sleep(delay)

    def random(self) -> float:
        """A random number from 0 up to but not including 1."""
        return random.random()  # noqa: S311  # spreads load, keeps no secret
