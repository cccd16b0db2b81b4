"""Devices and workers for tests of the bridge, against a real broker."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any, Self

from mqtt_bridge.broker_url import BrokerUrl
from mqtt_bridge.connection import Connection, Incoming
from mqtt_bridge.errors import LinkError
from mqtt_bridge.messages import ShootProgress, UpdateProgressMessage, now_ms
from mqtt_bridge.metrics import BridgeMetrics
from mqtt_bridge.rights import Rights
from mqtt_bridge.session import SessionAnswer, Terms, bridge_session, device_session
from mqtt_bridge.timing import Timing
from mqtt_bridge.topics import ROOT, InboxTopic, ShootTopic, Subscription, UplinkTopic
from mqtt_bridge.worker import Worker

from .conftest import TestBroker
from .link import PATIENCE


def url_of(broker: TestBroker) -> BrokerUrl:
    return BrokerUrl.parse(f"mqtt://{broker.control.host}:{broker.control.tcp_port}")


def terms_of(broker: TestBroker, **changes: Any) -> Terms:
    return Terms(key=broker.key, urls=[str(url_of(broker))], **changes)


class Listener:
    """A connection that keeps the JSON of what arrives."""

    def __init__(self) -> None:
        self.messages: list[tuple[str, Any]] = []
        """Topics, and payloads as JSON; None for an empty one."""
        self.connection: Connection
        self._changed = asyncio.Event()

    async def connect(
        self, broker: TestBroker, answer: SessionAnswer, subscriptions: list[Subscription], expiry: int = 0
    ) -> Self:
        self.connection = await Connection.open(
            url_of(broker),
            client_id=answer.client_id,
            username=answer.username,
            password=answer.token,
            keepalive=answer.keepalive,
            timeout=PATIENCE,
            session_expiry=expiry,
            on_message=self._hear,
        )
        await self.connection.subscribe(subscriptions)
        return self

    async def until(self, condition: Callable[[], Any]) -> Any:
        """Wait until what arrived makes this true, and return it."""
        async with asyncio.timeout(PATIENCE):
            while not (result := condition()):
                self._changed.clear()
                await self._changed.wait()
        return result

    def of(self, kind: str) -> list[Any]:
        """The messages of this type so far."""
        return [message for _, message in self.messages if message and message["type"] == kind]

    async def next_of(self, kind: str, number: int = 1) -> Any:
        """The message of this type that came as the ``number``-th."""
        return (
            await self.until(lambda: self.of(kind)[number - 1 : number] or None) and self.of(kind)[number - 1]
        )

    def _hear(self, incoming: Incoming) -> None:
        self.messages.append((incoming.topic, json.loads(incoming.payload) if incoming.payload else None))
        self._changed.set()


class Device(Listener):
    """A device as a foreign client could write it: no logic of ours."""

    def __init__(self, user: str, name: str) -> None:
        super().__init__()
        self.user = user
        self.name = name

    @classmethod
    async def online(
        cls,
        broker: TestBroker,
        user: str,
        name: str = "mac",
        *,
        rights: Rights | None = None,
        expiry: int = 0,
    ) -> Self:
        """Connected, and subscribed to its inbox and to its user's shoots, both at QoS 1."""
        device = cls(user, name)
        answer = device_session(terms_of(broker), user=user, device=name, name=name, platform="mac")
        if rights is not None:
            answer = answer.model_copy(update={"token": broker.mint(user, name, rights)})
        subscriptions = [
            Subscription(str(InboxTopic(user, name)), 1),
            Subscription(f"{ROOT}/users/{user}/events/shoots/+", 1),
        ]
        return await device.connect(broker, answer, subscriptions, expiry)

    def update(self, shoot: str = "wedding", done: int = 1, **changes: Any) -> UpdateProgressMessage:
        """An update that is right in every respect."""
        data = {
            "shoot_id": shoot,
            "status": "processing",
            "processed_count": done,
            "total_count": 100_000,
            "sequence": done,
        } | changes
        return UpdateProgressMessage(user_id=self.user, device_id=self.name, data=ShootProgress(**data))

    async def send(self, message: UpdateProgressMessage) -> UpdateProgressMessage:
        await self.publish(message.to_json())
        return message

    async def publish(self, payload: bytes, kind: Any = "update-progress") -> None:
        await self.connection.publish(str(UplinkTopic(self.user, self.name, kind)), payload)

    async def ping(self) -> str:
        """Send a PING and return its id."""
        message_id = f"ping-{now_ms()}"
        ping = {"type": "PING", "id": message_id, "timestamp": now_ms(), "data": {"sentAt": 1}}
        ids = {"userId": self.user, "deviceId": self.name}
        await self.publish(json.dumps(ping | ids).encode(), "ping")
        return message_id

    def acks(self) -> list[str]:
        """The ids that were acknowledged so far, in order."""
        return [message["data"]["inReplyTo"] for message in self.of("ACK")]

    async def acked(self, *ids: str) -> None:
        """Wait until all of these were acknowledged."""
        await self.until(lambda: set(ids) <= set(self.acks()))

    def progress(self, shoot: str = "wedding") -> list[Any]:
        """The SHOOT_PROGRESS of a shoot so far."""
        topic = str(ShootTopic(self.user, shoot))
        return [message for where, message in self.messages if where == topic]

    async def close(self) -> None:
        with suppress(LinkError):
            await self.connection.close()


class HurriedTiming(Timing):
    """Waits a hundredth of the time."""

    async def sleep(self, delay: float) -> None:
        await asyncio.sleep(delay / 100)


def sessions(
    broker: TestBroker, index: int = 0, count: int = 1, **terms: Any
) -> Callable[[], Awaitable[SessionAnswer]]:
    """What the session function answers a worker."""

    async def get_session() -> SessionAnswer:
        return bridge_session(terms_of(broker, **terms), index=index, count=count)

    return get_session


@asynccontextmanager
async def working(
    broker: TestBroker, index: int = 0, count: int = 1, *, until_ready: bool = True, **how: Any
) -> AsyncIterator[Worker]:
    """A worker in this process, stopped in order at the end."""
    how = {
        "get_session": sessions(broker, index, count),
        "metrics": BridgeMetrics(),
        "timing": HurriedTiming(),
    } | how
    worker = Worker(how.pop("get_session"), index=index, count=count, **how)
    running = asyncio.create_task(worker.run())
    try:
        if until_ready:
            await eventually(lambda: worker.ready)
        yield worker
    finally:
        worker.stop()
        async with asyncio.timeout(PATIENCE):
            await running


async def eventually(condition: Callable[[], Any]) -> Any:
    """Wait until this is true, and return it."""
    async with asyncio.timeout(PATIENCE):
        while not (result := condition()):  # noqa: ASYNC110  # what is waited for tells nobody
            await asyncio.sleep(0.01)
    return result
