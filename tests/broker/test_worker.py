"""The bridge worker against a real broker: what becomes of what devices send."""

import asyncio
import json
import logging
import uuid
from collections.abc import AsyncIterator
from typing import Any

import pytest

from mqtt_bridge import log_limit
from mqtt_bridge.messages import ShootProgressMessage
from mqtt_bridge.metrics import BridgeMetrics
from mqtt_bridge.rights import Rights, bridge_rights
from mqtt_bridge.session import SessionAnswer
from mqtt_bridge.sweeper import Sweeper
from mqtt_bridge.topics import ALL_INBOXES, ALL_SHOOTS, BRIDGE, SHARDS, InboxTopic, PresenceTopic, shard
from mqtt_bridge.uplink import Uplink
from mqtt_bridge.worker import GetSession, Worker

from .bridge import Device, counted, eventually, samples, sessions, working
from .conftest import TestBroker


@pytest.fixture
def broker(bridged_broker: TestBroker) -> TestBroker:
    return bridged_broker


@pytest.fixture(autouse=True)
async def _devices_end_with_their_test() -> AsyncIterator[None]:
    yield
    await Device.close_all()


@pytest.fixture
def metrics() -> BridgeMetrics:
    return BridgeMetrics()


@pytest.fixture
async def worker(broker: TestBroker, metrics: BridgeMetrics) -> AsyncIterator[Worker]:
    """The only worker, whose metrics are ``metrics``."""
    async with working(broker, metrics=metrics) as worker:
        yield worker


pytestmark = pytest.mark.usefixtures("worker")


async def test_an_update_reaches_the_users_devices_and_is_acknowledged(broker: TestBroker, user: str) -> None:
    """What a device reports is what the user's other devices see, under the same id; it is told so."""
    mac = await Device.online(broker, user, "mac")
    phone = await Device.online(broker, user, "phone")

    update = await mac.send(mac.update(done=7, current_image="DSC_1.NEF"))
    await mac.acked(update.id)
    progress = await phone.next_of("SHOOT_PROGRESS")

    assert progress == json.loads(update.to_json()) | {"type": "SHOOT_PROGRESS"}
    late = await Device.online(broker, user, "late")
    assert await late.next_of("SHOOT_PROGRESS") == progress
    assert phone.acks() == []


async def test_the_device_is_told_only_after_the_others_could_hear(broker: TestBroker, user: str) -> None:
    """The ACK says that the broker has the progress, so it comes behind the device's own echo."""
    mac = await Device.online(broker, user)
    update = await mac.send(mac.update())
    await mac.acked(update.id)

    assert [message["type"] for _, message in mac.messages] == ["SHOOT_PROGRESS", "ACK"]


async def test_a_ping_is_answered(broker: TestBroker, user: str) -> None:
    """A PONG bears the device's own time and the bridge's."""
    mac = await Device.online(broker, user)
    await mac.ping()
    pong = await mac.next_of("PONG")

    assert pong["data"]["sentAt"] == 1
    assert pong["data"]["receivedAt"] > 1_700_000_000_000


async def test_invalid_input_is_answered_and_stops_nothing(broker: TestBroker, user: str) -> None:
    """An ERROR names the field and the message; nothing is published, and the next message is served."""
    mac = await Device.online(broker, user)
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


async def test_updates_keep_their_order(broker: TestBroker, user: str) -> None:
    """Updates are published in the order in which they were sent, also when nobody waits in between."""
    mac = await Device.online(broker, user)
    phone = await Device.online(broker, user, "phone")
    sent = [mac.update(done=step) for step in range(1, 81)]
    await asyncio.gather(*(mac.send(update) for update in sent))
    await mac.acked(*(update.id for update in sent))
    await phone.until(lambda: len(phone.progress()) == 80)

    assert [message["id"] for message in phone.progress()] == [update.id for update in sent]


