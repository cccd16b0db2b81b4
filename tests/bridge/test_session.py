"""The session answer: what a client connects with."""

import json
from typing import Any

import pytest
from pydantic import ValidationError

from mqtt_bridge import tokens
from mqtt_bridge.errors import InvalidTopicError
from mqtt_bridge.messages import DeviceConnectedMessage, DeviceDisconnectedMessage
from mqtt_bridge.receive import receive
from mqtt_bridge.session import (
    SessionAnswer,
    SessionRequest,
    Terms,
    bridge_session,
    device_session,
    operator_session,
)
from mqtt_bridge.tokens import SigningKey
from mqtt_bridge.topics import PresenceTopic, Subscription

TERMS = Terms(key=SigningKey.generate(), urls=["wss://sync.example.com/mqtt"], lifetime=600)
JWKS = {"keys": [TERMS.key.public_jwk]}


def mac(**overrides: Any) -> SessionAnswer:
    details: dict[str, Any] = {"user": "ada", "device": "mac-1", "name": "Ada's Mac", "platform": "mac"}
    return device_session(TERMS, **{**details, **overrides})


def test_device_answer_on_the_wire() -> None:
    """Field for field what the contract promises to clients that nobody here wrote."""
    answer = json.loads(mac(app_version="4.2").model_dump_json())

    claims = tokens.verify(answer.pop("token"), JWKS)
    assert answer.pop("session") == claims.session
    assert answer == {
        "expiresIn": 600,
        "userId": "ada",
        "deviceId": "mac-1",
        "clientId": "ada:mac-1",
        "username": "ada",
        "urls": ["wss://sync.example.com/mqtt"],
        "keepalive": 30,
        "sessionExpiry": 86_400,
        "queueLimit": 1000,
        "subscriptions": [
            {"filter": "sync/v1/users/ada/events/shoots/+", "qos": 0},
            {"filter": "sync/v1/users/ada/devices/+", "qos": 0},
            {"filter": "sync/v1/users/ada/events/credits", "qos": 1},
            {"filter": "sync/v1/users/ada/events/prompts", "qos": 1},
            {"filter": "sync/v1/users/ada/inbox/mac-1", "qos": 1},
            {"filter": "sync/v1/all/prompts", "qos": 1},
            {"filter": "sync/v1/all/epoch", "qos": 1},
        ],
        "topics": {
            "presence": "sync/v1/users/ada/devices/mac-1",
            "ping": "sync/v1/uplink/f/ada/mac-1/ping",
            "updateProgress": "sync/v1/uplink/f/ada/mac-1/update-progress",
            "epoch": "sync/v1/all/epoch",
        },
        "birth": {
            "type": "DEVICE_CONNECTED",
            "userId": "ada",
            "deviceId": "mac-1",
            "data": {"deviceId": "mac-1", "name": "Ada's Mac", "platform": "mac", "appVersion": "4.2"},
        },
        "will": {
            "topic": "sync/v1/users/ada/devices/mac-1",
            "qos": 1,
            "retain": True,
            "delay": 5,
            "expiry": 2_592_000,
            "message": {
                "type": "DEVICE_DISCONNECTED",
                "userId": "ada",
                "deviceId": "mac-1",
                "data": {"deviceId": "mac-1", "reason": "lost"},
            },
        },
    }


def test_token_lets_the_device_do_what_the_answer_says() -> None:
    """Subscriptions, presence and uplink of the answer are those of the token's rights."""
    answer = mac()
    claims = tokens.verify(answer.token, JWKS)

    assert claims.client_id == answer.client_id
    assert claims.sub == answer.username
    assert claims.exp - claims.iat == answer.expires_in
    assert claims.acl.sub == [each.filter for each in answer.subscriptions]
    assert answer.topics is not None
    assert claims.acl.pub == [answer.topics.presence, answer.topics.ping, answer.topics.update_progress]


def test_filled_templates_are_messages_of_the_presence_topic() -> None:
    """What a device makes of the templates passes every receiver's check, each time with an id of its own."""
    answer = mac()
    assert answer.birth is not None
    assert answer.will is not None
    topic = PresenceTopic("ada", "mac-1")

    birth = receive(topic, answer.birth.fill(session=7, epoch="boot-1").to_json())
    will = receive(topic, answer.will.message.fill(session=7).to_json())
    goodbye = answer.will.message.fill(session=7, reason="closed")

    assert isinstance(birth, DeviceConnectedMessage)
    assert (birth.data.session, birth.data.epoch, birth.data.name) == (7, "boot-1", "Ada's Mac")
    assert isinstance(will, DeviceDisconnectedMessage)
    assert (will.data.session, will.data.reason, goodbye.data.reason) == (7, "lost", "closed")
    assert len({birth.id, will.id, goodbye.id}) == 3


