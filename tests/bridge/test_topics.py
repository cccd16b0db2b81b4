"""Topics: built, read back, and refused."""

from typing import Any

import pytest

from mqtt_bridge import topics
from mqtt_bridge.errors import InvalidTopicError
from mqtt_bridge.topics import (
    ALL_PROMPTS,
    EPOCH,
    CreditsTopic,
    FunctionsInboxTopic,
    InboxTopic,
    PresenceTopic,
    PromptsTopic,
    ShootTopic,
    Topic,
    UplinkTopic,
)
from tests import vectors

VECTORS = vectors.load("topics")


def build(row: dict[str, Any]) -> Topic:
    match row:
        case {"kind": "shoot", "user": user, "shoot": shoot}:
            return ShootTopic(user, shoot)
        case {"kind": "credits", "user": user}:
            return CreditsTopic(user)
        case {"kind": "prompts", "user": user}:
            return PromptsTopic(user)
        case {"kind": "presence", "user": user, "device": device}:
            return PresenceTopic(user, device)
        case {"kind": "inbox", "user": user, "device": device}:
            return InboxTopic(user, device)
        case {"kind": "functionsInbox", "device": device}:
            return FunctionsInboxTopic(device)
        case {"kind": "uplink", "user": user, "device": device, "uplink": kind}:
            return UplinkTopic(user, device, kind)
        case {"kind": "allPrompts"}:
            return ALL_PROMPTS
        case {"kind": "epoch"}:
            return EPOCH
    raise AssertionError(f"no such kind: {row}")


@pytest.mark.parametrize("row", VECTORS["topics"], ids=lambda row: row["topic"])
def test_topic_is_built_and_read_back(row: dict[str, Any]) -> None:
    """A topic built from its parts is the one in the table, and reads back into the same parts."""
    assert str(build(row)) == row["topic"]
    assert topics.parse(row["topic"]) == build(row)


@pytest.mark.parametrize("topic", VECTORS["notTopics"])
def test_what_no_builder_makes_is_no_topic(topic: str) -> None:
    """Reading accepts exactly what building can produce: a wrong shard or a stray level is refused."""
    with pytest.raises(InvalidTopicError):
        topics.parse(topic)


@pytest.mark.parametrize("value", VECTORS["ids"]["accepted"])
def test_id_is_accepted(value: str) -> None:
    """Ids that identity providers hand out pass as they are."""
    assert topics.check_id("user", value) == value


@pytest.mark.parametrize("value", [*VECTORS["ids"]["refused"], "a" * 129])
def test_id_is_refused_wherever_it_stands(value: str) -> None:
    """No id can carry a wildcard, a level or a space into a topic or a client id."""
    for build_with in (
        CreditsTopic,
        lambda id_: ShootTopic("ada", id_),
        lambda id_: PresenceTopic("ada", id_),
        lambda id_: InboxTopic(id_, "mac-1"),
        lambda id_: UplinkTopic("ada", id_, "ping"),
        lambda id_: topics.client_id("ada", id_),
        topics.user_devices,
        topics.user_shoots,
        topics.shard,
    ):
        with pytest.raises(InvalidTopicError):
            build_with(value)


@pytest.mark.parametrize("principal", ["a/b", "", "$root", "$functionsx"])
def test_client_id_belongs_to_a_user_or_a_known_service(principal: str) -> None:
    """No principal but the three services starts with ``$``."""
    assert topics.client_id("$functions", "f1") == "$functions:f1"
    with pytest.raises(InvalidTopicError, match="user must be"):
        topics.client_id(principal, "mac-1")


@pytest.mark.parametrize("value", VECTORS["ids"]["acceptedAsUserOnly"])
def test_device_id_has_no_colon(value: str) -> None:
    """The last colon splits a client id in one way only, so no device can spell a neighbour's client id."""
    assert CreditsTopic(value).user == value
    with pytest.raises(InvalidTopicError, match="device"):
        PresenceTopic("ada", value)


def test_error_names_the_part_that_is_wrong() -> None:
    """Whoever passes a bad id learns which one it was."""
    with pytest.raises(InvalidTopicError, match="shoot must be"):
        ShootTopic("ada", "a/b")
    with pytest.raises(InvalidTopicError, match="kind must be one of ping, update-progress"):
        UplinkTopic("ada", "mac-1", "PING")  # type: ignore[arg-type]  # the refusal is the test


def test_longest_ids_are_accepted() -> None:
    """128 characters is inside the limit."""
    assert topics.parse(str(PresenceTopic("u" * 128, "d" * 128))) == PresenceTopic("u" * 128, "d" * 128)


@pytest.mark.parametrize(("user", "shard"), VECTORS["shards"].items())
def test_shard_is_the_first_hex_digit_of_the_hash(user: str, shard: str) -> None:
    """Every client computes the same shard for a user."""
    assert topics.shard(user) == shard


@pytest.mark.parametrize("count", range(1, 17))
def test_workers_share_the_shards_out(count: int) -> None:
    """Whatever the number of workers, each shard has exactly one owner."""
    owned = [shard for index in range(count) for shard in topics.shards_of_worker(index, count)]

    assert sorted(owned) == list(topics.SHARDS)


@pytest.mark.parametrize(("index", "count"), [(0, 0), (0, 17), (-1, 2), (2, 2)])
def test_impossible_worker_is_refused(index: int, count: int) -> None:
    """A worker outside the range would own nothing, or what another owns."""
    with pytest.raises(ValueError, match=r"must be \d"):
        topics.shards_of_worker(index, count)


@pytest.mark.parametrize("shard", ["", "A", "g", "10", "+", "#"])
def test_uplink_filter_takes_one_shard_alone(shard: str) -> None:
    """A worker cannot ask for more than a shard."""
    with pytest.raises(InvalidTopicError):
        topics.uplink_filter(shard)


def test_epoch_is_subscribed_last() -> None:
    """Only so does its retained copy mark the end of what the broker had queued."""
    *others, last = topics.device_subscriptions("ada", "mac-1")

    assert (last.filter, last.qos) == ("sync/v1/all/epoch", 1)
    assert [s.filter for s in others if s.qos == 0] == [
        "sync/v1/users/ada/events/shoots/+",
        "sync/v1/users/ada/devices/+",
    ]


@pytest.mark.parametrize(
    ("topic", "retain", "expiry"),
    [
        (ShootTopic, True, 86_400),
        (CreditsTopic, True, 2_592_000),
        (PromptsTopic, False, None),
        (PresenceTopic, True, 2_592_000),
        (InboxTopic, False, 60),
        (UplinkTopic, False, None),
        (type(EPOCH), True, None),
        (type(ALL_PROMPTS), False, None),
    ],
    ids=lambda value: getattr(value, "__name__", value),
)
def test_delivery_follows_the_contract(topic: type[Topic], retain: bool, expiry: int | None) -> None:
    """State is retained and expires; events and answers are not retained."""
    assert (topic.retain, topic.expiry) == (retain, expiry)
