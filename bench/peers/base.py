"""What each peer says of itself: how its server starts, and how one subscribes and posts to it."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from bench.loader import Protocol, Publisher, Subscriber


@dataclass(frozen=True, slots=True)
class Server:
    """A running server, or several that work together."""

    pids: Sequence[int]
    """Their first processes; threads and children count too."""
    protocol: Protocol
    subscriber: Callable[[str, str], Subscriber]
    """For a user and a device."""
    publisher: Callable[[int], Publisher]
    """For the number of the connection."""
    request: Callable[[str], bytes]
    """For a user."""


class Peer(ABC):
    """Something that brings a POST to a user's devices."""

    name: str
    """In options and results."""
    title: str
    """In tables."""
    over_websocket = True
    """Whether devices connect as browsers do."""

    def unavailable(self) -> str | None:
        """Why it cannot run on this machine; None: it can. Sets up what it needs."""
        return None

    def notes(self) -> list[str]:
        """What a reader of the figures must know."""
        return []

    @abstractmethod
    def running(self, directory: Path) -> AbstractContextManager[Server]:
        """Start it, with ``directory`` for its files, and end it afterwards."""
