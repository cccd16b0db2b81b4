"""Presence rules that a device client needs: sessions decide, not arrival."""

import pytest

from mqtt_bridge.messages import (
    DeviceConnected,
    DeviceConnectedMessage,
    DeviceDisconnected,
    DeviceDisconnectedMessage,
    DisconnectReason,
)
from mqtt_bridge.presence import Devices, OwnPresence, PresenceMessage, read_own_presence

DAY = 24 * 60 * 60 * 1000


def born(session: int, device: str = "mac") -> DeviceConnectedMessage:
    data = DeviceConnected(device_id=device, name="Mac", platform="mac", session=session, epoch="boot")
    return DeviceConnectedMessage(user_id="ada", data=data)


def ended(session: int, reason: DisconnectReason = "lost", device: str = "mac") -> DeviceDisconnectedMessage:
    data = DeviceDisconnected(device_id=device, session=session, reason=reason)
    return DeviceDisconnectedMessage(user_id="ada", data=data)


@pytest.mark.parametrize(
    ("messages", "told"),
    [
        pytest.param([born(1)], [True], id="a birth"),
        pytest.param([ended(1)], [True], id="a device that is known to be away"),
        pytest.param([born(1), ended(1)], [True, True], id="equal session, the end wins"),
        pytest.param([ended(1), born(1)], [True, False], id="equal session, the end wins in any order"),
        pytest.param([born(1), born(2)], [True, False], id="second birth of an online device is no news"),
        pytest.param([born(2), ended(1)], [True, False], id="a late will of an older session"),
        pytest.param([born(1), born(2), ended(1)], [True, False, False], id="token renewed, old will late"),
        pytest.param([born(1), born(2), ended(2)], [True, False, True], id="token renewed, then lost"),
        pytest.param([born(1), ended(1), born(2)], [True, True, True], id="lost and back"),
        pytest.param([born(1), ended(1), ended(1)], [True, True, False], id="the retained copy comes again"),
        pytest.param([born(1), born(1, "phone")], [True, True], id="two devices"),
    ],
)
def test_what_is_told_of_a_device(messages: list[PresenceMessage], told: list[bool]) -> None:
    """A device is shown as its highest session says, and what changes nothing is not told."""
    devices = Devices()

    assert [devices.take(message) for message in messages] == told


def test_a_removed_device_is_forgotten_once() -> None:
    """Removing tells once; a device that comes back is news whatever its session."""
    devices = Devices()
    devices.take(born(5))

    assert [devices.remove("mac"), devices.remove("mac")] == [True, False]
    assert devices.take(born(1))


@pytest.mark.parametrize(
    ("message", "verdict"),
    [
        pytest.param(born(20), "fine", id="own echo"),
        pytest.param(born(15), "fine", id="own earlier birth"),
        pytest.param(ended(15), "announce-again", id="declared dead by an older session"),
        pytest.param(ended(15, "broker-restart"), "announce-again", id="swept by a bridge that was late"),
        pytest.param(ended(5, "signed-out"), "announce-again", id="sign-out from before this run"),
        pytest.param(ended(15, "signed-out"), "signed-out", id="sign-out, read after it reconnected"),
        pytest.param(ended(20, "signed-out"), "signed-out", id="sign-out of this session"),
        pytest.param(ended(30, "signed-out"), "signed-out", id="sign-out of all sessions up to now"),
        pytest.param(ended(20), "outbid", id="declared dead with its own session"),
        pytest.param(born(21), "outbid", id="another run with a higher session"),
        pytest.param(ended(21), "outbid", id="the end of another run with a higher session"),
        pytest.param(born(21 + DAY), "fine", id="more than a day ahead is nonsense"),
        pytest.param(ended(21 + DAY, "signed-out"), "fine", id="nonsense signs nobody out"),
    ],
)
def test_what_a_device_does_about_its_own_presence(message: PresenceMessage, verdict: OwnPresence) -> None:
    """It corrects what an older session left behind, obeys a sign-out, and outbids what it cannot correct."""
    assert read_own_presence(message, session=20, first_session=10) == verdict
