"""The sequence of updates whose sender gave none."""

from mqtt_bridge.messages import now_ms


class Clock:
    """Milliseconds since 1970, strictly growing: also within one of them, and when the clock is set back."""

    def __init__(self) -> None:
        self._last = 0

    def next(self) -> int:
        """A number above every earlier one."""
        self._last = max(self._last + 1, now_ms())
        return self._last


next_sequence = Clock().next
"""One for the whole process: updates of one shoot may come through different routes."""
