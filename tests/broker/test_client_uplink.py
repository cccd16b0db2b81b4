"""What the device client sends, through a real broker and the real worker."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from mqtt_bridge.client import SyncClient
from mqtt_bridge.connection import Connection, Incoming
from mqtt_bridge.errors import ClientClosedError, UpdateRefusedError
from mqtt_bridge.events import Event
from mqtt_bridge.messages import (
    Ack,
    AckMessage,
    Error,
    ErrorMessage,
    PongMessage,
    ShootProgress,
    ShootProgressMessage,
    UpdateProgressMessage,
)
from mqtt_bridge.progress_queue import RETRY_AFTER
from mqtt_bridge.publisher import MqttPublisher
from mqtt_bridge.receive import receive
from mqtt_bridge.session import bridge_session
from mqtt_bridge.topics import InboxTopic, Subscription, UplinkTopic, parse, shard, uplink_filter

from .bridge import terms_of, url_of, working
from .conftest import StartBroker, TestBroker
from .devices import App, Sessions, SteppedTiming, described, running, until
from .link import PATIENCE
from .proxy import proxied
from .test_client import publisher

__all__ = ["publisher"]


def progress(done: int, shoot: str = "wedding", **changes: Any) -> ShootProgress:
    fields: dict[str, Any] = {"status": "processing", "processed_count": done, "total_count": 10_000}
    return ShootProgress(shoot_id=shoot, **fields | changes)


def shown(app: App, shoot: str = "wedding") -> list[int]:
    """The counts that an app was told of a shoot."""
    return [
        event.message.data.processed_count
        for event in app.all(Event)
        if isinstance(event.message, ShootProgressMessage) and event.message.data.shoot_id == shoot
    ]


async def outcomes(*waiting: "asyncio.Future[Any]") -> list[Any]:
    async with asyncio.timeout(PATIENCE):
        return await asyncio.gather(*waiting, return_exceptions=True)


async def test_what_a_device_reports_reaches_the_others(
    broker: TestBroker, user: str, transport: str
) -> None:
    """A burst is collapsed, its last is shown by every device, and the answers bother no app."""
    sessions = Sessions(broker, transport=transport)
    async with (
        working(broker),
        running(sessions, user, "mac") as mac,
        running(sessions, user, "phone") as phone,
    ):
        told = await outcomes(*(mac.client.update_progress(progress(n)) for n in range(1000)))

        assert {told[0], told[-1]} == {"acknowledged"}
        assert set(told[1:-1]) == {"replaced"}
        for app in (mac, phone):
            await app.until(lambda app: shown(app)[-1:] == [999])
            assert shown(app) == sorted(shown(app))
            answers = (AckMessage, PongMessage)
            assert not [event for event in app.all(Event) if isinstance(event.message, answers)]
        own = [event.own for event in mac.all(Event) if isinstance(event.message, ShootProgressMessage)]
        assert all(own)
        assert 0 < await mac.client.ping() < PATIENCE


async def test_many_shoots_at_once(
    start_broker: StartBroker, user: str, caplog: pytest.LogCaptureFixture
) -> None:
    """More than the broker lets a device send at once: they take their turns, and it never has to refuse."""
    broker = start_broker(options={"device_burst": "10"})
    async with working(broker), running(Sessions(broker), user, "mac") as mac:
        told = await outcomes(*(mac.client.update_progress(progress(1, f"s{n}")) for n in range(60)))

    assert set(told) == {"acknowledged"}
    assert "refused" not in caplog.text


async def test_what_was_reported_without_a_connection_is_kept(broker: TestBroker, user: str) -> None:
    """The newest of each shoot goes out when there is one."""
    sessions = Sessions(broker)
    async with working(broker):
        async with SyncClient(sessions, device=described(user, "mac")) as client:
            told = await outcomes(*(client.update_progress(progress(n)) for n in range(5)))
        assert told == ["acknowledged", *["replaced"] * 3, "acknowledged"]


async def test_without_a_worker_it_is_kept(broker: TestBroker, user: str) -> None:
    """A worker that starts later takes it: from its session, or when the device sends it again."""
    timing = SteppedTiming()
    async with running(Sessions(broker), user, "mac", timing=timing) as mac:
        waiting = mac.client.update_progress(progress(7))
        with pytest.raises(TimeoutError):
            await mac.client.ping(timeout=0.1)
        async with working(broker):
            async with asyncio.timeout(PATIENCE):
                while not waiting.done():
                    await timing.advance(RETRY_AFTER)
                    await asyncio.sleep(0.05)
        assert waiting.result() == "acknowledged"


class Ears:
    """A worker that hears one user's uplink, and answers what the test says."""

    def __init__(self, user: str, publisher: MqttPublisher) -> None:
        self._user = user
        self._publisher = publisher
        self._arrived: asyncio.Queue[Incoming] = asyncio.Queue()

    @classmethod
    @asynccontextmanager
    async def listening(
        cls, broker: TestBroker, user: str, publisher: MqttPublisher
    ) -> AsyncIterator["Ears"]:
        ears = cls(user, publisher)
        answer = bridge_session(terms_of(broker), index=0, count=1)
        connection = await Connection.open(
            url_of(broker),
            client_id=answer.client_id,
            username=answer.username,
            password=answer.token,
            keepalive=answer.keepalive,
            timeout=PATIENCE,
            on_message=ears._arrived.put_nowait,
        )
        await connection.subscribe([Subscription(uplink_filter(shard(user)), 1)])
        yield ears
        await connection.close()

    async def next(self) -> UpdateProgressMessage:
        """The next update of this user's Mac."""
        async with asyncio.timeout(PATIENCE):
            while True:
                incoming = await self._arrived.get()
                topic = parse(incoming.topic)
                if topic == UplinkTopic(self._user, "mac", "update-progress"):
                    assert incoming.expires_in == RETRY_AFTER
                    message = receive(topic, incoming.payload)
                    assert isinstance(message, UpdateProgressMessage)
                    return message

    @property
    def silent(self) -> bool:
        return self._arrived.empty()

    async def ack(self, message: UpdateProgressMessage) -> None:
        await self._answer(AckMessage(user_id=self._user, data=Ack(in_reply_to=message.id)))

    async def error(self, message: UpdateProgressMessage, **fields: Any) -> None:
        error = Error(**{"code": "invalid", "detail": "No.", "in_reply_to": message.id} | fields)
        await self._answer(ErrorMessage(user_id=self._user, data=error))

    async def _answer(self, message: AckMessage | ErrorMessage) -> None:
        await self._publisher.publish(InboxTopic(self._user, "mac"), message)


