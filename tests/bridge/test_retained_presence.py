"""A device as the broker retains it: whether it is online, and since when."""

import json
from typing import Any

import pytest

from mqtt_bridge.connection import Incoming
from mqtt_bridge.messages import (
    DeviceConnected,
    DeviceConnectedMessage,
    DeviceDisconnected,
    DeviceDisconnectedMessage,
    DisconnectReason,
)
from mqtt_bridge.retained_presence import PresenceReading, RetainedPresence

NOW = 1_790_000_000_000
MONTH = 30 * 24 * 3600


def born(timestamp: int = NOW, device: str = "mac", session: int = 1) -> DeviceConnectedMessage:
    data = DeviceConnected(device_id=device, name="Mac", platform="mac", session=session, epoch="boot")
    return DeviceConnectedMessage(user_id="ada", timestamp=timestamp, data=data)


def ended(reason: DisconnectReason, timestamp: int = NOW) -> DeviceDisconnectedMessage:
    data = DeviceDisconnected(device_id="mac", session=1, reason=reason)
    return DeviceDisconnectedMessage(user_id="ada", timestamp=timestamp, data=data)


def incoming(message: Any, device: str = "mac", user: str = "ada") -> Incoming:
    payload = message if isinstance(message, bytes) else message.to_json()
    topic = f"sync/v1/users/{user}/devices/{device}"
    return Incoming(topic, payload, qos=1, retain=True, expires_in=MONTH, mid=1, subscription_ids=(1,))


@pytest.mark.parametrize(
    ("message", "expires_in", "online", "ago"),
    [
        pytest.param(born(NOW - 5000), MONTH, True, 5000, id="a birth"),
        pytest.param(born(NOW - 5000), MONTH - 9, True, 5000, id="a birth tells its time itself"),
        pytest.param(born(NOW + 5000), MONTH, True, 0, id="a birth from a clock that is ahead"),
        pytest.param(
            ended("lost", NOW - 900_000), MONTH - 60, False, 60_000, id="a will, of a long connection"
        ),
        pytest.param(ended("lost", NOW - 900_000), MONTH, False, 0, id="a will that has just fired"),
        pytest.param(ended("lost", NOW - 900_000), MONTH + 9, False, 0, id="a will that expires too late"),
        pytest.param(ended("lost", NOW - 5000), None, False, 5000, id="a will that does not expire"),
        pytest.param(ended("closed", NOW - 5000), MONTH - 60, False, 60_000, id="a goodbye"),
        pytest.param(ended("signed-out", NOW - 5000), MONTH, False, 0, id="a sign-out"),
        pytest.param(ended("broker-restart", NOW - 5000), MONTH, False, 0, id="swept"),
    ],
)
def test_since(message: Any, expires_in: int | None, online: bool, ago: int) -> None:
    """A birth's own time; of an end the remaining expiry tells, as a will's time is that of its CONNECT."""
    presence = RetainedPresence(message, expires_in)

    assert presence.online is online
    assert presence.since(NOW) == NOW - ago


@pytest.mark.parametrize(
    ("arrived", "devices", "retained"),
    [
        pytest.param([], [], [], id="nothing"),
        pytest.param(
            [incoming(born(device="b"), "b"), incoming(born())], ["b", "mac"], ["b", "mac"], id="two"
        ),
        pytest.param([incoming(born()), incoming(b"")], [], [], id="removed"),
        pytest.param([incoming(b""), incoming(born())], ["mac"], ["mac"], id="removed and back"),
        pytest.param([incoming(born()), incoming(b"?")], [], ["mac"], id="overwritten with nonsense"),
        pytest.param([incoming(b"?"), incoming(born())], ["mac"], ["mac"], id="nonsense overwritten"),
        pytest.param(
            [incoming(b"?", "a b"), incoming(born())], ["mac"], ["mac"], id="an id that no device has"
        ),
        pytest.param([incoming(born(device="pc"))], [], ["mac"], id="names another device"),
        pytest.param([incoming(born(), user="eve")], [], ["mac"], id="names another user"),
    ],
)
def test_a_reading(arrived: list[Incoming], devices: list[str], retained: list[str]) -> None:
    """What came last counts, and the topic says of whom it is."""
    reading = PresenceReading()
    for message in arrived:
        reading.take(message)

    assert [each.device for each in reading.devices] == devices
    assert reading.device_ids == retained
    assert reading.count == len(arrived)


def test_the_last_one_counts_whatever_its_session() -> None:
    """As for the broker: the late will of an older session is what is retained, until it is repaired."""
    reading = PresenceReading()
    reading.take(incoming(born(session=7)))
    reading.take(incoming(ended("lost")))

    (presence,) = reading.devices
    assert (presence.session, presence.online) == (1, False)
    assert json.loads(presence.message.to_json())["data"]["reason"] == "lost"
