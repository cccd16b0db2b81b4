"""The bridge worker against a real broker."""

import asyncio
import json
from collections.abc import AsyncIterator

import pytest

from mqtt_bridge.worker import Worker

from .bridge import Device, working
from .conftest import StartBroker, TestBroker


@pytest.fixture
async def own_broker(start_broker: StartBroker) -> TestBroker:
    """A broker with no worker but the test's."""
    return start_broker()


@pytest.fixture
async def worker(own_broker: TestBroker) -> AsyncIterator[Worker]:
    async with working(own_broker) as worker:
        yield worker


async def test_an_update_reaches_the_users_devices_and_is_acknowledged(
    own_broker: TestBroker, worker: Worker, user: str
) -> None:
    """What a device reports is what the user's other devices see, under the same id; the device is told so."""
    mac = await Device.online(own_broker, user, "mac")
    phone = await Device.online(own_broker, user, "phone")

    update = await mac.send(mac.update(done=7, current_image="DSC_1.NEF"))
    await mac.acked(update.id)
    progress = await phone.next_of("SHOOT_PROGRESS")

    assert progress == update.model_dump(mode="json", by_alias=True) | {"type": "SHOOT_PROGRESS"}
    late = await Device.online(own_broker, user, "late")
    assert await late.next_of("SHOOT_PROGRESS") == progress
    assert phone.acks() == []


async def test_a_ping_is_answered(own_broker: TestBroker, worker: Worker, user: str) -> None:
    """A PONG bears the device's own time and the bridge's."""
    mac = await Device.online(own_broker, user)
    await mac.ping()
    pong = await mac.next_of("PONG")
    assert pong["data"]["sentAt"] == 1
    assert pong["data"]["receivedAt"] > 1_700_000_000_000


async def test_invalid_input_is_answered_and_stops_nothing(
    own_broker: TestBroker, worker: Worker, user: str
) -> None:
    """An ERROR names the field and the message; nothing is published, and the next message is served."""
    mac = await Device.online(own_broker, user)
    wrong = json.loads(mac.update().to_json())
    wrong["data"]["processedCount"] = -1
    await mac.publish(json.dumps(wrong).encode())
    await mac.publish(b"\xff not JSON")
    good = await mac.send(mac.update(done=5))
    await mac.acked(good.id)

    first, second = (error["data"] for error in mac.of("ERROR"))
    assert (first["field"], first["inReplyTo"], first["retryable"]) == (
        "data.processedCount",
        wrong["id"],
        False,
    )
    assert (second["detail"], second["inReplyTo"], second["retryable"]) == ("not JSON", None, False)
    assert [message["id"] for message in mac.progress()] == [good.id]


async def test_updates_keep_their_order(own_broker: TestBroker, worker: Worker, user: str) -> None:
    """Updates are published in the order in which they were sent, also when nobody waits in between."""
    mac = await Device.online(own_broker, user)
    phone = await Device.online(own_broker, user, "phone")
    for burst in range(4):
        await asyncio.gather(*(mac.send(mac.update(done=20 * burst + step)) for step in range(1, 21)))
        await phone.until(lambda burst=burst: len(phone.progress()) == 20 * (burst + 1))
        await asyncio.sleep(0.3)  # within the broker's limit of publishes
    seen = [message["data"]["processedCount"] for message in phone.progress()]
    assert seen == list(range(1, 81))
