"""Tokens, refusals and sign-outs: when the device client comes back, when it waits, and when it stops."""

import asyncio
import json
import logging
import time

import pytest

from mqtt_bridge import tokens
from mqtt_bridge.client import SyncClient
from mqtt_bridge.errors import SessionRefusedError, SessionUnavailableError
from mqtt_bridge.events import Event, Stopped
from mqtt_bridge.messages import (
    DeviceConnected,
    DeviceConnectedMessage,
    DeviceDisconnected,
    DeviceDisconnectedMessage,
    DisconnectReason,
)
from mqtt_bridge.publisher import MqttPublisher
from mqtt_bridge.session import SessionAnswer, Terms
from mqtt_bridge.topics import REVOKE, PresenceTopic, PromptsTopic, user_devices

from .conftest import StartBroker, TestBroker
from .devices import Sessions, SteppedTiming, described, running, until
from .proxy import proxied
from .test_client import prompt, publisher

__all__ = ["publisher"]


def ended(user: str, session: int, reason: DisconnectReason = "lost") -> DeviceDisconnectedMessage:
    data = DeviceDisconnected(device_id="mac", session=session, reason=reason)
    return DeviceDisconnectedMessage(user_id=user, device_id="mac", data=data)


class Watcher:
    """Another device of the user, bare, which notes every presence message as it came."""

    def __init__(self, broker: TestBroker, user: str) -> None:
        self._link = broker.device(user, "watcher")
        self._link.subscribe(user_devices(user), qos=0)
        self.messages: list[DeviceConnectedMessage | DeviceDisconnectedMessage] = []

    def of(self, device: str) -> list[DeviceConnectedMessage | DeviceDisconnectedMessage]:
        for message in self._link.received():
            kind = (
                DeviceConnectedMessage
                if b"DEVICE_CONNECTED" in message.payload
                else DeviceDisconnectedMessage
            )
            self.messages.append(kind.model_validate_json(message.payload))
        return [message for message in self.messages if message.data.device_id == device]

    async def until_born(self, device: str, session: int) -> None:
        def born() -> bool:
            newest = self.of(device)[-1:]
            return (
                bool(newest)
                and isinstance(newest[0], DeviceConnectedMessage)
                and newest[0].data.session == session
            )

        await until(born, otherwise=self.messages)


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
            await until(lambda: isinstance(watcher.of("mac")[-1], DeviceDisconnectedMessage))
            assert watcher.of("mac")[-1].data.reason == "signed-out"  # type: ignore[union-attr]


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


async def test_sign_out_stops_the_client(broker: TestBroker, user: str, publisher: MqttPublisher) -> None:
    """A device that reads of its own sign-out goes, says why, and leaves neither session nor goodbye."""
    watcher = Watcher(broker, user)
    sessions = Sessions(broker)
    async with running(sessions, user) as app:
        assert app.client.session is not None
        await watcher.until_born("mac", app.client.session)
        await publisher.publish(PresenceTopic(user, "mac"), ended(user, app.client.session, "signed-out"))
        await app.until(lambda app: app.ended is None)

    assert app.events[-1] == Stopped("signed-out", "This device was signed out")
    assert [type(message) for message in watcher.of("mac")] == [
        DeviceConnectedMessage,
        DeviceDisconnectedMessage,
    ]
    async with running(sessions, user) as again:
        assert again.resyncs == ["no-session"]
        # Somebody signed in again: the sign-out from before is over.
        assert again.ended == "no"


async def test_sign_out_is_read_also_after_the_broker_cut_the_connection(
    broker: TestBroker, user: str, publisher: MqttPublisher
) -> None:
    """The revoke order comes first. The device comes back with a new token, reads what happened, and goes."""
    timing = SteppedTiming()
    sessions = Sessions(broker)
    functions = broker.functions()
    async with running(sessions, user, timing=timing) as app:
        session = app.client.session
        assert session is not None
        order = {"user": user, "device": "mac", "session": session, "until": int(time.time()) + 3600}
        functions.publish(REVOKE, json.dumps(order))
        await app.until(lambda app: not app.client.connected)
        await publisher.publish(PresenceTopic(user, "mac"), ended(user, session, "signed-out"))
        await timing.advance_until(lambda: app.ended != "no")

    assert app.ended is None
    assert app.events[-1] == Stopped("signed-out", "This device was signed out")
    functions.disconnect()


async def test_device_that_is_declared_dead_says_that_it_lives(
    broker: TestBroker, user: str, publisher: MqttPublisher
) -> None:
    """A late will of an older session is corrected, so that who comes later sees the device online."""
    async with running(Sessions(broker), user) as app:
        assert app.client.session is not None
        watcher = Watcher(broker, user)
        await watcher.until_born("mac", app.client.session)
        await publisher.publish(PresenceTopic(user, "mac"), ended(user, app.client.session - 1))
        await until(lambda: len(watcher.of("mac")) >= 3)
        await watcher.until_born("mac", app.client.session)

        later = Watcher(broker, user)
        await later.until_born("mac", app.client.session)
        assert app.presence_of("mac") == ["connected"]


@pytest.mark.parametrize("ahead", [0, 5000])
async def test_presence_with_a_higher_session_is_outbid(
    broker: TestBroker, user: str, publisher: MqttPublisher, ahead: int
) -> None:
    """Nobody would believe the device's birth any more: it gets a higher session and comes again."""
    timing = SteppedTiming()
    sessions = Sessions(broker)
    async with running(sessions, user, timing=timing) as app:
        first = app.client.session
        assert first is not None
        await publisher.publish(PresenceTopic(user, "mac"), ended(user, first + ahead))
        await app.until(lambda app: not app.client.connected)
        await app.until_back(timing)

        assert sessions.asked[1].last_session == first + ahead
        assert app.client.session is not None
        assert app.client.session > first + ahead
        watcher = Watcher(broker, user)
        await watcher.until_born("mac", app.client.session)


async def test_number_of_an_earlier_run_is_handed_on(broker: TestBroker, user: str) -> None:
    """An app that keeps the number starts above it, whatever the functions' clock says."""
    sessions = Sessions(broker)
    ahead = tokens.next_session() + 60_000
    device = described(user, "mac").model_copy(update={"last_session": ahead})
    async with SyncClient(sessions, device=device) as client:
        await until(lambda: client.connected)
        assert client.session == ahead + 1000


async def test_two_runs_with_one_device_id_do_not_stop_each_other(broker: TestBroker, user: str) -> None:
    """The broker ends the older connection; that run stays, waits, and comes back: nobody is shut out."""
    timing = SteppedTiming()
    async with running(Sessions(broker), user, timing=timing) as one:
        other_timing = SteppedTiming()
        async with running(Sessions(broker), user, timing=other_timing) as other:
            await one.until(lambda one: not one.client.connected)
            assert one.ended == "no"
            await one.until_back(timing)
            await other.until(lambda other: not other.client.connected)
            assert other.ended == "no"


async def test_birth_is_made_of_the_session_answer(broker: TestBroker, user: str) -> None:
    """Name, platform and version as the device was described, its session, and the broker's epoch."""
    async with running(Sessions(broker), user) as app:
        watcher = Watcher(broker, user)
        assert app.client.session is not None
        await watcher.until_born("mac", app.client.session)
        birth = watcher.of("mac")[-1]

    assert isinstance(birth.data, DeviceConnected)
    assert birth.data.name == f"mac of {user}"
    assert birth.data.platform == "mac"
    assert birth.device_id == "mac"
    assert birth.data.epoch
