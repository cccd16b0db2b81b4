"""Where a client may not publish, subscribe or read, row by row, over TCP and WebSocket, with each code."""

import time

import pytest

from mqtt_bridge.rights import Rights, device_rights
from mqtt_bridge.topics import REVOKE, shard

from .conftest import TestBroker
from .link import ACCEPTED, NOT_AUTHORIZED, TAKEN


@pytest.mark.parametrize(
    "topic_filter",
    [
        "#",
        "+/#",
        "sync/#",
        "sync/v1/users/+/events/#",
        "sync/v1/users/#",
        "sync/v1/users/neighbour/events/credits",
        "sync/v1/users/neighbour/inbox/mac",
        "sync/v1/users/{user}/#",
        "sync/v1/users/{user}/events/#",
        "sync/v1/users/{user}/events/shoots/#",
        "sync/v1/users/{user}/inbox/+",
        "sync/v1/users/{user}/inbox/phone",
        "sync/v1/users/{user}x/events/credits",
        "sync/v1/uplink/#",
        "sync/v1/uplink/0/#",
        "sync/v1/all/+",
        "$SYS/#",
        "$SYS/broker/uptime",
        "$CONTROL/#",
        "$share/group/#",
        "$share/group/sync/v1/all/prompts",
        "$share/group/sync/v1/users/{user}/events/credits",
    ],
)
def test_subscribe_is_refused(broker: TestBroker, user: str, transport: str, topic_filter: str) -> None:
    """A device subscribes to its own filters and nothing else; the rest of the SUBSCRIBE is granted."""
    own = f"sync/v1/users/{user}/events/credits"
    with broker.device(user, transport=transport) as device:
        assert device.subscribe(own, topic_filter.format(user=user), own) == [1, NOT_AUTHORIZED, 1]


def test_subscribe_is_granted(broker: TestBroker, user: str, transport: str) -> None:
    """All that the token names is granted, and what is narrower."""
    with broker.device(user, transport=transport) as device:
        filters = device_rights(user, "mac").sub
        assert device.subscribe(*filters, f"sync/v1/users/{user}/devices/phone") == [1] * (len(filters) + 1)


@pytest.mark.parametrize(
    ("topic", "retain"),
    [
        pytest.param("sync/v1/users/neighbour/devices/mac", True, id="a neighbour's presence"),
        pytest.param("sync/v1/users/neighbour/events/credits", False, id="a neighbour's events"),
        pytest.param("sync/v1/users/neighbour/inbox/mac", False, id="a neighbour's inbox"),
        pytest.param("sync/v1/users/{user}/events/credits", False, id="own events"),
        pytest.param("sync/v1/users/{user}/events/shoots/s1", True, id="own shoots"),
        pytest.param("sync/v1/users/{user}/inbox/mac", False, id="own inbox"),
        pytest.param("sync/v1/users/{user}/devices/phone", True, id="presence of another own device"),
        pytest.param("sync/v1/users/{user}/devices/mac/x", True, id="below own presence"),
        pytest.param("sync/v1/uplink/{shard}/{user}/phone/ping", False, id="another device's uplink"),
        pytest.param("sync/v1/uplink/{shard}/neighbour/mac/ping", False, id="a neighbour's uplink"),
        pytest.param("sync/v1/uplink/{other}/{user}/mac/ping", False, id="another shard"),
        pytest.param("sync/v1/uplink/{shard}/{user}/mac/other", False, id="unknown kind"),
        pytest.param("sync/v1/uplink/{shard}/{user}/mac/ping", True, id="retained uplink"),
        pytest.param("sync/v1/all/prompts", False, id="prompts for everyone"),
        pytest.param("sync/v1/all/epoch", True, id="the epoch"),
        pytest.param("sync/v1/all/epoch", False, id="the epoch, not retained"),
        pytest.param(REVOKE, False, id="a sign-out"),
        pytest.param("$CONTROL/dynamic-security/v1", False, id="another plugin's control"),
        pytest.param("$SYS/broker/uptime", False, id="$SYS"),
        pytest.param("$SYS/broker/connection/x/state", True, id="$SYS where bridges may"),
        pytest.param("$share/g/x", False, id="$share"),
        pytest.param("anything", False, id="outside the contract"),
    ],
)
def test_publish_is_refused(broker: TestBroker, user: str, transport: str, topic: str, retain: bool) -> None:
    """A device publishes to its own presence and uplink and nowhere else; each refusal is a PUBACK 0x87."""
    own_shard = shard(user)
    other = "0" if own_shard != "0" else "1"
    with broker.device(user, transport=transport) as device:
        assert (
            device.publish(topic.format(user=user, shard=own_shard, other=other), retain=retain)
            == NOT_AUTHORIZED
        )
        assert device.publish(f"sync/v1/users/{user}/devices/mac", retain=True) in TAKEN


def test_publish_is_taken(broker: TestBroker, user: str, transport: str) -> None:
    """All that the token names may be published, presence also retained."""
    with broker.device(user, transport=transport) as device:
        for topic in device_rights(user, "mac").pub:
            assert device.publish(topic) in TAKEN
        assert device.publish(f"sync/v1/users/{user}/devices/mac", retain=True) in TAKEN


def test_nobody_writes_the_epoch(broker: TestBroker) -> None:
    """Not even a token that names it, or everything, may write the broker's epoch."""
    instance = f"i{time.monotonic_ns()}"
    rights = Rights(pub=["sync/v1/all/epoch", "sync/v1/all/+", "#"], sub=[])
    with broker.link(f"$functions:{instance}") as link:
        assert link.connect("$functions", broker.mint("$functions", instance, rights)) == ACCEPTED
        assert link.publish("sync/v1/all/epoch", b"", retain=True) == NOT_AUTHORIZED
        assert link.publish("sync/v1/all/prompts", b"x") in TAKEN


def test_a_user_named_like_a_service_is_a_user(broker: TestBroker, transport: str) -> None:
    """The user `bridge` is nobody special: the names of services start with $, which no id can."""
    device = f"d{time.monotonic_ns()}"
    with broker.device("bridge", device, transport=transport) as link:
        assert link.subscribe("sync/v1/uplink/0/#", "sync/v1/users/+/devices/+") == [NOT_AUTHORIZED] * 2
        assert link.publish("sync/v1/users/neighbour/inbox/mac") == NOT_AUTHORIZED


def test_deliveries_stay_with_their_user(broker: TestBroker, user: str) -> None:
    """Even a subscription that should never have been granted delivers nothing of a neighbour."""
    too_much = Rights(pub=[], sub=["#", "sync/v1/users/#", "$SYS/#"])
    with broker.functions() as functions, broker.device(user, rights=too_much) as device:
        assert device.subscribe("sync/v1/users/#", "$SYS/#") == [1, 1]
        functions.publish(f"sync/v1/users/neighbour-of-{user}/events/prompts", b"foreign")
        functions.publish(f"sync/v1/users/{user}/events/prompts", b"own")

        assert device.receive().payload == b"own"
