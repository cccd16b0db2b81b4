"""What watch shows of each event."""

import json
from typing import Any

import pytest

from mqtt_bridge.cli.event_view import as_json, as_line
from mqtt_bridge.events import ClientEvent, DeviceRemoved, Event, Resync, Stopped
from mqtt_bridge.messages import (
    Ack,
    AckMessage,
    CreditUpdate,
    CreditUpdateMessage,
    DeviceConnected,
    DeviceConnectedMessage,
    DeviceDisconnected,
    DeviceDisconnectedMessage,
    Error,
    ErrorMessage,
    Ping,
    PingMessage,
    Pong,
    PongMessage,
    PromptChange,
    PromptChangeMessage,
    ShootProgress,
    ShootProgressMessage,
)

ADA: dict[str, Any] = {"user_id": "ada"}
PROGRESS = ShootProgress(shoot_id="w", status="processing", processed_count=1, total_count=2)
DETAILED = PROGRESS.model_copy(
    update={"current_image": "a.raf", "provider": "p", "error": "full", "eta": 1.5}
)
BOUGHT = CreditUpdate(new_balance=9, change=1, reason="bought")
MANY = PromptChange(action="deleted")
ONE = PromptChange(prompt_id="p", action="updated", title="Soft")
HERE = DeviceConnected(device_id="m", name="Mac", platform="mac", session=1, epoch="e")
GONE = DeviceDisconnected(device_id="m", session=1, reason="lost")
REFUSED = Error(code="invalid", detail="No.", retryable=False)


@pytest.mark.parametrize(
    ("event", "line"),
    [
        (Event(ShootProgressMessage(data=PROGRESS, **ADA)), "SHOOT_PROGRESS      w  processing 1/2"),
        (
            Event(ShootProgressMessage(data=DETAILED, **ADA)),
            "SHOOT_PROGRESS      w  processing 1/2  a.raf  p  full  1.5 s to go",
        ),
        (
            Event(CreditUpdateMessage(data=BOUGHT, **ADA), own=True),
            "CREDIT_UPDATE       balance 9 (+1)  bought  [own]",
        ),
        (
            Event(PromptChangeMessage(data=MANY, user_id=None), replayed=True),
            "PROMPT_CHANGE       many deleted for everyone  [replayed]",
        ),
        (Event(PromptChangeMessage(data=ONE, **ADA)), "PROMPT_CHANGE       p updated for this user  Soft"),
        (
            Event(DeviceConnectedMessage(data=HERE, **ADA), retained=True),
            "DEVICE_CONNECTED    m  Mac (mac)  [retained]",
        ),
        (Event(DeviceDisconnectedMessage(data=GONE, **ADA)), "DEVICE_DISCONNECTED m  lost"),
        (Event(AckMessage(data=Ack(in_reply_to="x"), **ADA)), "ACK                 of x"),
        (
            Event(PongMessage(data=Pong(sent_at=1, received_at=2), **ADA)),
            "PONG                of a ping at 1",
        ),
        (Event(ErrorMessage(data=REFUSED, **ADA)), "ERROR               invalid: No."),
        (Event(PingMessage(data=Ping(sent_at=1), **ADA)), "PING"),
        (DeviceRemoved("m"), "DEVICE_REMOVED      m"),
        (Resync("no-session"), "RESYNC              no-session: fetch what is shown again"),
        (Stopped("signed-out", "Bye."), "STOPPED             signed-out: Bye."),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_line(event: ClientEvent, line: str) -> None:
    """A person sees at a glance what happened."""
    assert as_line(event)[len("00:00:00  ") :].rstrip() == line


def test_a_line_stays_a_line() -> None:
    """A name or a reason with control characters neither breaks the line nor drives the terminal."""
    hostile = CreditUpdate(new_balance=1, change=1, reason="a\nb\x1b[2Jc\x07\u202e")
    line = as_line(Event(CreditUpdateMessage(data=hostile, **ADA)))

    assert all(letter.isprintable() for letter in line)


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        pytest.param(DeviceRemoved("m"), {"event": "removed", "deviceId": "m"}, id="removed"),
        pytest.param(Resync("overflow"), {"event": "resync", "cause": "overflow"}, id="resync"),
        pytest.param(
            Stopped("unauthorized", "Nobody."),
            {"event": "stopped", "reason": "unauthorized", "detail": "Nobody."},
            id="stopped",
        ),
    ],
)
def test_json(event: ClientEvent, expected: dict[str, Any]) -> None:
    """A script tells the kinds apart by the field event."""
    assert json.loads(as_json(event)) == expected


def test_json_of_a_message() -> None:
    """A message is as it was on the wire, with its marks beside it, on one line."""
    message = ShootProgressMessage(data=PROGRESS, **ADA)
    printed = as_json(Event(message, own=True, replayed=True, retained=True, expires_in=5))

    assert "\n" not in printed
    assert json.loads(printed) == {
        "event": "message",
        "self": True,
        "replayed": True,
        "retained": True,
        "expiresIn": 5,
        "message": json.loads(message.to_json()),
    }
