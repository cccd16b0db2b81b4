"""What a device reads of itself: signed out, declared dead, outbid; and how it puts that right, or stops."""

import json
import time

import pytest

from mqtt_bridge.events import Stopped
from mqtt_bridge.messages import DeviceConnected, DeviceConnectedMessage, DeviceDisconnectedMessage
from mqtt_bridge.publisher import MqttPublisher
from mqtt_bridge.topics import REVOKE, PresenceTopic

from .conftest import TestBroker
from .devices import Sessions, SteppedTiming, Watcher, ended, running, until
from .test_client import publisher

__all__ = ["publisher"]


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
