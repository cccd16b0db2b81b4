"""Ghosts, against a real broker: who did not come back after it restarted is declared lost."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from mqtt_bridge.messages import DeviceConnected, DeviceConnectedMessage
from mqtt_bridge.metrics import BridgeMetrics
from mqtt_bridge.session import SessionAnswer
from mqtt_bridge.sweep import SWEEP_AFTER
from mqtt_bridge.topics import EPOCH, PresenceTopic, Subscription
from mqtt_bridge.worker import Worker

from .bridge import Device, eventually, samples, sessions, working
from .conftest import StartBroker, TestBroker
from .devices import SteppedTiming
from .proxy import proxied


@pytest.fixture(autouse=True)
async def _devices_end_with_their_test() -> AsyncIterator[None]:
    yield
    await Device.close_all()


async def born(broker: TestBroker, user: str, name: str, *, session: int, epoch: str | None = None) -> Device:
    """A device that has announced itself, with the broker's present epoch or another, and without a will."""
    device = await Device.online(broker, user, name)
    await device.connection.subscribe([Subscription(str(EPOCH), 1)])
    epoch = epoch or await device.until(lambda: device.epoch)
    topic = PresenceTopic(user, name)
    data = DeviceConnected(device_id=name, name=name, platform="mac", session=session, epoch=epoch)
    birth = DeviceConnectedMessage(user_id=user, device_id=name, data=data)
    await device.connection.publish(str(topic), birth.to_json(), retain=True, expiry=topic.expiry)
    return device


async def shown(broker: TestBroker, user: str, count: int) -> dict[str, tuple[str, int, str | None]]:
    """Of so many devices, what somebody who comes late is shown: type, session and reason."""
    late = await Device.online(broker, user, "late")
    await late.until(lambda: len(late.messages) >= count)
    return {
        message["deviceId"]: (message["type"], message["data"]["session"], message["data"].get("reason"))
        for _, message in late.messages
    }


def lost(session: int) -> tuple[str, int, str]:
    return "DEVICE_DISCONNECTED", session, "broker-restart"


def online(session: int) -> tuple[str, int, None]:
    return "DEVICE_CONNECTED", session, None


def swept(metrics: BridgeMetrics) -> float:
    return samples(metrics).get("kull_sync_bridge_swept_devices_total", 0.0)


async def until_the_wait_begins(worker: Worker, timing: SteppedTiming, waits: int) -> None:
    """Until the worker is connected, and waits for the ``waits``-th time for devices to come back."""
    while not worker.ready:
        await timing.advance(1.0)
        await asyncio.sleep(0.02)
    await eventually(lambda: timing.slept.count(SWEEP_AFTER) >= waits)


async def test_who_does_not_come_back_is_swept(start_broker: StartBroker, user: str) -> None:
    """Half of the devices return; the others are shown as lost, and they alone, when their time is up."""
    broker = start_broker()
    timing, metrics = SteppedTiming(), BridgeMetrics()
    names = [f"device-{number}" for number in range(6)]
    async with working(broker, timing=timing, metrics=metrics) as worker:
        await until_the_wait_begins(worker, timing, 1)
        for name in names:
            await born(broker, user, name, session=100)
        await asyncio.to_thread(broker.restart)
        await until_the_wait_begins(worker, timing, 2)
        for name in names[:3]:
            await born(broker, user, name, session=200)
        await timing.advance(SWEEP_AFTER - 40)
        assert await shown(broker, user, 6) == dict.fromkeys(names[:3], online(200)) | dict.fromkeys(
            names[3:], online(100)
        )
        watcher = await Device.online(broker, user, "watcher")
        await timing.advance(40)
        await watcher.until(lambda: len(watcher.of("DEVICE_DISCONNECTED")) == 3)
        await eventually(lambda: swept(metrics) == 3)

    assert await shown(broker, user, 6) == dict.fromkeys(names[:3], online(200)) | dict.fromkeys(
        names[3:], lost(100)
    )


async def test_a_worker_that_comes_later_sweeps_too(start_broker: StartBroker, user: str) -> None:
    """It learns of ghosts from what is retained, and gives devices the whole time from when it came."""
    broker = start_broker()
    await born(broker, user, "mac", session=100)
    await asyncio.to_thread(broker.restart)
    timing = SteppedTiming()
    async with working(broker, timing=timing) as worker:
        await until_the_wait_begins(worker, timing, 1)
        await timing.advance(SWEEP_AFTER - 1)
        assert await shown(broker, user, 1) == {"mac": online(100)}
        watcher = await Device.online(broker, user, "watcher")
        await timing.advance(1)
        await watcher.next_of("DEVICE_DISCONNECTED")
    assert await shown(broker, user, 1) == {"mac": lost(100)}


