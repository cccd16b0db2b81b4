"""A publisher without a broker: for tests of callers, and for running without one."""

from typing import Literal

from .errors import PublishError
from .messages import Envelope
from .publisher import Publisher, Receipt
from .topics import Topic


class RecordingPublisher(Publisher):
    """Keeps what it was given, in order, in ``sent``.

    ``fail_with`` makes every call raise that error; ``listeners`` is what the receipts say.
    """

    def __init__(self) -> None:
        self.sent: list[tuple[Topic, Envelope]] = []
        self.fail_with: PublishError | None = None
        self.listeners: Literal["none", "some"] = "some"
        self.closed = False

    async def publish(self, topic: Topic, message: Envelope) -> Receipt:
        self._fail()
        self.sent.append((topic, message))
        return Receipt(id=message.id, listeners=self.listeners)

    async def round_trip(self) -> float:
        self._fail()
        return 0.0

    async def aclose(self) -> None:
        self.closed = True

    def _fail(self) -> None:
        if self.fail_with is not None:
            raise self.fail_with
