"""Devices and workers for tests of the bridge, against a real broker."""

import asyncio
import json
from collections import defaultdict
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any, ClassVar

from mqtt_bridge.broker_url import BrokerUrl
from mqtt_bridge.connection import Connection, Incoming
from mqtt_bridge.messages import ShootProgress, UpdateProgressMessage, now_ms
from mqtt_bridge.metrics import BridgeMetrics
from mqtt_bridge.rights import Rights, device_rights
from mqtt_bridge.session import SessionAnswer, Terms, bridge_session, device_session
from mqtt_bridge.timing import Timing
from mqtt_bridge.topics import (
    EPOCH,
    InboxTopic,
    ShootTopic,
    Subscription,
    UplinkTopic,
    user_devices,
    user_shoots,
)
from mqtt_bridge.worker import GetSession, Worker

from .conftest import TestBroker
from .link import PATIENCE


def url_of(broker: TestBroker) -> BrokerUrl:
    return BrokerUrl.parse(f"mqtt://{broker.control.host}:{broker.control.tcp_port}")


def terms_of(broker: TestBroker, **changes: Any) -> Terms:
    return Terms(key=broker.key, urls=[str(url_of(broker))], **changes)


class Device:
    """A device as a foreign client could write it: no logic of ours. It keeps the JSON of what arrives."""

    opened: ClassVar[list["Device"]] = []

    def __init__(self, user: str, name: str) -> None:
        self.user = user
        self.name = name
        self.messages: list[tuple[str, Any]] = []
        """Topics, and payloads as JSON; None for an empty one."""
        self.epoch: str | None = None
        """Once it was asked for."""
        self.connection: Connection
        self._changed = asyncio.Event()
        self._answered: dict[str, asyncio.Event] = defaultdict(asyncio.Event)

    @classmethod
    async def online(
        cls, broker: TestBroker, user: str, name: str = "mac", *, rights: Rights | None = None
    ) -> "Device":
        """Connected, and subscribed to its inbox and to its user's shoots and devices, all at QoS 1."""
        device = cls(user, name)
        answer = device_session(terms_of(broker), user=user, device=name, name=name, platform="mac")
        device.connection = await Connection.open(
            url_of(broker),
            client_id=answer.client_id,
            username=answer.username,
            password=broker.mint(user, name, rights or device_rights(user, name)),
            keepalive=answer.keepalive,
            timeout=PATIENCE,
            on_message=device._hear,
        )
        cls.opened.append(device)
        await device.connection.subscribe(
            Subscription(topic_filter, 1)
            for topic_filter in (str(InboxTopic(user, name)), user_shoots(user), user_devices(user))
        )
        return device

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
        await self.until(lambda: len(self.of(kind)) >= number)
        return self.of(kind)[number - 1]

    def _hear(self, incoming: Incoming) -> None:
        self._changed.set()
        if incoming.topic == str(EPOCH):
            self.epoch = incoming.payload.decode()
            return
        message = json.loads(incoming.payload) if incoming.payload else None
        self.messages.append((incoming.topic, message))
        if message and message["type"] == "ACK":
            self._answered[message["data"]["inReplyTo"]].set()

    def update(self, shoot: str = "wedding", done: int = 1, **changes: Any) -> UpdateProgressMessage:
        """An update that is right in every respect."""
        data: dict[str, Any] = {
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

    async def acked_within(self, seconds: float, message_id: str) -> bool:
        """Whether this was acknowledged, after waiting for so long at most."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._answered[message_id].wait(), seconds)
        return self._answered[message_id].is_set()

    def progress(self, shoot: str = "wedding") -> list[Any]:
        """The SHOOT_PROGRESS of a shoot so far."""
        topic = str(ShootTopic(self.user, shoot))
        return [message for where, message in self.messages if where == topic]

    @classmethod
    async def close_all(cls) -> None:
        """One that a test left open would warn in another test."""
        while cls.opened:
            await cls.opened.pop().connection.close()


class HurriedTiming(Timing):
    """Time that passes ``times`` as fast."""

    def __init__(self, times: float = 100.0) -> None:
        self._times = times

    def now(self) -> float:
        return super().now() * self._times

    async def sleep(self, delay: float) -> None:
        await asyncio.sleep(delay / self._times)


def sessions(broker: TestBroker, index: int = 0, count: int = 1, **terms: Any) -> GetSession:
    """What the session function answers a worker."""

    async def get_session() -> SessionAnswer:
        return bridge_session(terms_of(broker, **terms), index=index, count=count)

    return get_session


@asynccontextmanager
async def working(
    broker: TestBroker,
    index: int = 0,
    count: int = 1,
    *,
    get_session: GetSession | None = None,
    metrics: BridgeMetrics | None = None,
    port: int | None = None,
    until_ready: bool = True,
    **how: Any,
) -> AsyncIterator[Worker]:
    """A worker in this process, stopped in order at the end. ``port``: of a proxy to the broker."""
    url = BrokerUrl.parse(f"mqtt://127.0.0.1:{port}") if port else None
    worker = Worker(
        get_session or sessions(broker, index, count),
        index=index,
        count=count,
        metrics=metrics or BridgeMetrics(),
        broker=url,
        **{"timing": HurriedTiming(), **how},
    )
    running = asyncio.create_task(worker.run())
    try:
        if until_ready:
            await eventually(lambda: worker.ready)
        yield worker
    finally:
        worker.stop()
        async with asyncio.timeout(PATIENCE):
            await running


def samples(metrics: BridgeMetrics) -> dict[str, float]:
    """Every sample of the exposition that is not 0, by name and labels."""
    lines = metrics.exposition().decode().splitlines()
    found = (line.rsplit(" ", 1) for line in lines if line and not line.startswith("#"))
    return {name: float(value) for name, value in found if float(value)}


def counted(metrics: BridgeMetrics, outcome: str, kind: str = "UPDATE_PROGRESS") -> float:
    """How many messages of a type had this outcome."""
    name = f'kull_sync_bridge_messages_total{{outcome="{outcome}",type="{kind}"}}'
    return samples(metrics).get(name, 0.0)


async def eventually(condition: Callable[[], Any], *, within: float = PATIENCE) -> Any:
    """Wait until this is true, for so many seconds at most, and return it."""
    async with asyncio.timeout(within):
        while not (result := condition()):
            await asyncio.sleep(0.01)
    return result
