"""Where a device may not leave its will, row by row, over TCP and over WebSocket."""

import pytest

from mqtt_bridge.rights import device_rights

from .conftest import TestBroker
from .link import Will


@pytest.mark.parametrize(
    ("topic", "retain", "arrives"),
    [
        pytest.param("sync/v1/users/{user}/devices/mac", True, True, id="own presence"),
        pytest.param("sync/v1/users/{user}/events/credits", False, False, id="own events"),
        pytest.param("sync/v1/users/{user}/devices/phone", True, False, id="another device's presence"),
        pytest.param("sync/v1/users/{neighbour}/devices/mac", True, False, id="a neighbour's presence"),
        pytest.param("sync/v1/users/{neighbour}/inbox/mac", False, False, id="a neighbour's inbox"),
        pytest.param("sync/v1/all/prompts", False, False, id="everyone"),
        pytest.param("sync/v1/all/epoch", True, False, id="the epoch"),
    ],
)
def test_a_will_is_checked_like_a_publish(
    broker: TestBroker, user: str, transport: str, topic: str, retain: bool, arrives: bool
) -> None:
    """A will goes where the device may publish and nowhere else.

    The broker asks when the will fires, so the CONNECT that leaves it succeeds.
    """
    neighbour = f"neighbour-of-{user}"
    topic = topic.format(user=user, neighbour=neighbour)
    with (
        broker.functions() as functions,
        broker.device(neighbour) as bob,
        broker.device(user, "tablet") as tablet,
    ):
        for watcher, watched in ((bob, neighbour), (tablet, user)):
            watcher.subscribe(*(name for name in device_rights(watched, "mac").sub if "inbox" not in name))
            watcher.receive()  # the epoch
        bob.subscribe(f"sync/v1/users/{neighbour}/inbox/mac")
        broker.device(user, transport=transport, will=Will(topic, retain=retain))
        # Taking over with a clean start ends the first session: its will is asked for before this CONNACK.
        broker.device(user, transport=transport).disconnect()
        for watched in (neighbour, user):
            functions.publish(f"sync/v1/users/{watched}/events/prompts", b"marker")

        seen = [tablet.receive(), bob.receive()]
        if arrives:
            assert seen[0].topic == topic
            seen[0] = tablet.receive()

        assert [message.payload for message in seen] == [b"marker", b"marker"]
