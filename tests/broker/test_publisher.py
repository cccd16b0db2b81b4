"""Publishing through a real broker: what a receipt promises, and what happens when the broker does not."""

import asyncio
from collections.abc import Callable

import pytest

from mqtt_bridge.errors import PublishError, PublishRefusedError
from mqtt_bridge.messages import (
    Ack,
    AckMessage,
    CreditUpdate,
    CreditUpdateMessage,
    Envelope,
    Ping,
    PingMessage,
    PromptChange,
    PromptChangeMessage,
)
from mqtt_bridge.publisher import Receipt
from mqtt_bridge.tokens import SigningKey
from mqtt_bridge.topics import CreditsTopic, InboxTopic, PromptsTopic, ShootTopic, Topic, UplinkTopic

from .conftest import StartBroker, TestBroker
from .link import PATIENCE
from .proxy import proxied
from .publishing import TIMEOUT, NewPublisher, about, listen, new_publisher, progress, until

__all__ = ["new_publisher"]


async def test_receipt_says_whether_anybody_listens(
    broker: TestBroker, user: str, new_publisher: NewPublisher
) -> None:
    """``none`` only when no session subscribes, so that a push can be sent instead."""
    publisher = new_publisher(broker)
    topic, message = ShootTopic(user, "s"), progress(user)

    assert await publisher.publish(topic, message) == Receipt(id=message.id, listeners="none")
    connection, _ = await listen(broker, user)
    assert (await publisher.publish(topic, progress(user))).listeners == "some"
    await connection.close()


@pytest.mark.parametrize(
    ("topic", "message", "retained", "expiry"),
    [
        pytest.param(
            lambda user: ShootTopic(user, "s"), lambda user: progress(user), True, 86_400, id="progress"
        ),
        pytest.param(
            CreditsTopic,
            lambda user: CreditUpdateMessage(
                user_id=user, data=CreditUpdate(new_balance=5, change=5, reason="bought")
            ),
            True,
            2_592_000,
            id="credits",
        ),
        pytest.param(
            PromptsTopic,
            lambda user: PromptChangeMessage(user_id=user, data=PromptChange(action="created")),
            False,
            None,
            id="prompts",
        ),
        pytest.param(
            lambda user: InboxTopic(user, "ear"),
            lambda user: AckMessage(user_id=user, data=Ack(in_reply_to="1")),
            False,
            60,
            id="inbox",
        ),
    ],
)
async def test_topic_decides_on_retain_and_expiry(
    broker: TestBroker,
    user: str,
    new_publisher: NewPublisher,
    topic: Callable[[str], Topic],
    message: Callable[[str], Envelope],
    retained: bool,
    expiry: int | None,
) -> None:
    """On the wire: state is there for who comes later, events are not, and each expires as it should."""
    where, what = topic(user), message(user)
    early, heard_live = await listen(broker, user)
    await new_publisher(broker).publish(where, what)
    await until(lambda: about(heard_live, where))
    await early.close()
    late, heard_later = await listen(broker, user)
    await until(lambda: [one for one in heard_later if one.topic.endswith("/epoch")])
    await late.close()

    live = about(heard_live, where)[0]
    assert (live.payload, live.retain, live.expires_in) == (what.to_json(), False, expiry)
    copies = about(heard_later, where)
    assert [copy.payload for copy in copies] == ([what.to_json()] if retained else [])
    for copy in copies:
        assert copy.retain
        assert copy.expires_in is not None
        assert expiry is not None
        assert expiry - PATIENCE <= copy.expires_in <= expiry


async def test_refused_publish_is_an_error_and_is_not_sent_again(
    broker: TestBroker, user: str, new_publisher: NewPublisher
) -> None:
    """The broker would refuse it again; the connection is good and stays."""
    async with proxied(broker.control.tcp_port) as proxy:
        publisher = new_publisher(broker, port=proxy.port)
        ping = PingMessage(user_id=user, device_id="mac", data=Ping(sent_at=0))

        with pytest.raises(PublishRefusedError) as refused:
            await publisher.publish(UplinkTopic(user, "mac", "ping"), ping)
        await publisher.publish(ShootTopic(user, "s"), progress(user))

    assert refused.value.reason_code == 0x87
    assert not refused.value.retryable
    assert proxy.connections == 1


async def test_who_awaits_each_keeps_the_order(
    broker: TestBroker, user: str, new_publisher: NewPublisher
) -> None:
    """Through a cut in between, too: the resent message is not overtaken by the next."""
    connection, received = await listen(broker, user)
    messages = [progress(user, done) for done in range(20)]
    async with proxied(broker.control.tcp_port) as proxy:
        publisher = new_publisher(broker, port=proxy.port)
        for number, message in enumerate(messages):
            if number == 10:
                proxy.cut()
            await publisher.publish(ShootTopic(user, "s"), message)
    await until(lambda: len(about(received, ShootTopic(user, "s"))) == 20)
    await connection.close()

    payloads = [incoming.payload for incoming in about(received, ShootTopic(user, "s"))]
    assert payloads == [message.to_json() for message in messages]


async def test_message_without_acknowledgement_goes_out_again_with_its_id(
    broker: TestBroker, user: str, new_publisher: NewPublisher
) -> None:
    """The broker took it, the PUBACK was lost: receivers see two copies of one id, and drop one."""
    connection, received = await listen(broker, user)
    topic, message = ShootTopic(user, "s"), progress(user, 2)
    async with proxied(broker.control.tcp_port) as proxy:
        publisher = new_publisher(broker, port=proxy.port)
        await publisher.publish(topic, progress(user, 1))
        proxy.hold()
        publishing = asyncio.create_task(publisher.publish(topic, message))
        await until(lambda: len(about(received, topic)) == 2)
        proxy.cut()
        receipt = await publishing
    await until(lambda: len(about(received, topic)) == 3)
    await connection.close()

    assert receipt.id == message.id
    assert [one.payload for one in about(received, topic)[1:]] == [message.to_json()] * 2


