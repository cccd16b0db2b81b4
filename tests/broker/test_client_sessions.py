"""Tokens and refusals: when the device client renews, when it waits, and when no session is to be had."""

import asyncio
import logging

import pytest

from mqtt_bridge import tokens
from mqtt_bridge.client import SyncClient
from mqtt_bridge.errors import SessionRefusedError, SessionUnavailableError
from mqtt_bridge.events import Event, Stopped
from mqtt_bridge.messages import DeviceConnectedMessage, DeviceDisconnectedMessage
from mqtt_bridge.publisher import MqttPublisher
from mqtt_bridge.session import SessionAnswer, Terms
from mqtt_bridge.topics import PromptsTopic

from .conftest import StartBroker, TestBroker
from .devices import Sessions, SteppedTiming, Watcher, described, running, until
from .proxy import proxied
from .test_client import prompt, publisher

__all__ = ["publisher"]


async def test_token_is_renewed_and_nobody_sees_it(
    broker: TestBroker, user: str, publisher: MqttPublisher
) -> None:
    """Before its end, into the same broker session, with a higher number; nothing is missed or told twice."""
    timing = SteppedTiming()
    sessions = Sessions(broker, lifetime=1000)

    def with_short_will_delay(answer: SessionAnswer) -> SessionAnswer:
        assert answer.will is not None
        return answer.model_copy(update={"will": answer.will.model_copy(update={"delay": 1})})

    sessions.change = with_short_will_delay
    watcher = Watcher(broker, user)
    async with running(sessions, user, timing=timing) as app:
        first = app.client.session
        await timing.advance(799)
        assert len(sessions.asked) == 1
        await timing.advance(1)
        await until(lambda: len(sessions.asked) == 2)
        await app.until(lambda app: app.client.connected and app.client.session != first)
        assert sessions.asked[1].last_session == first
        assert app.client.session is not None
        await watcher.until_born("mac", app.client.session)
        await publisher.publish(PromptsTopic(user), message := prompt(user, "after"))
        await app.until(lambda app: Event(message) in app.events)
        # The will of the old connection, if the broker had kept it, would speak after a second.
        await asyncio.sleep(2.5)

        assert app.resyncs == ["no-session"]
        assert app.presence_of("mac") == ["connected"]
        assert all(isinstance(message, DeviceConnectedMessage) for message in watcher.of("mac"))


async def test_session_numbers_grow_with_each_connect(broker: TestBroker, user: str) -> None:
    """The token's number plus the count of connects with it; one token serves them all."""
    timing = SteppedTiming()
    async with proxied(broker.control.tcp_port) as proxy:
        sessions = Sessions(broker, port=proxy.port)
        async with running(sessions, user, timing=timing) as app:
            numbers = [app.client.session]
            for _ in range(2):
                proxy.cut()
                await app.until(lambda app: not app.client.connected)
                await app.until_back(timing)
                numbers.append(app.client.session)

    assert len(sessions.asked) == 1
    assert numbers[0] is not None
    assert numbers == [numbers[0], numbers[0] + 1, numbers[0] + 2]


async def test_token_that_ended_while_away_is_not_shown_again(broker: TestBroker, user: str) -> None:
    """A device that wakes after its token's end asks for a session first, instead of being refused."""
    timing = SteppedTiming()
    async with proxied(broker.control.tcp_port) as proxy:
        sessions = Sessions(broker, port=proxy.port, lifetime=60)
        async with running(sessions, user, timing=timing) as app:
            sessions.outcome = SessionUnavailableError("down")
            proxy.cut()
            # It is about to try again when the machine falls asleep.
            await until(lambda: 0.5 in timing.slept)
            await timing.jump(61)
            await until(lambda: len(sessions.asked) == 2)
            sessions.outcome = None
            await app.until_back(timing)

            assert proxy.connections == 2


async def _until_longer(delays: list[float], count: int) -> None:
    await until(lambda: len(delays) > count, otherwise=delays)


async def _wait_for_delays(timing: SteppedTiming, count: int) -> list[float]:
    """The first so many waits, each sat through as soon as it begins."""
    for number in range(count):
        await _until_longer(timing.slept, number)
        await timing.advance(timing.slept[number])
    return timing.slept[:count]