async def test_a_device_cannot_speak_for_another(broker: TestBroker, user: str) -> None:
    """Not for another user, nor for another device of its own user; the topic says who it is."""
    eve = await Device.online(broker, user, "eve")
    victim = await Device.online(broker, f"victim-{user}", "mac")
    phone = await Device.online(broker, user, "phone")
    for name, value in (("userId", victim.user), ("deviceId", "phone")):
        forged = json.loads(eve.update().to_json()) | {name: value}
        await eve.publish(json.dumps(forged).encode())
    await eve.next_of("ERROR", 2)

    assert [error["data"]["field"] for error in eve.of("ERROR")] == ["userId", "deviceId"]
    assert victim.messages == []
    assert phone.messages == []


@pytest.mark.parametrize("level", ["kind", "shard"])
async def test_a_wrong_topic_is_answered(broker: TestBroker, user: str, level: str) -> None:
    """Whoever lets a device publish there: it gets an ERROR, and nothing is published."""
    mac = await Device.online(broker, user, rights=_anything(user))
    wrong_shard = SHARDS[(SHARDS.index(shard(user)) + 1) % 16]
    topic = {
        "kind": f"sync/v1/uplink/{shard(user)}/{user}/mac/rate-image",
        "shard": f"sync/v1/uplink/{wrong_shard}/{user}/mac/update-progress",
    }[level]
    await mac.connection.publish(topic, mac.update().to_json())
    error = await mac.next_of("ERROR")

    assert (error["data"]["field"], error["data"]["retryable"]) == ("topic", False)
    assert mac.progress() == []


def _anything(user: str) -> Rights:
    inbox = str(InboxTopic(user, "mac"))
    return Rights(
        pub=["sync/v1/uplink/#"],
        sub=[inbox, f"sync/v1/users/{user}/events/shoots/+", f"sync/v1/users/{user}/devices/+"],
    )


async def test_everything_is_counted(broker: TestBroker, user: str, metrics: BridgeMetrics) -> None:
    """By type and outcome; how long it took; that nothing is in flight; when the broker was heard."""
    mac = await Device.online(broker, user)
    new = await mac.send(mac.update(done=9))
    old = await mac.send(mac.update(done=8))
    await mac.publish(b"{}")
    await mac.ping()
    await mac.acked(new.id, old.id)
    await mac.next_of("PONG")
    await eventually(lambda: counted(metrics, "answered", "PING"))
    seen = samples(metrics)

    for outcome, kind in (
        ("published", "UPDATE_PROGRESS"),
        ("superseded", "UPDATE_PROGRESS"),
        ("invalid", "UPDATE_PROGRESS"),
        ("answered", "PING"),
    ):
        assert counted(metrics, outcome, kind) == 1
    assert seen['kull_sync_bridge_message_seconds_count{type="UPDATE_PROGRESS"}'] == 3
    assert "kull_sync_bridge_in_flight_messages" not in seen
    assert seen["kull_sync_bridge_ready"] == 1
    assert seen["kull_sync_bridge_last_contact_timestamp_seconds"] > 1_700_000_000


async def test_an_update_that_arrives_late_does_not_replace_a_newer_one(
    broker: TestBroker, user: str
) -> None:
    """It is acknowledged, so that the device stops sending it, and whoever comes late sees the newest."""
    mac = await Device.online(broker, user, "mac")
    pad = await Device.online(broker, user, "pad")
    newer = await mac.send(mac.update(done=9))
    await mac.acked(newer.id)
    older = await pad.send(pad.update(done=8))
    await pad.acked(older.id)

    late = await Device.online(broker, user, "late")
    assert (await late.next_of("SHOOT_PROGRESS"))["id"] == newer.id


