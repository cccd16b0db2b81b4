"""The device client against a real broker: what reaches the app, and how often."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from mqtt_bridge.attachment import REFRESH_EVERY, TICK
from mqtt_bridge.broker_url import BrokerUrl
from mqtt_bridge.client import SyncClient
from mqtt_bridge.events import DeviceRemoved, Event
from mqtt_bridge.messages import (
    DeviceConnectedMessage,
    PromptChange,
    PromptChangeMessage,
    ShootProgress,
    ShootProgressMessage,
    now_ms,
)
from mqtt_bridge.publisher import MqttPublisher
from mqtt_bridge.topics import EPOCH, PresenceTopic, PromptsTopic, ShootTopic

from .conftest import StartBroker, TestBroker
from .devices import Sessions, SteppedTiming, described, running
from .link import PATIENCE
from .proxy import proxied


@pytest.fixture
async def publisher(broker: TestBroker) -> AsyncIterator[MqttPublisher]:
    """The functions' side of the shared broker."""
    publisher = MqttPublisher(
        BrokerUrl.parse(f"mqtt://{broker.control.host}:{broker.control.tcp_port}"),
        key=broker.key,
        timeout=PATIENCE,
    )
    yield publisher
    await publisher.aclose()


def progress(user: str, done: int, *, device: str | None = None) -> ShootProgressMessage:
    data = ShootProgress(
        shoot_id="s", status="processing", processed_count=done, total_count=1000, sequence=now_ms() + done
    )
    return ShootProgressMessage(user_id=user, device_id=device, data=data)


def prompt(user: str, title: str) -> PromptChangeMessage:
    return PromptChangeMessage(user_id=user, data=PromptChange(action="updated", title=title))


async def test_event_reaches_every_device_of_the_user_alone(
    broker: TestBroker, user: str, transport: str, publisher: MqttPublisher
) -> None:
    """The main job: both devices of one user are told, a device of another is not; echoes are marked."""
    async with (
        running(Sessions(broker, transport=transport), user, "mac") as mac,
        running(Sessions(broker, transport=transport), user, "phone") as phone,
        running(Sessions(broker, transport=transport), f"{user}-other", "mac") as stranger,
    ):
        message = progress(user, 1, device="mac")
        await publisher.publish(ShootTopic(user, "s"), message)
        await publisher.publish(PromptsTopic(f"{user}-other"), prompt(f"{user}-other", "last"))

        await mac.until(lambda app: Event(message, own=True, expires_in=86_400) in app.events)
        await phone.until(lambda app: Event(message, own=False, expires_in=86_400) in app.events)
        await stranger.until(lambda app: any(event.message.data for event in app.all(Event)))
        titles = [event.message for event in stranger.all(Event) if not _is_presence(event)]
        assert message not in titles


def _is_presence(event: Event) -> bool:
    return event.message.type.startswith("DEVICE_")


async def test_who_comes_later_sees_the_present_at_once(
    broker: TestBroker, user: str, publisher: MqttPublisher
) -> None:
    """The newest state, marked as retained and with what is left of its life, before the resync is told."""
    for done in (1, 2):
        await publisher.publish(ShootTopic(user, "s"), message := progress(user, done))
    async with running(Sessions(broker), user) as app:
        states = [event for event in app.all(Event) if event.retained]

    assert [event.message for event in states] == [message]
    assert not states[0].replayed
    assert states[0].expires_in is not None
    assert states[0].expires_in <= 86_400


async def test_devices_see_each_other_come_and_go(broker: TestBroker, user: str) -> None:
    """A birth and a goodbye are told once to the others, and to the device itself as its own."""
    async with running(Sessions(broker), user, "mac") as mac:
        async with running(Sessions(broker), user, "phone") as phone:
            await mac.until(lambda app: app.presence_of("phone") == ["connected"])
            await phone.until(lambda app: app.presence_of("phone") == ["connected"])
            assert phone.presence_of("mac") == ["connected"]
            births = [one for one in phone.all(Event) if isinstance(one.message, DeviceConnectedMessage)]
            assert {(one.message.device_id, one.own) for one in births} == {("mac", False), ("phone", True)}
        await mac.until(lambda app: app.presence_of("phone") == ["connected", "closed"])
    assert mac.ended is None


