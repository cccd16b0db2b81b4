"""What the bridge makes of one message: tables of what is taken, and of what is refused with which words."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mqtt_bridge.errors import InvalidTopicError
from mqtt_bridge.messages import (
    MESSAGES,
    AckMessage,
    Error,
    ErrorMessage,
    PongMessage,
    ShootProgressMessage,
)
from mqtt_bridge.receive import MAX_PAYLOAD, receive
from mqtt_bridge.shoot_book import DAY_MS, ShootBook
from mqtt_bridge.topics import InboxTopic, ShootTopic, UplinkTopic, parse
from mqtt_bridge.uplink import Uplink, Verdict, internal_fault

NOW = 20_000 * DAY_MS + 3_600_000
UPDATES = UplinkTopic("ada", "mac", "update-progress")
PINGS = UplinkTopic("ada", "mac", "ping")
INBOX = InboxTopic("ada", "mac")


def uplink(**how: Any) -> Uplink:
    return Uplink(now=lambda: NOW, **how)


def update(changes: dict[str, Any] | None = None, **data: Any) -> dict[str, Any]:
    """An update that is right, then changed."""
    right = {
        "shootId": "wedding",
        "status": "processing",
        "processedCount": 3,
        "totalCount": 9,
        "sequence": 5,
    }
    return {
        "type": "UPDATE_PROGRESS",
        "id": "update-1",
        "timestamp": NOW - 1000,
        "userId": "ada",
        "deviceId": "mac",
        "data": right | data,
    } | (changes or {})


def ping(**changes: Any) -> dict[str, Any]:
    ids = {"id": "ping-1", "timestamp": NOW, "userId": "ada", "deviceId": "mac"}
    return {"type": "PING", "data": {"sentAt": 77}} | ids | changes


def judge(message: dict[str, Any], topic: UplinkTopic = UPDATES, *, by: Uplink | None = None) -> Verdict:
    return (by or uplink()).judge(topic, json.dumps(message).encode())


def published(verdict: Verdict) -> ShootProgressMessage:
    assert verdict.publish is not None
    return verdict.publish[1]


def error_of(verdict: Verdict) -> Error:
    assert isinstance(verdict.reply, ErrorMessage)
    assert (verdict.reply.user_id, verdict.reply.device_id) == ("ada", "mac")
    assert verdict.publish is None
    return verdict.reply.data


def test_an_update_becomes_progress_under_the_same_id() -> None:
    """So a message that is delivered twice, to whomever, is dropped the second time."""
    verdict = judge(update(currentImage="DSC_1.NEF", eta=1.5, provider="model", run=2))

    assert verdict.publish is not None
    topic, progress = verdict.publish
    assert topic == ShootTopic("ada", "wedding")
    assert json.loads(progress.to_json()) == update(
        {"type": "SHOOT_PROGRESS"}, currentImage="DSC_1.NEF", eta=1.5, provider="model", run=2
    )
    assert isinstance(verdict.reply, AckMessage)
    assert (verdict.inbox, verdict.reply.data.in_reply_to) == (INBOX, "update-1")
    assert (verdict.kind, verdict.outcome, verdict.message_id) == ("UPDATE_PROGRESS", "published", "update-1")


@pytest.mark.parametrize(
    ("sent", "shown"), [(NOW - 50_000, NOW - 50_000), (NOW, NOW), (NOW + 1, NOW), (2**53 - 1, NOW)]
)
def test_nothing_is_shown_that_has_not_happened_yet(sent: int, shown: int) -> None:
    """A device's clock that is ahead counts as now."""
    assert published(judge(update({"timestamp": sent}))).timestamp == shown


def test_a_sequence_is_the_devices_own_where_it_gives_one() -> None:
    """Even a strange one: it orders the device's own updates."""
    assert published(judge(update(sequence=0))).data.sequence == 0