async def test_unreachable_broker_is_tried_for_ever(broker: TestBroker, user: str) -> None:
    """With growing waits up to 30 s, on each of its URLs in turn."""
    timing = SteppedTiming(random=0.999999)
    sessions = Sessions(broker)
    good = sessions.terms.urls[0]
    sessions.terms = Terms(key=broker.key, urls=["mqtt://127.0.0.1:1", "ws://127.0.0.1:1"])
    async with SyncClient(sessions, device=described(user, "mac"), timing=timing) as client:
        delays = await _wait_for_delays(timing, 8)
        assert [round(delay, 2) for delay in delays] == [1, 2, 4, 8, 16, 30, 30, 30]
        assert not client.connected
        sessions.terms = Terms(key=broker.key, urls=["mqtt://127.0.0.1:1", good])
        await timing.advance(3600)  # The token ended: the next session has a URL that works.
        await timing.advance_until(lambda: client.connected)


async def test_waits_start_short_again_after_a_connection_that_held(broker: TestBroker, user: str) -> None:
    """And only then: a broker that cuts everybody off at once must not be stormed."""
    timing = SteppedTiming(random=0.999999)
    async with (
        proxied(broker.control.tcp_port) as proxy,
        running(Sessions(broker, port=proxy.port), user, timing=timing) as app,
    ):

        async def cut_after(held: float) -> float:
            await app.until_connected()
            await timing.advance(held)
            known = len(timing.slept)
            proxy.cut()
            await app.until(lambda app: not app.client.connected and len(timing.slept) > known)
            delay = timing.slept[-1]
            await timing.advance(delay)
            return round(delay)

        assert [await cut_after(held) for held in (1, 1, 1, 31, 1)] == [1, 2, 4, 1, 2]


async def test_refused_token_is_replaced_ever_more_slowly(broker: TestBroker, user: str) -> None:
    """A fresh token that is refused is a fault of the deployment: ask again, with waits up to 5 minutes."""
    timing = SteppedTiming(random=0.999999)
    sessions = Sessions(broker, key=tokens.SigningKey.generate())
    good = Sessions(broker).terms
    async with SyncClient(sessions, device=described(user, "mac"), timing=timing) as client:
        delays = await _wait_for_delays(timing, 10)
        assert [round(delay) for delay in delays] == [2, 4, 8, 16, 32, 64, 128, 256, 300, 300]
        await until(lambda: len(sessions.asked) == 11)
        sessions.terms = good
        await timing.advance_until(lambda: client.connected)


async def test_token_that_was_good_once_is_replaced_at_once(start_broker: StartBroker, user: str) -> None:
    """The keys were changed: the old token is refused, a new one is asked for, without long waits."""
    broker = start_broker()
    timing = SteppedTiming(random=0.999999)
    sessions = Sessions(broker)
    async with running(sessions, user, timing=timing) as app:
        key = tokens.SigningKey.generate()
        tokens.write_jwks(broker.jwks_file, key)
        sessions.terms = Terms(key=key, urls=sessions.terms.urls)
        await asyncio.to_thread(broker.restart)
        await app.until(lambda app: not app.client.connected)
        await app.until_back(timing)

        assert len(sessions.asked) == 2
        assert max(delay for delay in timing.slept if delay not in (5.0, 15.0) and delay < 1000) <= 2


@pytest.mark.parametrize(
    "what",
    [
        pytest.param({"subscriptions": True}, id="a filter that the token does not cover"),
        pytest.param({"presence": True}, id="a presence topic that the token does not cover"),
    ],
)
async def test_rights_that_do_not_fit_count_as_a_refused_token(
    broker: TestBroker, user: str, what: dict[str, bool], caplog: pytest.LogCaptureFixture
) -> None:
    """A newer server may hand out other rights: ask for a session again, do not go round in circles."""
    sessions = Sessions(broker)

    def misfit(answer: SessionAnswer) -> SessionAnswer:
        assert answer.topics is not None
        if "subscriptions" in what:
            first = answer.subscriptions[0]
            wrong = type(first)(f"sync/v1/users/{user}-other/devices/+", 0)
            return answer.model_copy(update={"subscriptions": [wrong, *answer.subscriptions]})
        topics = answer.topics.model_copy(update={"presence": f"sync/v1/users/{user}/devices/other"})
        return answer.model_copy(update={"topics": topics})

    sessions.change = misfit
    timing = SteppedTiming(random=0.999999)
    with caplog.at_level(logging.WARNING):
        async with SyncClient(sessions, device=described(user, "mac"), timing=timing):
            await until(lambda: "Not authorized" in caplog.text)
            await timing.advance_until(lambda: len(sessions.asked) == 3)

    # No connection was tried twice with the same token; the last one may still be under way.
    assert caplog.text.count("Not authorized") in (len(sessions.asked) - 1, len(sessions.asked))