async def test_a_reason_for_closing_is_told(broker: TestBroker, user: str) -> None:
    """An app whose user signs out says so; closing again does nothing."""
    async with (
        running(Sessions(broker), user, "mac") as mac,
        running(Sessions(broker), user, "phone") as phone,
    ):
        await phone.client.close("signed-out")
        await phone.client.close()
        await mac.until(lambda app: app.presence_of("phone") == ["connected", "signed-out"])
        assert not phone.client.connected


async def test_a_removed_device_is_told(broker: TestBroker, user: str) -> None:
    """An empty retained message takes the device off every screen."""
    functions = broker.functions()
    async with running(Sessions(broker), user, "mac") as mac:
        async with running(Sessions(broker), user, "phone"):
            await mac.until(lambda app: app.presence_of("phone") == ["connected"])
        await mac.until(lambda app: app.presence_of("phone") == ["connected", "closed"])
        functions.publish(str(PresenceTopic(user, "phone")), b"", retain=True)
        await mac.until(lambda app: DeviceRemoved("phone") in app.events)
    functions.disconnect()


async def test_device_that_was_removed_does_not_insist(broker: TestBroker, user: str) -> None:
    """Who clears a user's data must not find a part of it back; the device stays connected."""
    functions = broker.functions()
    topic = str(PresenceTopic(user, "mac"))
    async with running(Sessions(broker), user, "mac") as mac:
        await mac.until(lambda app: app.presence_of("mac") == ["connected"])
        functions.publish(topic, b"", retain=True)
        await mac.until(lambda app: DeviceRemoved("mac") in app.events)
        # Answered by the broker after whatever the device had published before.
        functions.publish(str(PromptsTopic(user)), prompt(user, "last").to_json())
        await mac.until(lambda app: len(app.all(Event)) == 2)
        listener = broker.device(user, "ear")
        listener.subscribe(topic.replace("/mac", "/+"), qos=1)
        listener.subscribe(str(EPOCH), qos=1)
        heard = [listener.receive().topic]
        assert mac.client.connected
        listener.disconnect()
    functions.disconnect()

    assert heard == [str(EPOCH)]


async def test_what_happened_while_away_comes_once_and_in_order(
    broker: TestBroker, user: str, publisher: MqttPublisher
) -> None:
    """Events of the time without a connection are replayed, state comes as its newest, nothing twice."""
    timing = SteppedTiming()
    async with (
        proxied(broker.control.tcp_port) as proxy,
        running(Sessions(broker, port=proxy.port), user, timing=timing) as app,
    ):
        await publisher.publish(PromptsTopic(user), before := prompt(user, "before"))
        await app.until(lambda app: Event(before) in app.events)
        proxy.cut()
        await app.until(lambda app: not app.client.connected)
        missed = [prompt(user, str(number)) for number in range(3)]
        for message in missed:
            await publisher.publish(PromptsTopic(user), message)
        for done in (1, 2, 3):
            await publisher.publish(ShootTopic(user, "s"), state := progress(user, done))
        await app.until_back(timing)
        await publisher.publish(PromptsTopic(user), after := prompt(user, "after"))
        await app.until(lambda app: Event(after) in app.events)

    told = [event for event in app.all(Event) if not _is_presence(event)]
    prompts = [event for event in told if isinstance(event.message, PromptChangeMessage)]
    assert prompts == [Event(before), *(Event(one, replayed=True) for one in missed), Event(after)]
    assert [event.message for event in told if event.retained] == [state]
    assert app.resyncs == ["no-session"]


async def test_a_copy_of_the_same_event_is_told_once(
    broker: TestBroker, user: str, publisher: MqttPublisher
) -> None:
    """A publisher that did not hear the acknowledgement sends again with the same id."""
    async with running(Sessions(broker), user) as app:
        twice, last = prompt(user, "twice"), prompt(user, "last")
        for message in (twice, twice, last):
            await publisher.publish(PromptsTopic(user), message)
        await app.until(lambda app: Event(last) in app.events)

    assert app.events.count(Event(twice)) == 1


