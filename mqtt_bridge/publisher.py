"""Publishing to the broker from request handlers: what a publisher is, and the one that does it."""

from dataclasses import dataclass
from typing import Literal, Protocol

from .messages import Envelope
from .topics import Topic


@dataclass(frozen=True, slots=True)
class Receipt:
    """The broker acknowledged the message."""

    id: str
    """The message's id."""
    listeners: Literal["none", "some"]
    """``none`` when not even a sleeping session subscribes (MQTT 5 PUBACK reason 0x10)."""


class Publisher(Protocol):
    """Publishes messages. Shared by concurrent requests."""

    async def publish(self, topic: Topic, message: Envelope) -> Receipt:
        """Publish with the topic's retain flag and expiry, and return once the broker acknowledged.

        Raises PublishError when it did not: the message may have been published all the same, and may be sent
        again with the same id. Raises PublishRefusedError when the broker refused it.
        """
        ...

    async def round_trip(self) -> float:
        """Seconds that a message takes to the broker and back to here. Raises PublishError."""
        ...

    async def aclose(self) -> None:
        """End the connection, where there is one."""
        ...