async def test_it_is_sent_again_with_the_same_id(
    broker: TestBroker, user: str, publisher: MqttPublisher
) -> None:
    """After the time-out and not before, and no newer one beside it; the second answer to it is harmless."""
    timing = SteppedTiming()
    async with (
        Ears.listening(broker, user, publisher) as ears,
        running(Sessions(broker), user, "mac", timing=timing) as mac,
    ):
        first = mac.client.update_progress(progress(1))
        sent = await ears.next()
        second = mac.client.update_progress(progress(2))
        await timing.advance(RETRY_AFTER - 1)
        assert ears.silent
        await timing.advance(1)
        again = await ears.next()
        assert again == sent
        for _ in range(2):
            await ears.ack(sent)
        assert await outcomes(first) == ["acknowledged"]
        await timing.advance(1)
        following = await ears.next()
        assert (following.data.processed_count, following.id == sent.id) == (2, False)
        assert not second.done()
        await ears.ack(following)
        assert await outcomes(second) == ["acknowledged"]
        assert ears.silent


async def test_it_is_sent_again_after_a_reconnect(
    broker: TestBroker, user: str, publisher: MqttPublisher, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At once, with the same id: the first may be lost, or its answer."""
    monkeypatch.setattr("mqtt_bridge.progress_queue.RETRY_AFTER", 1000)
    async with (
        proxied(broker.control.tcp_port) as proxy,
        Ears.listening(broker, user, publisher) as ears,
        running(Sessions(broker, port=proxy.port), user, "mac") as mac,
    ):
        waiting = mac.client.update_progress(progress(1))
        sent = await ears.next()
        for _ in range(2):
            proxy.cut()
            assert await ears.next() == sent
        await ears.ack(sent)
        assert await outcomes(waiting) == ["acknowledged"]


async def test_the_bridge_says_when_to_try_again(
    broker: TestBroker, user: str, publisher: MqttPublisher
) -> None:
    """A retryable ERROR is obeyed to the second, and the app hears nothing of it."""
    timing = SteppedTiming()
    async with (
        Ears.listening(broker, user, publisher) as ears,
        running(Sessions(broker), user, "mac", timing=timing) as mac,
    ):
        waiting = mac.client.update_progress(progress(1))
        sent = await ears.next()
        await ears.error(sent, retryable=True, retry_after_ms=60_000)
        # What it says is heard before this, which comes behind it.
        await ears.error(UpdateProgressMessage(user_id=user, data=progress(1)), retryable=False)
        await mac.until(lambda app: [e for e in app.all(Event) if isinstance(e.message, ErrorMessage)])
        await timing.advance(59)
        assert ears.silent
        await timing.advance(1)
        assert await ears.next() == sent
        await ears.ack(sent)
        assert await outcomes(waiting) == ["acknowledged"]


async def test_a_refusal_is_told_to_who_asked(
    broker: TestBroker, user: str, publisher: MqttPublisher
) -> None:
    """With what is wrong; and the next update of the shoot goes out."""
    async with (
        Ears.listening(broker, user, publisher) as ears,
        running(Sessions(broker), user, "mac") as mac,
    ):
        refused = mac.client.update_progress(progress(1))
        sent = await ears.next()
        following = mac.client.update_progress(progress(2))
        await ears.error(sent, field="data.status", retryable=False)
        await ears.ack(await ears.next())

        error, told = await outcomes(refused, following)
        assert isinstance(error, UpdateRefusedError)
        assert (error.code, error.field) == ("invalid", "data.status")
        assert told == "acknowledged"


async def test_a_crash_of_the_broker(start_broker: StartBroker, user: str) -> None:
    """What is reported meanwhile arrives afterwards."""
    broker = start_broker()
    async with working(broker), running(Sessions(broker), user, "mac") as mac:
        assert await outcomes(mac.client.update_progress(progress(1))) == ["acknowledged"]
        await asyncio.to_thread(broker.control.kill)
        waiting = [mac.client.update_progress(progress(n)) for n in (2, 3, 4)]
        await asyncio.to_thread(broker.control.start)

        assert (await outcomes(*waiting))[-1] == "acknowledged"


async def test_the_end(broker: TestBroker, user: str) -> None:
    """Who waits is told, and who comes later too: nothing hangs."""
    async with running(Sessions(broker), user, "mac") as mac:
        waiting = mac.client.update_progress(progress(1))
        ping = asyncio.create_task(mac.client.ping())
        await asyncio.sleep(0)
        await mac.client.close()

        assert [type(each) for each in await outcomes(waiting, ping)] == [ClientClosedError] * 2
        with pytest.raises(ClientClosedError):
            mac.client.update_progress(progress(2))
        with pytest.raises(ClientClosedError):
            await mac.client.ping()


async def test_the_end_by_a_refused_session(broker: TestBroker, user: str) -> None:
    """A client that stops by itself leaves nobody waiting either."""
    sessions = Sessions(broker)
    sessions.signed_in = False
    async with SyncClient(sessions, device=described(user, "mac")) as client:
        waiting = client.update_progress(progress(1))

        assert [type(each) for each in await outcomes(waiting)] == [ClientClosedError]


async def test_closed_before_it_began(broker: TestBroker, user: str) -> None:
    """Not even the first step of the client has run."""
    async with SyncClient(Sessions(broker), device=described(user, "mac")) as client:
        waiting = client.update_progress(progress(1))
    assert [type(each) for each in await outcomes(waiting)] == [ClientClosedError]


async def test_a_broker_that_refuses_for_now(
    start_broker: StartBroker, user: str, caplog: pytest.LogCaptureFixture
) -> None:
    """It is said in the log, and sent again when the usual wait is over: no update is given up."""
    broker = start_broker(options={"device_payload": "600"})
    timing = SteppedTiming()
    async with working(broker), running(Sessions(broker), user, "mac", timing=timing) as mac:
        with caplog.at_level(logging.WARNING, "mqtt_bridge.uplink_sender"):
            large = mac.client.update_progress(progress(1, current_image="x" * 700))
            await until(lambda: "refused to pass on" in caplog.text)
        small = mac.client.update_progress(progress(1, "another"))
        await timing.advance(1)
        assert await outcomes(small) == ["acknowledged"]
        caplog.clear()
        with caplog.at_level(logging.WARNING, "mqtt_bridge.uplink_sender"):
            await timing.advance(RETRY_AFTER)
            await until(lambda: "refused to pass on" in caplog.text)
        assert not large.done()


async def test_what_was_refused_is_not_sent_at_each_reconnect(
    start_broker: StartBroker,
    user: str,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A broker cuts off who goes on with what it refuses; then each connection would end with the next."""
    monkeypatch.setattr("mqtt_bridge.progress_queue.RETRY_AFTER", 1000)
    broker = start_broker(options={"device_payload": "600"})
    async with (
        working(broker),
        proxied(broker.control.tcp_port) as proxy,
        running(Sessions(broker, port=proxy.port), user, "mac") as mac,
    ):
        large = mac.client.update_progress(progress(1, current_image="x" * 700))
        await until(lambda: "refused to pass on" in caplog.text)
        proxy.cut()
        await until(lambda: proxy.connections == 2 and mac.client.connected)
        # What is due since the reconnect goes out before this one.
        assert await outcomes(mac.client.update_progress(progress(1, "another"))) == ["acknowledged"]

        assert proxy.connections == 2
        assert caplog.text.count("refused to pass on") == 1
        assert not large.done()
