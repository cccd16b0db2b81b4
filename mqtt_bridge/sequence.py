"""The sequence of updates whose sender gave none."""

from collections.abc import Callable

from .messages import now_ms


class Clock:
    """Milliseconds since 1970, strictly growing: also within one of them, and when the clock is set back."""

    def __init__(self, now: Callable[[], int] = now_ms) -> None:
        self._now = now
        self._last = 0

    def next(self) -> int:
        """A number above every earlier one."""
        self._last = max(self._last + 1, self._now())
        return self._last
