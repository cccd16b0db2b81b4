"""The bridge worker through the life of a broker, of the functions, and of itself."""

import asyncio
import logging
from collections.abc import AsyncIterator
from functools import partial
from typing import Any

import pytest

from mqtt_bridge.broker_url import BrokerUrl
from mqtt_bridge.errors import SessionRefusedError, SessionUnavailableError
from mqtt_bridge.messages import UpdateProgressMessage
from mqtt_bridge.metrics import BridgeMetrics
from mqtt_bridge.rights import bridge_rights
from mqtt_bridge.session import SessionAnswer
from mqtt_bridge.tokens import SigningKey
from mqtt_bridge.topics import BRIDGE, SHARDS
from mqtt_bridge.worker import Worker

from .bridge import (
    Device,
    HurriedTiming,
    counted,
    eventually,
    samples,
    sessions,
    url_of,
    working,
)
from .conftest import StartBroker, TestBroker
from .devices import SteppedTiming
from .link import PATIENCE
from .proxy import proxied


@pytest.fixture
def broker(bridged_broker: TestBroker) -> TestBroker:
    return bridged_broker


@pytest.fixture(autouse=True)
async def _devices_end_with_their_test() -> AsyncIterator[None]:
    yield
    await Device.close_all()


def reconnects(metrics: BridgeMetrics, reason: str) -> float:
    return samples(metrics).get(f'kull_sync_bridge_reconnects_total{{reason="{reason}"}}', 0.0)


async def test_it_waits_for_a_broker_that_is_down(start_broker: StartBroker, user: str) -> None:
    """Started before the broker, it serves as soon as there is one."""
    broker = start_broker()
    broker.control.stop()
    metrics = BridgeMetrics()
    async with working(broker, until_ready=False, metrics=metrics) as worker:
        await eventually(lambda: reconnects(metrics, "lost") >= 2)
        assert not worker.ready
        broker.control.start()
        await eventually(lambda: worker.ready)
        mac = await Device.online(broker, user)
        update = await mac.send(mac.update())
        await mac.acked(update.id)


@pytest.mark.parametrize("crash", [False, True], ids=["stopped", "killed"])
async def test_it_survives_the_brokers_restart(start_broker: StartBroker, user: str, crash: bool) -> None:
    """It comes back by itself, and serves whom it served before."""
    broker = start_broker()
    metrics = BridgeMetrics()
    async with working(broker, metrics=metrics) as worker:
        mac = await Device.online(broker, user)
        first = await mac.send(mac.update(done=1))
        await mac.acked(first.id)
        await asyncio.to_thread(broker.restart, crash=crash)
        await eventually(lambda: worker.ready)
        again = await Device.online(broker, user)
        second = await again.send(again.update(done=2))
        await again.acked(second.id)
    assert reconnects(metrics, "lost") >= 1


async def test_what_comes_while_it_is_away_waits_for_it(broker: TestBroker, user: str) -> None:
    """Its session at the broker keeps the messages, in order, as long as it comes back under its name."""
    async with working(broker):
        mac = await Device.online(broker, user)
    sent = [await mac.send(mac.update(done=step)) for step in range(1, 6)]
    assert mac.acks() == []
    async with working(broker):
        await mac.acked(*(update.id for update in sent))

    assert [message["id"] for message in mac.progress()] == [update.id for update in sent]


async def test_stopping_finishes_what_was_taken(broker: TestBroker, user: str) -> None:
    """Each message is served once, by this run or by the next; none is lost and none is served twice."""
    mac = await Device.online(broker, user)
    first, second = BridgeMetrics(), BridgeMetrics()
    async with working(broker, metrics=first) as worker:
        sending = [asyncio.create_task(mac.send(mac.update(done=step))) for step in range(1, 91)]
        await mac.until(lambda: len(mac.progress()) >= 10)
        worker.stop()
    assert "kull_sync_bridge_in_flight_messages" not in samples(first)
    # Without a connection, too, it is known when the broker was heard last.
    assert samples(first)["kull_sync_bridge_last_contact_timestamp_seconds"] > 1_700_000_000
    sent: list[UpdateProgressMessage] = await asyncio.gather(*sending)
    async with working(broker, metrics=second):
        await mac.acked(*(update.id for update in sent))

    assert counted(first, "published") + counted(second, "published") == 90
    assert [message["id"] for message in mac.progress()] == [update.id for update in sent]


async def test_stopping_is_bounded(broker: TestBroker, user: str, caplog: pytest.LogCaptureFixture) -> None:
    """A broker that does not answer cannot keep a worker from ending; the next run serves what is left."""
    mac = await Device.online(broker, user)
    async with (
        proxied(broker.control.tcp_port) as proxy,
        working(broker, port=proxy.port, drain_timeout=0.05) as worker,
    ):
        proxy.hold_when = b"SHOOT_PROGRESS"
        update = await mac.send(mac.update())
        await mac.until(mac.progress)
        worker.stop()
    assert "1 messages are left for the next connection" in caplog.text
    assert mac.acks() == []
    async with working(broker):
        await mac.acked(update.id)


