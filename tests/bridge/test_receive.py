"""From payload to message: what arrives on a topic is believed only where the topic bears it out."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mqtt_bridge.errors import UnknownTypeError, UnreadableMessageError
from mqtt_bridge.messages import CreditUpdateMessage, PromptChangeMessage, ShootProgressMessage
from mqtt_bridge.receive import MAX_PAYLOAD, receive
from mqtt_bridge.topics import (
    ALL_PROMPTS,
    CreditsTopic,
    PresenceTopic,
    ShootTopic,
    Topic,
    UplinkTopic,
)

CREDITS = {
    "type": "CREDIT_UPDATE",
    "id": "i",
    "timestamp": 1,
    "userId": "ada",
    "deviceId": None,
    "data": {"newBalance": 10, "change": 10, "reason": "bought"},
}
PROGRESS = CREDITS | {
    "type": "SHOOT_PROGRESS",
    "data": {"shootId": "s", "status": "queued", "processedCount": 0, "totalCount": 1},
}
UPDATE = PROGRESS | {"type": "UPDATE_PROGRESS", "deviceId": "mac-1"}
BIRTH = CREDITS | {
    "type": "DEVICE_CONNECTED",
    "data": {"deviceId": "mac-1", "name": "Mac", "platform": "mac", "session": 1, "epoch": "e"},
}


PROMPT = CREDITS | {"type": "PROMPT_CHANGE", "data": {"action": "updated"}}


def without(field: str) -> dict[str, Any]:
    return {name: value for name, value in CREDITS.items() if name != field}


def test_message_is_read() -> None:
    """A message of the contract on its topic comes out typed."""
    message = receive(CreditsTopic("ada"), json.dumps(CREDITS).encode())

    assert isinstance(message, CreditUpdateMessage)
    assert message.data.new_balance == 10


def test_newer_senders_fields_are_ignored() -> None:
    """A field of a later version, in the envelope or the data, breaks nothing."""
    newer = CREDITS | {
        "traceId": "t",
        "data": {"newBalance": 1, "change": 1, "reason": "x", "currency": "EUR"},
    }

    assert isinstance(receive(CreditsTopic("ada"), json.dumps(newer).encode()), CreditUpdateMessage)


def test_message_for_everyone_has_no_user() -> None:
    """On a topic for all, a null user is right."""
    message = receive(ALL_PROMPTS, json.dumps(PROMPT | {"userId": None}).encode())

    assert isinstance(message, PromptChangeMessage)


def test_unknown_type_is_told_apart() -> None:
    """A type of a later version is no fault of the sender: the receiver ignores it."""
    with pytest.raises(UnknownTypeError) as refusal:
        receive(CreditsTopic("ada"), json.dumps(CREDITS | {"type": "CREDIT_GIFT"}).encode())

    assert refusal.value.message_id == "i"


@pytest.mark.parametrize(
    ("topic", "message", "field"),
    [
        pytest.param(CreditsTopic("bob"), CREDITS, "userId", id="another user's"),
        pytest.param(CreditsTopic("ada"), CREDITS | {"userId": None}, "userId", id="nobody's"),
        pytest.param(ALL_PROMPTS, PROMPT, "userId", id="not everyone's"),
        pytest.param(ShootTopic("ada", "t"), PROGRESS, "data.shootId", id="another shoot's"),
        pytest.param(PresenceTopic("ada", "ipad"), BIRTH, "data.deviceId", id="another device's presence"),
        pytest.param(
            UplinkTopic("ada", "ipad", "update-progress"), UPDATE, "deviceId", id="another device's"
        ),
        pytest.param(UplinkTopic("ada", "mac-1", "ping"), UPDATE, "type", id="an update on the ping topic"),
        pytest.param(CreditsTopic("ada"), PROGRESS, "type", id="progress on the credits topic"),
        pytest.param(ShootTopic("ada", "s"), UPDATE, "type", id="an update among the events"),
        pytest.param(CreditsTopic("ada"), CREDITS | {"type": 7}, "type", id="type is a number"),
        pytest.param(CreditsTopic("ada"), without("id"), "id", id="no id"),
        pytest.param(CreditsTopic("ada"), without("timestamp"), "timestamp", id="no timestamp"),
        pytest.param(CreditsTopic("ada"), without("userId"), "userId", id="no user"),
        pytest.param(CreditsTopic("ada"), CREDITS | {"id": ""}, "id", id="empty id"),
        pytest.param(
            CreditsTopic("ada"), without("userId") | {"user_id": "ada"}, "userId", id="not the wire's name"
        ),
        pytest.param(CreditsTopic("ada"), CREDITS | {"data": 1}, "data", id="data is a number"),
        pytest.param(
            CreditsTopic("ada"), CREDITS | {"data": {"newBalance": -1}}, "data.newBalance", id="wrong data"
        ),
    ],
)
def test_disagreeing_message_is_refused_by_field(topic: Topic, message: dict[str, Any], field: str) -> None:
    """Nobody speaks for another user, device or shoot, and the refusal names the field."""
    with pytest.raises(UnreadableMessageError) as refusal:
        receive(topic, json.dumps(message).encode())

    assert refusal.value.field == field
    assert refusal.value.message_id == ("i" if message.get("id") == "i" else None)
    assert field in str(refusal.value)


@pytest.mark.parametrize(
    "payload",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"{", id="cut off"),
        pytest.param(b"[]", id="a list"),
        pytest.param(b"null", id="null"),
        pytest.param(b"\xff\xfe", id="not UTF-8"),
        pytest.param(b'{"id": NaN}', id="NaN"),
        pytest.param(b"{} {}", id="two objects"),
        pytest.param(b"[" * 5000, id="deep"),
        pytest.param(b" " * (MAX_PAYLOAD + 1), id="too large"),
    ],
)
def test_no_json_object_is_refused(payload: bytes) -> None:
    """What is not even a JSON object has no field to name."""
    with pytest.raises(UnreadableMessageError) as refusal:
        receive(CreditsTopic("ada"), payload)

    assert refusal.value.field is None


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda children: st.lists(children) | st.dictionaries(st.text(), children),
    max_leaves=20,
)
MESSAGES = st.fixed_dictionaries(
    {},
    optional={
        "type": st.sampled_from(["SHOOT_PROGRESS", "X"]) | JSON,
        "id": st.text(max_size=3) | JSON,
        "timestamp": st.integers() | JSON,
        "userId": st.just("ada") | JSON,
        "data": st.fixed_dictionaries(
            {"shootId": st.just("s")}, optional={"status": JSON, "totalCount": JSON}
        )
        | JSON,
    },
)


@given(st.binary() | MESSAGES.map(lambda message: json.dumps(message).encode()))
def test_whatever_arrives_is_a_message_or_a_refusal(payload: bytes) -> None:
    """No payload raises anything that a receiver does not expect."""
    try:
        message = receive(ShootTopic("ada", "s"), payload)
    except UnreadableMessageError:
        return
    assert isinstance(message, ShootProgressMessage)