def test_a_sequence_is_filled_in_where_it_is_missing() -> None:
    """By a clock that strictly grows, and once for each message: a resend must not come out as newer."""
    by = uplink()
    without = update()
    del without["data"]["sequence"]
    first = published(judge(without, by=by)).data.sequence
    other = published(judge(without | {"id": "update-2"}, by=by)).data.sequence

    assert (first, other) == (NOW, NOW + 1)
    again = judge(without, by=by)
    assert again.outcome == "superseded"
    assert published(judge(without | {"id": "update-2"}, by=by)).data.sequence == other


def test_a_ping_is_answered_with_the_time() -> None:
    """Both clocks, so that the device can tell the way from the skew."""
    verdict = judge(ping(), PINGS)

    assert isinstance(verdict.reply, PongMessage)
    assert (verdict.reply.data.sent_at, verdict.reply.data.received_at) == (77, NOW)
    assert (verdict.kind, verdict.outcome, verdict.publish) == ("PING", "answered", None)


REFUSED: list[tuple[str, Any, str | None, str | None]] = [
    ("not an object", [1], None, None),
    ("no type", update({"type": None}), "type", "update-1"),
    ("another type", update({"type": "SHOOT_PROGRESS"}), "type", "update-1"),
    ("a ping among updates", ping(), "type", "ping-1"),
    ("another user", update({"userId": "eve"}), "userId", "update-1"),
    ("no user", update({"userId": None}), "userId", "update-1"),
    ("another device", update({"deviceId": "phone"}), "deviceId", "update-1"),
    ("no device", update({"deviceId": None}), "deviceId", "update-1"),
    ("no data", update({"data": None}), "data", "update-1"),
    ("no id", update({"id": None}), "id", None),
    ("an id with a space", update({"id": "a b"}), "id", None),
    ("no time", update({"timestamp": "now"}), "timestamp", "update-1"),
    ("a negative count", update(processedCount=-1), "data.processedCount", "update-1"),
    ("a count in words", update(processedCount="3"), "data.processedCount", "update-1"),
    ("more done than there is", update(processedCount=10), "data.totalCount", "update-1"),
    ("a huge count", update(totalCount=10**30), "data.totalCount", "update-1"),
    ("a shoot with a wildcard", update(shootId="#"), "data.shootId", "update-1"),
    ("a shoot of another user", update(shootId="../bob/shoots/1"), "data.shootId", "update-1"),
    ("an unknown status", update(status="paused"), "data.status", "update-1"),
]


@pytest.mark.parametrize(
    ("message", "field", "message_id"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED]
)
def test_invalid_input_is_refused(message: Any, field: str | None, message_id: str | None) -> None:
    """The ERROR names the field and the message that it answers, and says that a retry is in vain."""
    verdict = judge(message)
    error = error_of(verdict)

    assert (error.code, error.retryable, verdict.outcome) == ("invalid", False, "invalid")
    assert (error.field, error.in_reply_to) == (field, message_id)


@pytest.mark.parametrize(
    "payload",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"\xff\xfe", id="no UTF-8"),
        pytest.param(b"[" * 50_000, id="deep"),
        pytest.param(b'{"a":' * 10_000 + b"1" + b"}" * 10_000, id="deep objects"),
        pytest.param(b"1" * 20_000, id="a huge number"),
        pytest.param(b'{"type": NaN}', id="NaN"),
        pytest.param(b" " * (MAX_PAYLOAD + 1), id="too long"),
    ],
)
def test_a_payload_that_cannot_be_read_is_refused(payload: bytes) -> None:
    """Nothing can be named, so neither field nor message is."""
    error = error_of(uplink().judge(UPDATES, payload))

    assert (error.code, error.field, error.in_reply_to) == ("invalid", None, None)


def test_a_type_of_a_newer_device_has_its_own_code() -> None:
    """A newer app learns that this bridge is too old, and not that it is wrong."""
    assert error_of(judge(update({"type": "RATE_IMAGE"}))).code == "unknown-type"


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=20,
)
nearly_right = st.fixed_dictionaries(
    {},
    optional={
        "type": st.sampled_from([*MESSAGES, "NEW"]) | json_values,
        "id": st.just("update-1") | json_values,
        "timestamp": st.integers() | json_values,
        "userId": st.just("ada") | json_values,
        "deviceId": st.just("mac") | json_values,
        "data": st.just(update()["data"]) | json_values,
    },
)


