"""Acknowledging messages in the order in which they arrived, in whatever order the work on them ends."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from .incoming import Incoming


@dataclass(eq=False, slots=True)
class Arrival:
    """A message that the broker waits to hear about."""

    message: Incoming
    done: bool = False


class InOrder:
    """MQTT 5, 4.6: PUBACKs go out in the order of arrival, so one that is not done holds up the rest."""

    def __init__(self, acknowledge: Callable[[Incoming], None]) -> None:
        self._acknowledge = acknowledge
        self._waiting: deque[Arrival] = deque()

    def arrived(self, message: Incoming) -> Arrival:
        """Take a place in the line."""
        arrival = Arrival(message)
        self._waiting.append(arrival)
        return arrival

    def done(self, arrival: Arrival) -> None:
        """The work is done: acknowledge it, and those behind it that waited for it alone."""
        arrival.done = True
        while self._waiting and self._waiting[0].done:
            self._acknowledge(self._waiting.popleft().message)

    def __len__(self) -> int:
        return len(self._waiting)
