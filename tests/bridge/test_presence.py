"""Who is online, as the table that every client shares: sessions decide, not arrival."""

from typing import Any

import pytest

from mqtt_bridge.messages import (
    DeviceConnected,
    DeviceConnectedMessage,
    DeviceDisconnected,
    DeviceDisconnectedMessage,
    DisconnectReason,
)
from mqtt_bridge.presence import Devices, PresenceMessage, is_newer_presence, read_own_presence
from mqtt_bridge.retained_presence import RetainedPresence
from tests import vectors

VECTORS = vectors.load("presence")


def born(session: int, device: str = "mac", *, epoch: str = "boot") -> DeviceConnectedMessage:
    data = DeviceConnected(device_id=device, name="Mac", platform="mac", session=session, epoch=epoch)
    return DeviceConnectedMessage(user_id="ada", data=data)


def ended(session: int, reason: DisconnectReason = "lost") -> DeviceDisconnectedMessage:
    data = DeviceDisconnected(device_id="mac", session=session, reason=reason)
    return DeviceDisconnectedMessage(user_id="ada", data=data)


def presence(row: dict[str, Any]) -> PresenceMessage:
    if row["type"] == "DEVICE_CONNECTED":
        return born(row["session"], epoch=row["epoch"])
    return ended(row["session"], row["reason"])


def as_row(message: PresenceMessage | None) -> dict[str, Any] | None:
    match message:
        case DeviceConnectedMessage(data=data):
            return {"type": message.type, "session": data.session, "epoch": data.epoch}
        case DeviceDisconnectedMessage(data=end):
            return {"type": message.type, "session": end.session, "reason": end.reason}
    return None


class Receiver:
    """What a receiver shows of one device, by the rules."""

    def __init__(self) -> None:
        self.devices = Devices()
        self.shown: PresenceMessage | None = None

    def hear(self, row: dict[str, Any] | None) -> bool:
        if row is None:
            self.shown = None
            return self.devices.remove("mac")
        message = presence(row)
        if is_newer_presence(message, self.shown):
            self.shown = message
        return self.devices.take(message)


@pytest.mark.parametrize("row", VECTORS["received"], ids=lambda row: row["name"])
def test_what_is_shown_of_a_device(row: dict[str, Any]) -> None:
    """The higher session, at equal session the end; what changes nothing for who looks is not told."""
    receiver = Receiver()
    if row["known"]:
        receiver.hear(row["known"])

    assert receiver.hear(row["arrives"]) is row["news"]
    assert as_row(receiver.shown) == row["shows"]


@pytest.mark.parametrize("row", VECTORS["receivedInTurn"], ids=lambda row: row["name"])
def test_what_is_shown_in_turn(row: dict[str, Any]) -> None:
    """Each message is held against what was accepted before it, not against what arrived before it."""
    receiver = Receiver()

    assert [receiver.hear(message) for message in row["arrive"]] == row["news"]
    assert as_row(receiver.shown) == row["shows"]


def test_devices_are_told_apart() -> None:
    """What is known of one says nothing of another."""
    devices = Devices()

    assert devices.take(born(9))
    assert devices.take(born(1, "phone"))
    assert devices.remove("mac")
    assert not devices.take(born(2, "phone"))


@pytest.mark.parametrize("row", VECTORS["own"], ids=lambda row: row["name"])
def test_what_a_device_does_about_its_own_presence(row: dict[str, Any]) -> None:
    """It corrects what an older session left behind, obeys a sign-out, and outbids what it cannot correct."""
    does = read_own_presence(
        presence(row["message"]), session=row["session"], first_session=row["firstSession"]
    )

    assert does == row["does"]


@pytest.mark.parametrize("row", VECTORS["lost"], ids=lambda row: row["name"])
def test_since_when_a_device_is_lost(row: dict[str, Any]) -> None:
    """How long its will is kept yet tells when it fired; the will's own time is that of the CONNECT."""
    will = ended(1).model_copy(update={"timestamp": row["timestamp"]})

    assert RetainedPresence(will, row["expiresIn"]).since(row["now"]) == row["since"]