async def test_session_service_that_fails_is_asked_again(
    broker: TestBroker, user: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Whatever a get_session raises; the log tells the kind of error, not its text, which may be secret."""
    timing = SteppedTiming(random=0.999999)
    sessions = Sessions(broker)
    sessions.outcome = RuntimeError("Bearer abc.def")
    with caplog.at_level(logging.DEBUG):
        async with SyncClient(sessions, device=described(user, "mac"), timing=timing) as client:
            delays = await _wait_for_delays(timing, 3)
            sessions.outcome = None
            await timing.advance_until(lambda: client.connected)

    assert [round(delay) for delay in delays] == [1, 2, 4]
    assert "RuntimeError" in caplog.text
    assert "abc.def" not in caplog.text


async def test_no_token_reaches_the_log(
    start_broker: StartBroker, user: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Through connecting, losing the broker and coming back, at the most talkative level."""
    broker = start_broker()
    timing = SteppedTiming()
    sessions = Sessions(broker)
    given: list[SessionAnswer] = []

    def note(answer: SessionAnswer) -> SessionAnswer:
        given.append(answer)
        return answer

    sessions.change = note
    logging.getLogger("mqtt_bridge.paho").setLevel(logging.DEBUG)
    try:
        with caplog.at_level(logging.DEBUG):
            async with running(sessions, user, timing=timing) as app:
                await asyncio.to_thread(broker.restart)
                await app.until(lambda app: not app.client.connected)
                await app.until_back(timing)
    finally:
        logging.getLogger("mqtt_bridge.paho").setLevel(logging.CRITICAL)

    assert "CONNECT" in caplog.text
    assert all(answer.token not in caplog.text for answer in given)


@pytest.mark.parametrize("when", ["at the start", "at the renewal"])
@pytest.mark.parametrize("how", ["null", "401"])
async def test_no_session_to_be_had_stops_the_client(
    broker: TestBroker, user: str, when: str, how: str
) -> None:
    """It says why, as its last event, takes leave of the others, and does not ask again."""
    timing = SteppedTiming()
    sessions = Sessions(broker)

    def sign_out() -> None:
        sessions.signed_in = how != "null"
        sessions.outcome = SessionRefusedError("the functions answered 401") if how == "401" else None

    watcher = Watcher(broker, user)
    if when == "at the start":
        sign_out()
    async with running(sessions, user, timing=timing) as app:
        if when == "at the renewal":
            sign_out()
            await timing.advance(3600)
        await app.until(lambda app: app.ended is None)
        asked = len(sessions.asked)
        await timing.advance(3600)

        assert len(sessions.asked) == asked
        last = app.events[-1]
        assert isinstance(last, Stopped)
        assert last.reason == "unauthorized"
        assert ("401" in last.detail) == (how == "401")
        if when == "at the renewal":
            await until(lambda: any(isinstance(one, DeviceDisconnectedMessage) for one in watcher.of("mac")))
            assert watcher.of("mac")[-1].data.reason == "signed-out"  # type: ignore[union-attr]  # as awaited


async def test_renewal_that_fails_at_first_does_not_disturb(
    broker: TestBroker, user: str, publisher: MqttPublisher
) -> None:
    """The connection is good until the token ends; the session is asked for again until it is had."""
    timing = SteppedTiming(random=0.5)
    async with proxied(broker.control.tcp_port) as proxy:
        sessions = Sessions(broker, port=proxy.port, lifetime=1000)
        async with running(sessions, user, timing=timing) as app:
            sessions.outcome = SessionUnavailableError("down")
            await timing.advance(800)
            await timing.advance_until(lambda: len(sessions.asked) > 3)
            await publisher.publish(PromptsTopic(user), message := prompt(user, "meanwhile"))
            await app.until(lambda app: Event(message) in app.events)
            assert proxy.connections == 1
            sessions.outcome = None
            await timing.advance_until(lambda: proxy.connections == 2)
            await app.until_connected()


async def test_number_of_an_earlier_run_is_handed_on(broker: TestBroker, user: str) -> None:
    """An app that keeps the number starts above it, whatever the functions' clock says."""
    sessions = Sessions(broker)
    ahead = tokens.next_session() + 60_000
    device = described(user, "mac").model_copy(update={"last_session": ahead})
    async with SyncClient(sessions, device=device) as client:
        await until(lambda: client.connected)
        assert client.session == ahead + 1000
