"""A hostile uplink, against the real broker and a worker that has to outlive it."""

import asyncio
import json
import uuid
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mqtt_bridge.metrics import BridgeMetrics
from mqtt_bridge.rights import Rights
from mqtt_bridge.topics import InboxTopic, shard, user_devices, user_shoots

from .bridge import Device, working
from .conftest import TestBroker

deep = st.integers(1, 4000).map(lambda depth: b"[" * depth + b"]" * depth)
deep_objects = st.integers(1, 1500).map(lambda depth: b'{"data":' * depth + b"{}" + b"}" * depth)
huge_numbers = st.integers(1, 8000).map(lambda digits: b'{"id":"n","timestamp":' + b"9" * digits + b"}")
no_json = st.sampled_from(
    [b"NaN", b"{'id': 1}", b'{"id":"a"', b"\xed\xa0\x80", b'{"id":"\\ud800"}', b"null", b""]
)
wrong_json = st.dictionaries(
    st.sampled_from(["type", "id", "timestamp", "userId", "deviceId", "data", "more"]),
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=30) | st.lists(st.integers()),
).map(lambda made: json.dumps(made).encode())
payloads = st.binary(max_size=200) | deep | deep_objects | huge_numbers | no_json | wrong_json

kinds = st.sampled_from(["update-progress", "ping", "rate-image", "UPDATE-PROGRESS"])
shards = st.sampled_from(["right", "0", "f", "g", "00"])


@pytest.mark.timeout(300)
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(st.lists(st.tuples(shards, kinds, payloads), min_size=5, max_size=40))
def test_a_hostile_uplink_is_answered_message_by_message(
    broker: TestBroker, messages: list[tuple[str, str, bytes]]
) -> None:
    """Whatever is sent: one ERROR each to the device, nothing published, and the worker goes on."""
    asyncio.run(_attack(broker, messages))


async def _attack(broker: TestBroker, messages: list[tuple[str, str, bytes]]) -> None:
    user = f"user-{uuid.uuid4().hex[:16]}"
    metrics = BridgeMetrics()
    async with working(broker, metrics=metrics) as worker:
        # A broker that let devices publish anywhere on the uplink: the bridge is the second lock.
        rights = Rights(
            pub=["sync/v1/uplink/#"],
            sub=[str(InboxTopic(user, "eve")), user_shoots(user), user_devices(user)],
        )
        eve = await Device.online(broker, user, "eve", rights=rights)
        for name, kind, payload in messages:
            place = shard(user) if name == "right" else name
            await eve.connection.publish(f"sync/v1/uplink/{place}/{user}/eve/{kind}", payload)
        served = [place for place, _, _ in messages if place in ("right", "0", "f")]
        await eve.until(lambda: len(eve.of("ERROR")) >= len(served))
        update = await eve.send(eve.update())
        await eve.acked(update.id)

        errors: list[Any] = [message["data"] for message in eve.of("ERROR")]
        assert len(errors) == len(served)
        assert all(error["retryable"] is False for error in errors)
        assert {message["type"] for _, message in eve.messages} <= {"ERROR", "ACK", "SHOOT_PROGRESS"}
        assert [message["id"] for message in eve.of("SHOOT_PROGRESS")] == [update.id]
        assert worker.ready
    await Device.close_all()
