"""When the app is told to fetch anew: each cause with a real broker behind it, and none without one."""

import asyncio

import pytest

from mqtt_bridge.broker_url import BrokerUrl
from mqtt_bridge.connection import Connection, Incoming
from mqtt_bridge.events import Event, Resync
from mqtt_bridge.messages import PromptChangeMessage
from mqtt_bridge.publisher import MqttPublisher
from mqtt_bridge.session import SessionAnswer, device_session
from mqtt_bridge.topics import EPOCH, PromptsTopic

from .conftest import StartBroker, TestBroker
from .devices import Sessions, SteppedTiming, running, until
from .link import PATIENCE
from .proxy import proxied
from .test_client import prompt, publisher

__all__ = ["publisher"]


async def earlier_run(
    broker: TestBroker, user: str, sessions: Sessions, *, announce: bool, acknowledge: bool = True
) -> None:
    """Be the device for a moment and vanish, as an app does that crashes; its broker session stays."""
    received: list[Incoming] = []
    answer = device_session(sessions.terms, user=user, device="mac", name="mac", platform="mac")
    assert answer.topics is not None
    assert answer.birth is not None
    connection = await Connection.open(
        BrokerUrl.parse(answer.urls[0]),
        client_id=answer.client_id,
        username=answer.username,
        password=answer.token,
        keepalive=30,
        timeout=PATIENCE,
        session_expiry=600,
        manual_ack=True,
        on_message=received.append,
    )
    await connection.subscribe(answer.subscriptions, identifier=1)
    await until(lambda: any(message.topic == str(EPOCH) for message in received))
    if announce:
        birth = answer.birth.fill(session=answer.session, epoch=received[-1].payload.decode())
        await connection.publish(answer.topics.presence, birth.to_json(), retain=True)
    if acknowledge:
        for message in received:
            connection.ack(message)
        # Answered after the acknowledgements were read.
        await connection.subscribe(answer.subscriptions[:1])
    connection.abort()


async def test_blip_is_no_reason(broker: TestBroker, user: str) -> None:
    """Back in the same session at the same broker, the app is left alone: nothing was missed."""
    timing = SteppedTiming()
    async with (
        proxied(broker.control.tcp_port) as proxy,
        running(Sessions(broker, port=proxy.port), user, timing=timing) as app,
    ):
        for _ in range(3):
            proxy.cut()
            await app.until(lambda app: not app.client.connected)
            await app.until_back(timing)

        assert app.resyncs == ["no-session"]
        assert proxy.connections == 4


async def test_session_that_the_broker_forgot(broker: TestBroker, user: str) -> None:
    """Without a session nothing was queued: at the first connect, and when it expired meanwhile."""
    timing = SteppedTiming()
    async with (
        proxied(broker.control.tcp_port) as proxy,
        running(Sessions(broker, port=proxy.port, session_expiry=0), user, timing=timing) as app,
    ):
        assert app.resyncs == ["no-session"]
        proxy.cut()
        await app.until(lambda app: not app.client.connected)
        await app.until_back(timing)
        await app.until(lambda app: app.resyncs == ["no-session", "no-session"])


async def test_broker_that_does_not_tell_its_epoch(broker: TestBroker, user: str) -> None:
    """Without the marker nobody knows the end of the queue: after 5 s the app is told, and all goes on."""

    def without_epoch(answer: SessionAnswer) -> SessionAnswer:
        return answer.model_copy(update={"subscriptions": answer.subscriptions[:-1]})

    timing = SteppedTiming()
    async with proxied(broker.control.tcp_port) as proxy:
        sessions = Sessions(broker, port=proxy.port, lifetime=100)
        async with running(sessions, user, timing=timing) as app:
            # The next token brings other subscriptions. The one to the epoch lives on in the broker's
            # session, but brings no retained copy.
            sessions.change = without_epoch
            await timing.advance(80)
            await until(lambda: proxy.said.count(b"/events/shoots/+") == 2)
            assert not app.client.connected
            await timing.advance_until(lambda: app.resyncs == ["no-session", "no-epoch"])
            assert app.client.connected


async def test_broker_that_was_started_anew(start_broker: StartBroker, user: str) -> None:
    """The session survived, but a broker that crashed may have lost what it had acknowledged."""
    broker = start_broker()
    timing = SteppedTiming()
    async with running(Sessions(broker), user, timing=timing) as app:
        await asyncio.to_thread(broker.restart)
        await app.until(lambda app: not app.client.connected)
        await app.until_back(timing)
        await app.until(lambda app: len(app.resyncs) == 2)

        assert app.resyncs[1] == "new-epoch"


@pytest.mark.parametrize(("missed", "resyncs"), [(4, []), (5, ["queue-full"]), (7, ["queue-full"])])
async def test_queue_that_was_full(
    broker: TestBroker, user: str, publisher: MqttPublisher, missed: int, resyncs: list[str]
) -> None:
    """As many messages as the broker queues: it may have dropped more, without a word."""
    timing = SteppedTiming()
    async with (
        proxied(broker.control.tcp_port) as proxy,
        running(Sessions(broker, port=proxy.port, queue_limit=5), user, timing=timing) as app,
    ):
        proxy.cut()
        await app.until(lambda app: not app.client.connected)
        for number in range(missed):
            await publisher.publish(PromptsTopic(user), prompt(user, str(number)))
        await app.until_back(timing)

        assert app.resyncs == ["no-session", *resyncs]
        assert sum(event.replayed for event in app.all(Event)) == missed
        if resyncs:
            # Told after all that came, so that what is fetched is newer.
            last_replayed = max(
                n for n, one in enumerate(app.events) if isinstance(one, Event) and one.replayed
            )
            assert app.events.index(Resync("queue-full")) > last_replayed


async def test_another_run_was_this_device(broker: TestBroker, user: str) -> None:
    """The broker's session is there, but what it brought until now went to an app that is gone."""
    sessions = Sessions(broker)
    await earlier_run(broker, user, sessions, announce=True)

    async with running(sessions, user) as app:
        assert app.resyncs == ["foreign-session"]


async def test_first_connect_always_tells(broker: TestBroker, user: str) -> None:
    """An app that was just started knows nothing, also where an earlier run left a session behind."""
    sessions = Sessions(broker)
    await earlier_run(broker, user, sessions, announce=False)

    async with running(sessions, user) as app:
        assert app.resyncs == ["new-epoch"]


async def test_marker_of_an_earlier_connection_is_no_marker(
    broker: TestBroker, user: str, publisher: MqttPublisher
) -> None:
    """The broker delivers an unacknowledged copy of the epoch again, ahead of what it queued after it."""
    sessions = Sessions(broker, queue_limit=3)
    await earlier_run(broker, user, sessions, announce=False, acknowledge=False)
    missed = [prompt(user, str(number)) for number in range(3)]
    for message in missed:
        await publisher.publish(PromptsTopic(user), message)

    async with running(sessions, user) as app:
        prompts = [event for event in app.all(Event) if isinstance(event.message, PromptChangeMessage)]

    assert prompts == [Event(message, replayed=True) for message in missed]