@given(
    st.sampled_from([UPDATES, PINGS]), st.binary(max_size=300) | nearly_right.map(json.dumps).map(str.encode)
)
def test_whatever_comes_is_answered_once(topic: UplinkTopic, payload: bytes) -> None:
    """No payload raises; each has one answer, to its sender, that is itself a message of the contract."""
    verdict = uplink().judge(topic, payload)

    assert verdict.reply is not None
    assert verdict.inbox == INBOX
    assert receive(INBOX, verdict.reply.to_json()) == verdict.reply
    if isinstance(verdict.reply, ErrorMessage):
        assert verdict.publish is None
    if verdict.publish is not None:
        assert verdict.publish[0].user == "ada"


@pytest.mark.parametrize(
    ("topic", "inbox"),
    [
        ("sync/v1/uplink/0/ada/mac/rate-image", INBOX),
        ("sync/v1/uplink/zz/ada/mac/update-progress", INBOX),
        ("sync/v1/uplink/0/ada/mac:2/ping", None),
        ("sync/v1/uplink/0/$functions/mac/ping", None),
        ("sync/v1/uplink/0/ada/mac", None),
        ("sync/v1/uplink/0/ada/mac/ping/now", None),
        ("sync/v1/uplink/0///", None),
        ("sync/v2/uplink/0/ada/mac/ping", None),
    ],
)
def test_a_wrong_topic_is_answered_where_it_names_a_device(topic: str, inbox: InboxTopic | None) -> None:
    """Nothing is published for it, and who cannot be named cannot be answered."""
    with pytest.raises(InvalidTopicError):
        parse(topic)
    verdict = uplink().misplaced(topic)

    assert (verdict.inbox, verdict.publish, verdict.outcome) == (inbox, None, "invalid")
    if inbox is None:
        assert verdict.reply is None
    else:
        assert (error_of(verdict).field, error_of(verdict).in_reply_to) == ("topic", None)


def test_too_many_shoots_are_refused_until_tomorrow() -> None:
    """The device may try again when the day (UTC) is over; shoots that count already go on."""
    by = uplink(book=ShootBook(per_user=2))
    judge(update(shootId="one"), by=by)
    judge(update(shootId="two"), by=by)
    error = error_of(judge(update(shootId="three"), by=by))

    assert (error.code, error.retryable, error.field) == ("too-many-shoots", True, "data.shootId")
    assert error.retry_after_ms == DAY_MS - 3_600_000
    assert judge(update({"id": "update-2"}, shootId="two", sequence=6), by=by).outcome == "published"


def test_an_older_state_is_acknowledged_and_not_published() -> None:
    """Retained, it would stand for the newest state for whoever comes later."""
    by = uplink()
    judge(update({"id": "new"}, sequence=9), by=by)
    verdict = judge(update({"id": "old"}, sequence=8), by=by)

    assert (verdict.outcome, verdict.publish) == ("superseded", None)
    assert isinstance(verdict.reply, AckMessage)
    assert verdict.reply.data.in_reply_to == "old"


def test_what_the_broker_refused_may_be_sent_again() -> None:
    """The device gets an ERROR that says so, and its next try counts as if it were the first."""
    by = uplink()
    verdict = judge(update(), by=by)
    assert verdict.publish is not None
    refused = by.not_published(verdict)
    error = error_of(refused)

    assert (error.code, error.retryable, error.in_reply_to) == ("not-published", True, "update-1")
    assert error.retry_after_ms
    assert refused.outcome == "not-published"
    assert judge(update({"id": "older"}, sequence=1), by=by).outcome == "published"


@pytest.mark.parametrize(("topic", "kind"), [(UPDATES, "UPDATE_PROGRESS"), (PINGS, "PING")])
def test_a_fault_of_the_bridge_is_told_as_one(topic: UplinkTopic, kind: str) -> None:
    """The device did nothing wrong and may try again."""
    verdict = internal_fault(topic)

    assert (verdict.kind, verdict.outcome) == (kind, "internal")
    assert (error_of(verdict).code, error_of(verdict).retryable) == ("internal", True)