async def test_an_update_whose_acknowledgement_is_lost_is_delivered_again(
    broker: TestBroker, user: str
) -> None:
    """The connection breaks between publication and acknowledgement: receivers get the same id once more."""
    mac = await Device.online(broker, user)
    metrics = BridgeMetrics()
    async with (
        proxied(broker.control.tcp_port) as proxy,
        working(broker, port=proxy.port, metrics=metrics) as worker,
    ):
        proxy.hold_when = b"SHOOT_PROGRESS"
        update = await mac.send(mac.update())
        await mac.until(mac.progress)
        assert mac.acks() == []
        proxy.cut()
        await mac.acked(update.id)
        assert worker.ready

    assert {message["id"] for message in mac.progress()} == {update.id}
    assert len(mac.progress()) == 2
    assert reconnects(metrics, "lost") == 1
    assert counted(metrics, "published") == 1


async def test_a_broker_that_stops_answering_is_left(
    broker: TestBroker, user: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A connection that swallows a publication is closed, and the message is served on another."""
    monkeypatch.setattr("mqtt_bridge.worker_link.TIMEOUT", 0.5)
    mac = await Device.online(broker, user)
    async with proxied(broker.control.tcp_port) as proxy, working(broker, port=proxy.port):
        proxy.hold_when = b"SHOOT_PROGRESS"
        update = await mac.send(mac.update())
        await mac.acked(update.id)
        assert proxy.connections == 2


async def test_a_second_worker_with_the_same_number_pushes_the_first_out(
    broker: TestBroker, image: str | None, caplog: pytest.LogCaptureFixture
) -> None:
    """The first waits before it pushes back; where the broker says why, the wait is long, and logged."""
    told = image is not None  # Mosquitto 2.0 closes the connection without a word
    wait = 15.0 if told else 0.5
    timing, metrics = SteppedTiming(), BridgeMetrics()
    async with working(broker, timing=timing, metrics=metrics) as first:
        async with working(broker) as second:
            await eventually(lambda: not first.ready and wait in timing.slept)
            assert second.ready
        await timing.advance(wait)
        await eventually(lambda: first.ready)
    assert ("Another process runs as this worker" in caplog.text) == told
    assert reconnects(metrics, "taken-over" if told else "lost") == 1


async def test_it_renews_its_token_without_losing_anything(broker: TestBroker, user: str) -> None:
    """It comes back with the new token into its session; updates go on, in order."""
    mac = await Device.online(broker, user)
    metrics = BridgeMetrics()
    get_session = sessions(broker, lifetime=60)
    async with working(broker, get_session=get_session, metrics=metrics, timing=HurriedTiming(200)):
        step = 0
        sent = []
        while reconnects(metrics, "renewal") < 3:
            step += 1
            sent.append(await mac.send(mac.update(done=step)))
            await asyncio.sleep(0.02)
        await mac.acked(*(update.id for update in sent))

    assert [message["id"] for message in mac.progress()] == [update.id for update in sent]
    assert counted(metrics, "published") == len(sent)
    assert reconnects(metrics, "lost") == 0


class Functions:
    """A session function that does not always answer as one would like."""

    def __init__(self, broker: TestBroker, *outcomes: Exception | None, **terms: Any) -> None:
        self._answer = sessions(broker, **terms)
        self._outcomes = list(outcomes)
        self.asked = 0

    async def __call__(self) -> SessionAnswer:
        self.asked += 1
        outcome = self._outcomes.pop(0) if self._outcomes else None
        if outcome is not None:
            raise outcome
        return await self._answer()


DOWN = SessionUnavailableError("The functions are down")
REFUSED = SessionRefusedError("https://functions.example answered 401")


async def test_it_waits_for_functions_that_are_down(
    broker: TestBroker, caplog: pytest.LogCaptureFixture
) -> None:
    """For ever, and it does not repeat what a foreign error says: that may quote the service's token."""
    functions = Functions(broker, DOWN, RuntimeError("canary"), TimeoutError(), DOWN)
    async with working(broker, get_session=functions):
        assert functions.asked == 5
    assert "The functions are down" in caplog.text
    assert "No session: RuntimeError" in caplog.text
    assert "canary" not in caplog.text


async def test_a_refusal_of_the_first_session_ends_it(broker: TestBroker) -> None:
    """The service's token, or its scopes, are configuration."""
    functions = Functions(broker, DOWN, REFUSED)
    worker = Worker(functions, index=0, count=1, metrics=BridgeMetrics(), timing=HurriedTiming())
    with pytest.raises(SessionRefusedError):
        async with asyncio.timeout(PATIENCE):
            await worker.run()
    assert functions.asked == 2


async def test_a_refusal_later_does_not(broker: TestBroker, user: str) -> None:
    """The connection is good until its token ends; meanwhile somebody may mend it."""
    functions = Functions(broker, None, REFUSED, DOWN, lifetime=60)
    metrics = BridgeMetrics()
    async with working(broker, get_session=functions, metrics=metrics, timing=HurriedTiming(200)):
        await eventually(lambda: reconnects(metrics, "renewal") >= 1)
        mac = await Device.online(broker, user)
        update = await mac.send(mac.update())
        await mac.acked(update.id)
    assert functions.asked >= 4


@pytest.mark.parametrize("wrong", ["its key", "its rights"])
async def test_a_token_that_the_broker_refuses_is_replaced(broker: TestBroker, wrong: str) -> None:
    """After a change of keys, or of what workers may read, the functions have one that is right."""
    good = sessions(broker)
    refused: dict[str, dict[str, Any]] = {
        "its key": {"key": SigningKey.generate(), "rights": bridge_rights(SHARDS)},
        "its rights": {"rights": bridge_rights(SHARDS[1:])},
    }
    asked = 0

    async def get_session() -> SessionAnswer:
        nonlocal asked
        asked += 1
        answer = await good()
        if asked > 1:
            return answer
        token = broker.mint(BRIDGE, "worker-0-of-1", **refused[wrong])
        return answer.model_copy(update={"token": token})

    metrics = BridgeMetrics()
    async with working(broker, get_session=get_session, metrics=metrics):
        assert asked == 2
    assert reconnects(metrics, "refused") == 1


async def test_it_tries_the_brokers_in_turn(broker: TestBroker) -> None:
    """A URL of the session answer may be unreachable from where the worker runs."""
    good = sessions(broker)

    async def get_session() -> SessionAnswer:
        urls = ["mqtt://127.0.0.1:1", str(url_of(broker))]
        return (await good()).model_copy(update={"urls": urls})

    metrics = BridgeMetrics()
    async with working(broker, get_session=get_session, metrics=metrics) as worker:
        assert worker.ready
    assert reconnects(metrics, "lost") == 1


async def test_a_url_that_is_none_is_like_no_session(
    broker: TestBroker, caplog: pytest.LogCaptureFixture
) -> None:
    """A mistake in the functions' settings; once it is mended, the worker goes on."""
    good = sessions(broker)
    asked = 0

    async def get_session() -> SessionAnswer:
        nonlocal asked
        asked += 1
        answer = await good()
        return answer.model_copy(update={"urls": ["http://broker"]}) if asked == 1 else answer

    async with working(broker, get_session=get_session):
        assert asked == 2
    assert "No session: ValueError" in caplog.text


@pytest.mark.parametrize("where", ["before it runs", "without functions", "without a broker"])
async def test_it_can_be_stopped_at_any_time(broker: TestBroker, where: str) -> None:
    """Also while it waits for something that never comes."""
    timing = SteppedTiming()
    functions = Functions(broker, *([DOWN] * 1000 if where == "without functions" else []))
    worker = Worker(
        functions,
        index=0,
        count=1,
        metrics=BridgeMetrics(),
        timing=timing,
        broker=BrokerUrl.parse("mqtt://127.0.0.1:1"),
    )
    if where == "before it runs":
        worker.stop()
    running = asyncio.create_task(worker.run())
    if where != "before it runs":
        await eventually(lambda: timing.slept)
        worker.stop()
    async with asyncio.timeout(PATIENCE):
        await running
    assert not worker.ready


def last_wait_is(timing: SteppedTiming, seconds: float) -> bool:
    return timing.slept[-1] == seconds


async def test_the_wait_between_tries_grows_and_starts_short_again_after_a_link_that_held(
    broker: TestBroker,
) -> None:
    """Up to 30 s, random in full (here: always half); a link that held for less does not count."""
    timing = SteppedTiming()
    async with (
        proxied(broker.control.tcp_port) as proxy,
        working(broker, timing=timing, port=proxy.port) as worker,
    ):
        for expected in (0.5, 1.0, 2.0, 4.0, 8.0, 15.0, 15.0):
            proxy.cut()
            await eventually(partial(last_wait_is, timing, expected))
            await timing.advance(expected)
            await eventually(lambda: worker.ready)
        await timing.advance(31.0)
        proxy.cut()
        await eventually(partial(last_wait_is, timing, 0.5))
        await timing.advance(0.5)
        await eventually(lambda: worker.ready)


async def test_a_worker_that_does_not_exist_is_refused() -> None:
    """Worker 2 of 2 would serve nobody, and users of another would have none."""

    async def get_session() -> SessionAnswer:
        raise AssertionError("not reached")

    with pytest.raises(ValueError, match="index"):
        Worker(get_session, index=2, count=2, metrics=BridgeMetrics())


async def test_it_says_where_it_connected(broker: TestBroker, caplog: pytest.LogCaptureFixture) -> None:
    """And as whom; the token it does not say."""
    caplog.set_level(logging.INFO, "mqtt_bridge")
    tokens: list[str] = []
    good = sessions(broker)

    async def get_session() -> SessionAnswer:
        answer = await good()
        tokens.append(answer.token)
        return answer

    async with working(broker, get_session=get_session):
        pass
    assert f"Connected to {url_of(broker)}" in caplog.text
    assert not any(token in caplog.text for token in tokens)
