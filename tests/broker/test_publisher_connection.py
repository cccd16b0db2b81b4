"""The publisher's one warm connection: shared, renewed in time, and not trusted when it may be dead."""

import asyncio
import logging

import pytest

from mqtt_bridge.publisher import MAX_IDLE, RENEW_AT, MqttPublisher
from mqtt_bridge.topics import ShootTopic

from .conftest import StartBroker, TestBroker
from .link import PATIENCE
from .proxy import proxied
from .publishing import Clock, NewPublisher, about, listen, new_publisher, progress, until, url

__all__ = ["new_publisher"]


async def test_hundred_at_once_share_one_connection(
    broker: TestBroker, user: str, new_publisher: NewPublisher, caplog: pytest.LogCaptureFixture
) -> None:
    """Concurrent requests, the very first ones included, connect once; each gets its own receipt."""
    connection, received = await listen(broker, user)
    messages = [progress(user, done) for done in range(100)]
    with caplog.at_level(logging.WARNING):
        async with proxied(broker.control.tcp_port) as proxy:
            publisher = new_publisher(broker, port=proxy.port)
            receipts = await asyncio.gather(
                *(publisher.publish(ShootTopic(user, "s"), message) for message in messages)
            )
    await until(lambda: len(received) > 100)
    await connection.close()

    assert [receipt.id for receipt in receipts] == [message.id for message in messages]
    assert proxy.connections == 1
    assert len(about(received, ShootTopic(user, "s"))) == 100
    assert caplog.records == []


async def test_connection_that_died_unnoticed_costs_nothing(
    start_broker: StartBroker, user: str, new_publisher: NewPublisher, caplog: pytest.LogCaptureFixture
) -> None:
    """As after a freeze of a function: the next publish first reads the end that waits in the socket."""
    broker = start_broker()
    publisher = new_publisher(broker)
    await publisher.publish(ShootTopic(user, "s"), progress(user))
    # The loop does not run meanwhile, as in a process that is frozen.
    broker.restart()

    with caplog.at_level(logging.INFO, "mqtt_bridge.publisher"):
        await publisher.publish(ShootTopic(user, "s"), progress(user))
    assert "Once more" not in caplog.text


async def test_token_is_renewed_under_way(broker: TestBroker, user: str, new_publisher: NewPublisher) -> None:
    """A new connection takes over before the token ends; what is in flight on the old one ends there."""
    clock = Clock()
    connection, received = await listen(broker, user)
    topic = ShootTopic(user, "s")
    async with proxied(broker.control.tcp_port) as proxy:
        publisher = new_publisher(broker, port=proxy.port, clock=clock, token_lifetime=100)
        await publisher.publish(topic, progress(user))
        clock.now += RENEW_AT * 100 - 1
        proxy.hold()
        in_flight = asyncio.create_task(publisher.publish(topic, progress(user)))
        await until(lambda: len(about(received, topic)) == 2)

        clock.now += 1
        await publisher.publish(topic, progress(user))
        assert not in_flight.done()
        proxy.release()
        await in_flight
        await publisher.publish(topic, progress(user))

        assert proxy.connections == 2
    await until(lambda: len(about(received, topic)) == 4)
    await connection.close()


async def test_idle_connection_is_not_trusted(
    broker: TestBroker, user: str, new_publisher: NewPublisher
) -> None:
    """NAT gateways drop silently: after five minutes a fresh connection is cheaper than to find out."""
    clock = Clock()
    async with proxied(broker.control.tcp_port) as proxy:
        publisher = new_publisher(broker, port=proxy.port, clock=clock)
        for pause, connections in ((0, 1), (MAX_IDLE, 1), (MAX_IDLE, 1), (MAX_IDLE + 1, 2)):
            clock.now += pause
            await publisher.publish(ShootTopic(user, "s"), progress(user))
            assert proxy.connections == connections


async def test_connection_is_replaced_before_its_token_ends(
    broker: TestBroker, user: str, new_publisher: NewPublisher
) -> None:
    """At 80 % of the token's life, at the next use, and not before."""
    clock = Clock()
    async with proxied(broker.control.tcp_port) as proxy:
        publisher = new_publisher(broker, port=proxy.port, clock=clock, token_lifetime=100)
        for pause, connections in ((0, 1), (79, 1), (1, 2), (79, 2), (1, 3)):
            clock.now += pause
            await publisher.publish(ShootTopic(user, "s"), progress(user))
            assert proxy.connections == connections
            # What the metrics of a Lambda function tell.
            assert (publisher.connects, publisher.resends) == (connections, 0)


async def test_closed_publisher_connects_again(
    broker: TestBroker, user: str, new_publisher: NewPublisher
) -> None:
    """Closing is no error before the first use, while it connects, or twice; the next use connects."""
    async with proxied(broker.control.tcp_port) as proxy:
        publisher = new_publisher(broker, port=proxy.port)
        await publisher.aclose()
        proxy.hold(new_ones_too=True)
        publishing = asyncio.create_task(publisher.publish(ShootTopic(user, "s"), progress(user)))
        await until(lambda: proxy.connections == 1)
        closing = asyncio.create_task(publisher.aclose())
        await asyncio.sleep(0)
        proxy.release()
        await asyncio.gather(closing, publishing)
        await publisher.aclose()
        await publisher.aclose()
        connections = proxy.connections
        await publisher.publish(ShootTopic(user, "s"), progress(user))

        assert proxy.connections == connections + 1


def test_another_event_loop_gets_another_connection(broker: TestBroker, user: str) -> None:
    """Hosts that make a loop per request work, and a loop that is gone is not touched."""
    publisher = MqttPublisher(url(broker), key=broker.key, timeout=PATIENCE, instance="reused")
    names = []

    async def publish() -> None:
        for _ in range(2):
            await publisher.publish(ShootTopic(user, "s"), progress(user))
            assert publisher._link is not None
            names.append(publisher._link.device)

    for _ in range(2):
        asyncio.run(publish())
    asyncio.run(publisher.aclose())

    assert names[0] == names[1] != names[2] == names[3]
    assert all(name.startswith("reused-") for name in names)