async def test_a_fault_of_the_bridge_stops_nothing(
    broker: TestBroker, user: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The message that brought it out is answered as retryable; the log tells where, and quotes nothing."""
    judge = Uplink.judge

    def faulty(self: Uplink, topic: Any, payload: bytes) -> Any:
        if b"unlucky" in payload:
            raise RuntimeError("quoting unlucky")
        return judge(self, topic, payload)

    monkeypatch.setattr(Uplink, "judge", faulty)
    mac = await Device.online(broker, user)
    await mac.send(mac.update("unlucky"))
    lucky = await mac.send(mac.update("lucky"))
    await mac.acked(lucky.id)

    (error,) = mac.of("ERROR")
    assert (error["data"]["code"], error["data"]["retryable"]) == ("internal", True)
    assert "Unexpected RuntimeError" in caplog.text
    assert "unlucky" not in caplog.text


async def test_a_fault_while_answering_stops_nothing(
    broker: TestBroker, user: str, metrics: BridgeMetrics, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The message is counted as such and acknowledged to the broker: those behind it go on."""
    to_json = ShootProgressMessage.to_json

    def faulty(self: ShootProgressMessage) -> bytes:
        if self.data.shoot_id == "unlucky":
            raise RuntimeError("quoting unlucky")
        return to_json(self)

    monkeypatch.setattr(ShootProgressMessage, "to_json", faulty)
    mac = await Device.online(broker, user)
    await mac.send(mac.update("unlucky"))
    lucky = await mac.send(mac.update("lucky"))
    await mac.acked(lucky.id)

    await eventually(lambda: counted(metrics, "internal") == 1)
    await eventually(lambda: "kull_sync_bridge_in_flight_messages" not in samples(metrics))


async def test_a_fault_in_presence_stops_nothing(
    broker: TestBroker, user: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Devices are served, whatever becomes of the sweep."""

    def faulty(*_: object) -> None:
        raise RuntimeError("unlucky")

    monkeypatch.setattr(Sweeper, "saw", faulty)
    mac = await Device.online(broker, user)
    await mac.connection.publish(str(PresenceTopic(user, "mac")), b"{}", retain=True)
    update = await mac.send(mac.update())
    await mac.acked(update.id)
    await mac.connection.publish(str(PresenceTopic(user, "mac")), b"", retain=True)

    assert "Unexpected RuntimeError" in caplog.text


async def test_a_fault_in_the_sweep_stops_nothing(
    broker: TestBroker,
    user: str,
    worker: Worker,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Devices are served, and the log says what happened."""

    async def faulty(*_: object) -> None:
        raise RuntimeError("unlucky")

    worker.stop()
    monkeypatch.setattr(Sweeper, "sweep", faulty)
    async with working(broker):
        await eventually(lambda: "Unexpected RuntimeError" in caplog.text)
        mac = await Device.online(broker, user)
        update = await mac.send(mac.update())
        await mac.acked(update.id)


async def test_logs_have_ids_and_no_payloads(
    broker: TestBroker, user: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Each message can be found by user, device and id; what it said cannot."""
    caplog.set_level(logging.DEBUG, "mqtt_bridge.worker_link")
    mac = await Device.online(broker, user)
    update = await mac.send(mac.update(current_image="canary.NEF"))
    await mac.acked(update.id)
    await mac.publish(b'{"id": "refused-1", "type": "canary"}')
    await mac.next_of("ERROR")

    def fields() -> list[dict[str, Any]]:
        return [record.__dict__["fields"] for record in caplog.records if "fields" in record.__dict__]

    ids = {"user": user, "device": "mac"}
    await eventually(lambda: ids | {"message_id": update.id, "outcome": "published"} in fields())
    await eventually(lambda: ids | {"message_id": "refused-1", "outcome": "invalid"} in fields())
    assert "canary" not in caplog.text + json.dumps(fields())


async def test_a_device_cannot_fill_the_log(
    broker: TestBroker,
    user: str,
    metrics: BridgeMetrics,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """What it repeats is counted and not written; another device's line is, and says how many are missing."""
    monkeypatch.setattr(log_limit, "INTERVAL", 3600)
    caplog.set_level(logging.INFO, "mqtt_bridge.worker_link")
    mac = await Device.online(broker, user, "mac")
    pad = await Device.online(broker, user, "pad")
    for _ in range(60):
        await mac.publish(b"{}")
    await mac.next_of("ERROR", 60)
    await pad.publish(b"{}")
    await eventually(lambda: counted(metrics, "invalid") == 61)

    fields = [record.__dict__["fields"] for record in caplog.records if record.msg == "%s"]
    assert [(each["device"], each.get("left_out")) for each in fields] == [("mac", None), ("pad", 59)]


@pytest.mark.parametrize(
    "where", [Uplink, ShootProgressMessage, Sweeper], ids=["judge", "answer", "presence"]
)
async def test_a_fault_that_repeats_does_not_fill_the_log(
    broker: TestBroker,
    user: str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    where: type,
) -> None:
    """A device that found a fault of the bridge can bring it out as often as it likes."""
    monkeypatch.setattr(log_limit, "INTERVAL", 3600)
    fallen = 0

    def faulty(*_: object) -> Any:
        nonlocal fallen
        fallen += 1
        raise RuntimeError("unlucky")

    name = {Uplink: "judge", ShootProgressMessage: "to_json", Sweeper: "saw"}[where]
    monkeypatch.setattr(where, name, faulty)
    mac = await Device.online(broker, user)
    for number in range(5):
        await mac.send(mac.update(done=number))
        await mac.connection.publish(str(PresenceTopic(user, "mac")), b"{}", retain=True)
    await mac.connection.publish(str(PresenceTopic(user, "mac")), b"", retain=True)
    await eventually(lambda: fallen >= 5)

    assert caplog.text.count("Unexpected RuntimeError") == 1


async def test_two_workers_share_the_users(broker: TestBroker, worker: Worker) -> None:
    """Each user is served by one of them, and none by both."""
    worker.stop()
    first, second = BridgeMetrics(), BridgeMetrics()
    async with (
        working(broker, 0, 2, metrics=first) as even,
        working(broker, 1, 2, metrics=second) as odd,
    ):
        users = [f"user-{uuid.uuid4().hex[:16]}" for _ in range(8)]
        for user in users:
            assert even.serves(user) != odd.serves(user)
            mac = await Device.online(broker, user)
            update = await mac.send(mac.update())
            await mac.acked(update.id)
            assert len(mac.progress()) == 1
        served_by_first = sum(even.serves(user) for user in users)
    assert (counted(first, "published"), counted(second, "published")) == (
        served_by_first,
        8 - served_by_first,
    )


def with_rights(broker: TestBroker, pub: list[str]) -> GetSession:
    """Sessions of a worker that may not publish everything."""
    answer = sessions(broker)
    rights = bridge_rights(SHARDS).model_copy(update={"pub": pub})

    async def get_session() -> SessionAnswer:
        token = broker.mint(BRIDGE, "worker-0-of-1", rights)
        return (await answer()).model_copy(update={"token": token})

    return get_session


async def test_what_the_broker_refuses_is_told_the_device(
    broker: TestBroker, user: str, worker: Worker, caplog: pytest.LogCaptureFixture
) -> None:
    """The device may try again; the broker does not deliver it again."""
    worker.stop()
    refusals = BridgeMetrics()
    async with working(broker, get_session=with_rights(broker, [ALL_INBOXES]), metrics=refusals):
        mac = await Device.online(broker, user)
        update = await mac.send(mac.update())
        error = await mac.next_of("ERROR")
    async with working(broker):
        await mac.ping()
        await mac.next_of("PONG")

    data = error["data"]
    assert (data["code"], data["retryable"], data["inReplyTo"]) == ("not-published", True, update.id)
    assert counted(refusals, "not-published")
    assert len(mac.of("ERROR")) == 1
    assert mac.progress() == []
    assert "The broker refused the message" in caplog.text


async def test_an_answer_that_the_broker_refuses_stops_nothing(
    broker: TestBroker, user: str, worker: Worker, caplog: pytest.LogCaptureFixture
) -> None:
    """The progress is published all the same, and the device sends it again for want of an ACK."""
    worker.stop()
    async with working(broker, get_session=with_rights(broker, [ALL_SHOOTS])):
        mac = await Device.online(broker, user)
        await mac.send(mac.update(done=1))
        await mac.send(mac.update(done=2))
        await mac.next_of("SHOOT_PROGRESS", 2)

    assert mac.acks() == []
    assert "The broker refused the message" in caplog.text
