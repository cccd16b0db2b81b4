"""The functions' side of a broker: publishers that end with their test, and bare ears that hear them."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from mqtt_bridge.broker_url import BrokerUrl
from mqtt_bridge.connection import Connection, Incoming
from mqtt_bridge.messages import ShootProgress, ShootProgressMessage, now_ms
from mqtt_bridge.publisher import MqttPublisher
from mqtt_bridge.topics import Topic, device_subscriptions

from .conftest import TestBroker
from .link import PATIENCE

TIMEOUT = 1.0
"""Of one attempt. Two of them and a little must be enough for every publish."""

NewPublisher = Callable[..., MqttPublisher]


class Clock:
    """Seconds that pass when a test says so."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def progress(user: str, done: int = 1) -> ShootProgressMessage:
    data = ShootProgress(
        shoot_id="s", status="processing", processed_count=done, total_count=1000, sequence=now_ms()
    )
    return ShootProgressMessage(user_id=user, data=data)


def url(broker: TestBroker, port: int | None = None) -> BrokerUrl:
    return BrokerUrl.parse(f"mqtt://{broker.control.host}:{port or broker.control.tcp_port}")


@pytest.fixture
async def new_publisher() -> AsyncIterator[NewPublisher]:
    """Makes publishers, and ends their connections after the test."""
    made: list[MqttPublisher] = []

    def new(broker: TestBroker, *, port: int | None = None, **how: Any) -> MqttPublisher:
        how = {"key": broker.key, "timeout": PATIENCE, **how}
        made.append(MqttPublisher(url(broker, port), **how))
        return made[-1]

    yield new
    for publisher in made:
        await publisher.aclose()


async def listen(broker: TestBroker, user: str, *, device: str = "ear") -> tuple[Connection, list[Incoming]]:
    """A device's bare connection, subscribed, and what it receives."""
    received: list[Incoming] = []
    connection = await Connection.open(
        url(broker),
        client_id=f"{user}:{device}",
        username=user,
        password=broker.mint(user, device),
        keepalive=30,
        timeout=PATIENCE,
        on_message=received.append,
    )
    await connection.subscribe(device_subscriptions(user, device))
    return connection, received


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not condition():
            await asyncio.sleep(0.01)


def about(received: list[Incoming], topic: Topic) -> list[Incoming]:
    return [incoming for incoming in received if incoming.topic == str(topic)]