def test_session_number_is_above_the_last_known_one() -> None:
    """A functions host with a slow clock hands out no number that receivers take for an old one."""
    ahead = mac().session + 60_000

    assert mac(last_session=ahead).session == ahead + 1000


@pytest.mark.parametrize(
    "wrong",
    [
        pytest.param({"user": "a/b"}, id="slash in user"),
        pytest.param({"user": "$functions"}, id="service as user"),
        pytest.param({"device": "mac:1"}, id="colon in device"),
        pytest.param({"device": ""}, id="empty device"),
    ],
)
def test_no_session_for_ids_that_break_the_rules(wrong: dict[str, str]) -> None:
    """An id that could reach into a neighbour's topics gets no token."""
    with pytest.raises(InvalidTopicError):
        mac(**wrong)


@pytest.mark.parametrize(
    "wrong",
    [
        pytest.param({"name": ""}, id="no name"),
        pytest.param({"name": "x" * 101}, id="long name"),
        pytest.param({"platform": "toaster"}, id="unknown platform"),
        pytest.param({"app_version": "x" * 51}, id="long version"),
    ],
)
def test_no_session_for_a_birth_that_nobody_could_read(wrong: dict[str, str]) -> None:
    """What receivers would drop is refused here, where somebody can see it."""
    with pytest.raises(ValidationError):
        mac(**wrong)


def test_bridge_answer() -> None:
    """A worker keeps its name, so that it finds what waited for it, and owns its shards; it is no device."""
    answer = bridge_session(TERMS, index=1, count=8)

    assert answer.client_id == "$bridge:worker-1-of-8"
    assert answer.subscriptions == [
        Subscription("sync/v1/uplink/1/#", 1),
        Subscription("sync/v1/uplink/9/#", 1),
        Subscription("sync/v1/users/+/devices/+", 0),
        Subscription("sync/v1/all/epoch", 1),
    ]
    wire = json.loads(answer.model_dump_json())
    assert [wire[name] for name in ("userId", "deviceId", "topics", "birth", "will")] == [None] * 5
    assert set(tokens.verify(answer.token, JWKS).acl.sub) == {each.filter for each in answer.subscriptions}


@pytest.mark.parametrize(("index", "count"), [(2, 2), (-1, 2), (0, 0), (0, 17)])
def test_no_session_for_a_worker_that_does_not_exist(index: int, count: int) -> None:
    """Else two workers would own one shard, or none."""
    with pytest.raises(ValueError, match="must be"):
        bridge_session(TERMS, index=index, count=count)


def test_operator_answer() -> None:
    """An operator looks, publishes nothing and leaves no session behind."""
    answer = operator_session(TERMS, instance="desk")

    assert answer.client_id == "$operator:desk"
    assert answer.session_expiry == 0
    assert tokens.verify(answer.token, JWKS).acl.pub == []
    assert [each.qos for each in answer.subscriptions] == [0, 0]


def test_token_stays_out_of_what_is_logged() -> None:
    """An answer or its repr in a log must not hand out the device."""
    answer = mac()

    assert answer.token not in repr(answer)
    assert answer.token not in str(answer)


def test_newer_answer_is_still_read() -> None:
    """A newer server may add fields; an older client goes on."""
    wire = json.loads(mac().model_dump_json()) | {"compression": "zstd"}
    wire["subscriptions"][0]["priority"] = 1

    answer = SessionAnswer.model_validate_json(json.dumps(wire))

    assert answer.client_id == "ada:mac-1"


def test_request_on_the_wire() -> None:
    """The request carries the contract's fields and leaves out what is not known."""
    request = SessionRequest(user_id="ada", device_id="mac-1", name="Ada's Mac", platform="mac")

    assert json.loads(request.model_dump_json()) == {
        "userId": "ada",
        "deviceId": "mac-1",
        "name": "Ada's Mac",
        "platform": "mac",
    }
