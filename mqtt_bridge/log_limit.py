"""Which log lines about devices are written: a device that does wrong all day must not fill a disk."""

from collections.abc import Callable

from .dedup import LIMIT, Recent

INTERVAL = 1.0
"""Seconds between two lines that say nothing new, over all devices."""


class LogLimit:
    """Admits the first line about each thing, and of all that repeat one, a line per ``INTERVAL``."""

    def __init__(self, now: Callable[[], float], *, remembered: int = LIMIT) -> None:
        """``now`` gives seconds. ``remembered`` is how many things are known not to be new."""
        self._now = now
        self._known: Recent[bool] = Recent(remembered)
        self._next_repeat = 0.0
        self._left_out = 0

    def admit(self, *about: str | None) -> int | None:
        """How many lines were left out before this one; None when it is to be left out too."""
        # Every id can be told from None, and no id has a slash.
        key = "/".join(part or "" for part in about)
        is_new = not self._known.get(key)
        self._known.put(key, True)
        now = self._now()
        if not is_new and now < self._next_repeat:
            self._left_out += 1
            return None
        self._next_repeat = now + INTERVAL
        left_out, self._left_out = self._left_out, 0
        return left_out