async def test_foreign_messages_do_no_harm(broker: TestBroker, user: str, publisher: MqttPublisher) -> None:
    """Garbage and messages of a newer server are dropped and counted; the connection and the rest go on."""
    functions = broker.functions()
    async with running(Sessions(broker), user) as app:
        for payload in (b"garbage", b'{"type":"SHOOT_SHARED","id":"1"}', b"\xff" * 1000):
            functions.publish(str(PromptsTopic(user)), payload)
        functions.publish(f"sync/v1/users/{user}/inbox/mac", b'{"type":"PONG"}')
        await publisher.publish(PromptsTopic(user), message := prompt(user, "good"))
        await app.until(lambda app: Event(message) in app.events)

        assert app.client.dropped == {"unreadable": 3, "unknown-type": 1}
        assert app.client.connected
    functions.disconnect()


async def test_it_resubscribes_every_five_minutes_and_after_sleep(broker: TestBroker, user: str) -> None:
    """A broker drops state for a slow reader; only asking again brings the present (guarantee 2)."""
    timing = SteppedTiming()
    async with (
        proxied(broker.control.tcp_port) as proxy,
        running(Sessions(broker, port=proxy.port), user, timing=timing) as app,
    ):

        async def subscriptions(count: int) -> None:
            await app.until(lambda _: proxy.said.count(b"/events/shoots/+") == count)

        await subscriptions(1)
        await timing.advance(REFRESH_EVERY - 1)
        await subscriptions(1)
        await timing.advance(1)
        await subscriptions(2)
        # When that is answered, it waits again.
        await app.until(lambda _: timing.slept.count(TICK) == REFRESH_EVERY / TICK + 1)
        await timing.jump(60)
        await subscriptions(3)
        assert app.resyncs == ["no-session"]


async def test_broker_that_restarts(start_broker: StartBroker, user: str) -> None:
    """The client comes back, tells a resync because of the new epoch, and announces itself with it."""
    broker = start_broker()
    timing = SteppedTiming()
    async with running(Sessions(broker), user, timing=timing) as app:
        await app.until(lambda app: app.presence_of("mac") == ["connected"])
        first = [event.message for event in app.all(Event)][-1]
        await asyncio.to_thread(broker.restart)
        await app.until(lambda app: not app.client.connected)
        await app.until_back(timing)
        await app.until(lambda app: app.resyncs == ["no-session", "new-epoch"])
        listener = broker.device(user, "ear")
        listener.subscribe(str(PresenceTopic(user, "mac")).replace("/mac", "/+"), qos=0)
        births: list[DeviceConnectedMessage] = []

        def reborn(_: object) -> bool:
            births.extend(
                DeviceConnectedMessage.model_validate_json(message.payload) for message in listener.received()
            )
            return any(birth.data.session > first.data.session for birth in births)  # type: ignore[union-attr]  # a birth

        await app.until(reborn)
        listener.disconnect()

    assert isinstance(first, DeviceConnectedMessage)
    assert births[-1].data.epoch != first.data.epoch


async def test_closing_without_a_broker_ends_in_time(start_broker: StartBroker, user: str) -> None:
    """Quitting an app must not hang: not when the broker is frozen, not when it is gone."""
    broker = start_broker()
    async with asyncio.timeout(PATIENCE):
        async with running(Sessions(broker), user, "mac") as frozen:
            broker.control.pause()
        assert frozen.ended is None
        broker.control.kill()
        async with SyncClient(Sessions(broker), device=described(user, "phone")):
            await asyncio.sleep(0.1)


async def test_fault_in_the_client_reaches_the_app(broker: TestBroker, user: str) -> None:
    """A defect must not look like a quiet day: the iteration raises it."""

    class Broken(SteppedTiming):
        def random(self) -> float:
            raise ZeroDivisionError

    async with SyncClient(Sessions(broker), device=described(user, "mac"), timing=Broken()) as client:
        with pytest.raises(ZeroDivisionError):
            async for _ in client:
                pass


async def test_a_client_runs_once(broker: TestBroker, user: str) -> None:
    """Entered again it would be online without telling anything."""
    client = SyncClient(Sessions(broker), device=described(user, "mac"))
    async with client:
        pass
    with pytest.raises(RuntimeError, match="runs once"):
        async with client:
            pass