async def test_silence_of_the_broker_is_an_error_in_time(
    broker: TestBroker, user: str, new_publisher: NewPublisher
) -> None:
    """Neither a success that was not acknowledged nor an endless wait; afterwards all is well."""
    async with proxied(broker.control.tcp_port) as proxy:
        publisher = new_publisher(broker, port=proxy.port, timeout=TIMEOUT)
        await publisher.publish(ShootTopic(user, "s"), progress(user))
        proxy.hold(new_ones_too=True)
        async with asyncio.timeout(PATIENCE):
            with pytest.raises(PublishError, match="within 1 s") as silent:
                await publisher.publish(ShootTopic(user, "s"), progress(user))
            with pytest.raises(PublishError):
                await publisher.round_trip()
        proxy.release()
        publisher._timeout = PATIENCE
        await publisher.publish(ShootTopic(user, "s"), progress(user))

    assert silent.value.retryable


async def test_frozen_broker(start_broker: StartBroker, user: str, new_publisher: NewPublisher) -> None:
    """A broker that hangs with its connections up: errors in time, and success when it goes on."""
    broker = start_broker()
    publisher = new_publisher(broker, timeout=TIMEOUT)
    await publisher.publish(ShootTopic(user, "s"), progress(user))
    broker.control.pause()
    async with asyncio.timeout(PATIENCE):
        outcomes = await asyncio.gather(
            *(publisher.publish(ShootTopic(user, "s"), progress(user)) for _ in range(5)),
            return_exceptions=True,
        )
    broker.control.resume()

    assert [type(outcome) for outcome in outcomes] == [PublishError] * 5
    publisher._timeout = PATIENCE
    await publisher.publish(ShootTopic(user, "s"), progress(user))


async def test_broker_that_ends_during_a_publish(
    start_broker: StartBroker, user: str, new_publisher: NewPublisher
) -> None:
    """An error as soon as the connection is lost, whatever the time-out; a restart needs no new publisher."""
    broker = start_broker()
    publisher = new_publisher(broker, timeout=3600)
    await publisher.publish(ShootTopic(user, "s"), progress(user))
    broker.control.pause()
    publishing = asyncio.create_task(publisher.publish(ShootTopic(user, "s"), progress(user)))
    await asyncio.sleep(0.1)
    assert not publishing.done()

    broker.control.kill()
    async with asyncio.timeout(PATIENCE):
        with pytest.raises(PublishError, match="refused"):
            await publishing
        with pytest.raises(PublishError):
            await publisher.publish(ShootTopic(user, "s"), progress(user))
    await asyncio.to_thread(broker.control.start)
    async with asyncio.timeout(PATIENCE):
        await publisher.publish(ShootTopic(user, "s"), progress(user))


async def test_token_that_the_broker_refuses(
    broker: TestBroker, user: str, new_publisher: NewPublisher
) -> None:
    """One attempt, and an error that names the reason: a key that was not rolled out, as a rule."""
    async with proxied(broker.control.tcp_port) as proxy:
        publisher = new_publisher(broker, port=proxy.port, key=SigningKey.generate())
        with pytest.raises(PublishError, match="Not authorized") as refused:
            await publisher.publish(ShootTopic(user, "s"), progress(user))

    assert not isinstance(refused.value, PublishRefusedError)
    assert proxy.connections == 1


async def test_caller_that_gives_up_takes_nobody_along(
    broker: TestBroker, user: str, new_publisher: NewPublisher
) -> None:
    """A request that is cancelled, while connecting or publishing, leaves the others' publishes whole."""
    connection, received = await listen(broker, user)
    topic = ShootTopic(user, "s")
    async with proxied(broker.control.tcp_port) as proxy:
        publisher = new_publisher(broker, port=proxy.port)
        proxy.hold(new_ones_too=True)
        connecting = [asyncio.create_task(publisher.publish(topic, progress(user))) for _ in range(3)]
        await until(lambda: proxy.connections == 1)
        connecting[0].cancel()
        await asyncio.wait({connecting[0]})
        proxy.release()
        await asyncio.gather(*connecting[1:])

        proxy.hold()
        publishing = [asyncio.create_task(publisher.publish(topic, progress(user))) for _ in range(3)]
        await until(lambda: len(about(received, topic)) == 5)
        publishing[0].cancel()
        await asyncio.wait({publishing[0]})
        proxy.release()
        await asyncio.gather(*publishing[1:])

        assert proxy.connections == 1
    await connection.close()


async def test_round_trip(broker: TestBroker, new_publisher: NewPublisher) -> None:
    """Measured through the broker and back, by several at once, each by its own message."""
    publisher = new_publisher(broker)

    times = await asyncio.gather(*(publisher.round_trip() for _ in range(5)))
    times.append(await publisher.round_trip())

    assert all(0 < seconds < PATIENCE for seconds in times)


async def test_nothing_listens(new_publisher: NewPublisher, start_broker: StartBroker, user: str) -> None:
    """No broker at all is an error that says so, in time, from both kinds of call."""
    broker = start_broker()
    broker.control.stop()
    publisher = new_publisher(broker)

    async with asyncio.timeout(PATIENCE):
        with pytest.raises(PublishError, match="refused"):
            await publisher.publish(ShootTopic(user, "s"), progress(user))
        with pytest.raises(PublishError, match="refused"):
            await publisher.round_trip()
