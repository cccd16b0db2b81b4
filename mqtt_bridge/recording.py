"""A publisher without a broker: for tests of callers, and for running without one."""

from typing import Literal

from .errors import PublishError
from .messages import Envelope
from .publisher import DeviceList, Publisher, Receipt
from .retained_presence import RetainedPresence
from .sign_out import RevokeOrder
from .topics import PresenceTopic, Topic, UserTopic


class RecordingPublisher(Publisher):
    """Keeps what it was given, in order: messages in ``sent``, the rest in ``revoked`` and ``cleared``.

    ``presence`` and ``events`` are what it finds retained, until they are cleared; what is published does not
    enter them. ``fail_with`` makes every call raise that error; ``listeners`` is what the receipts say.
    """

    def __init__(self) -> None:
        self.sent: list[tuple[Topic, Envelope]] = []
        self.revoked: list[RevokeOrder] = []
        self.cleared: list[Topic] = []
        self.presence: dict[PresenceTopic, RetainedPresence] = {}
        self.events: set[UserTopic] = set()
        self.fail_with: PublishError | None = None
        self.listeners: Literal["none", "some"] = "some"
        self.closed = False

    async def publish(self, topic: Topic, message: Envelope) -> Receipt:
        self._fail()
        self.sent.append((topic, message))
        return Receipt(id=message.id, listeners=self.listeners)

    async def clear(self, topic: Topic) -> None:
        self._fail()
        self.cleared.append(topic)
        if isinstance(topic, PresenceTopic):
            self.presence.pop(topic, None)
        elif isinstance(topic, UserTopic):
            self.events.discard(topic)

    async def revoke(self, order: RevokeOrder) -> None:
        self._fail()
        self.revoked.append(order)

    async def read_device(self, topic: PresenceTopic) -> RetainedPresence | None:
        self._fail()
        return self.presence.get(topic)

    async def list_devices(self, user: str) -> DeviceList:
        self._fail()
        known = {topic.device: self.presence[topic] for topic in self.presence if topic.user == user}
        names = sorted(known)
        return DeviceList([known[name] for name in names], names, complete=True)

    async def list_events(self, user: str) -> list[UserTopic]:
        self._fail()
        return sorted((topic for topic in self.events if topic.user == user), key=str)

    async def round_trip(self) -> float:
        self._fail()
        return 0.0

    async def aclose(self) -> None:
        self.closed = True

    def _fail(self) -> None:
        if self.fail_with is not None:
            raise self.fail_with