async def test_each_ghost_is_swept_by_the_worker_that_serves_its_user(start_broker: StartBroker) -> None:
    """Two workers, each its users: nobody is swept twice, nobody is left out."""
    broker = start_broker()
    users = [f"user-{number}" for number in range(12)]
    for user in users:
        await born(broker, user, "mac", session=100)
    await asyncio.to_thread(broker.restart)
    first, second = SteppedTiming(), SteppedTiming()
    counts = BridgeMetrics(), BridgeMetrics()
    async with (
        working(broker, 0, 2, timing=first, metrics=counts[0]) as even,
        working(broker, 1, 2, timing=second, metrics=counts[1]) as odd,
    ):
        await until_the_wait_begins(even, first, 1)
        await until_the_wait_begins(odd, second, 1)
        served = [sum(worker.serves(user) for user in users) for worker in (even, odd)]
        await asyncio.gather(first.advance(SWEEP_AFTER), second.advance(SWEEP_AFTER))
        await eventually(lambda: [swept(metrics) for metrics in counts] == served)
    for user in users:
        assert await shown(broker, user, 1) == {"mac": lost(100)}


async def test_an_epoch_that_was_queued_is_not_taken_for_the_present_one(
    start_broker: StartBroker, user: str
) -> None:
    """The broker restarted twice while the worker was away: both epochs wait in its session."""
    broker = start_broker()
    async with working(broker):
        pass
    for _ in range(2):
        await asyncio.to_thread(broker.restart)
    await born(broker, user, "mac", session=100)
    await born(broker, user, "pad", session=100, epoch="before")
    timing = SteppedTiming()
    async with working(broker, timing=timing) as worker:
        await until_the_wait_begins(worker, timing, 1)
        watcher = await Device.online(broker, user, "watcher")
        await timing.advance(SWEEP_AFTER)
        await watcher.next_of("DEVICE_DISCONNECTED")
    assert await shown(broker, user, 2) == {"mac": online(100), "pad": lost(100)}


@pytest.mark.parametrize("how", ["it breaks", "it falls silent"])
async def test_a_sweep_that_is_interrupted_is_finished(
    start_broker: StartBroker, user: str, how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever happens to the connection while a farewell is on its way, the next one goes on."""
    monkeypatch.setattr("mqtt_bridge.worker_link.TIMEOUT", 1.0)
    broker = start_broker()
    await born(broker, user, "mac", session=100)
    await asyncio.to_thread(broker.restart)
    timing, metrics = SteppedTiming(), BridgeMetrics()
    async with (
        proxied(broker.control.tcp_port) as proxy,
        working(broker, port=proxy.port, timing=timing, metrics=metrics) as worker,
    ):
        await until_the_wait_begins(worker, timing, 1)
        proxy.hold_when = b"broker-restart"
        await timing.advance(SWEEP_AFTER)
        await eventually(lambda: proxy.hold_when is None)
        if how == "it breaks":
            proxy.cut()
        await eventually(lambda: not worker.ready)
        # The farewell arrived all the same. As if it had not:
        await born(broker, user, "mac", session=100, epoch="before")
        while not worker.ready:
            await timing.advance(1.0)
            await asyncio.sleep(0.02)
        await eventually(lambda: swept(metrics) == 1)
    assert await shown(broker, user, 1) == {"mac": lost(100)}


async def test_the_epoch_is_asked_for_until_it_comes(
    start_broker: StartBroker, user: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Mosquitto keeps it back behind very many retained messages, until something is acknowledged."""
    monkeypatch.setattr("mqtt_bridge.worker_link.ASK_AGAIN", 0.2)
    broker = start_broker()
    await born(broker, user, "mac", session=100)
    await asyncio.to_thread(broker.restart)
    answer = sessions(broker)

    async def without_epoch() -> SessionAnswer:
        session = await answer()
        return session.model_copy(update={"subscriptions": session.subscriptions[:-1]})

    timing = SteppedTiming()
    async with working(broker, get_session=without_epoch, timing=timing) as worker:
        await until_the_wait_begins(worker, timing, 1)
        await timing.advance(SWEEP_AFTER)
        late = await Device.online(broker, user, "late")
        await late.next_of("DEVICE_DISCONNECTED")
