"""The table of devices that watch shows on a terminal."""

import time

import pytest
from rich.console import Console

from mqtt_bridge.cli.live_view import LiveView
from mqtt_bridge.client import SyncClient
from mqtt_bridge.events import DeviceRemoved, Event, Resync
from mqtt_bridge.messages import (
    DeviceConnected,
    DeviceConnectedMessage,
    DeviceDisconnected,
    DeviceDisconnectedMessage,
    Platform,
)
from mqtt_bridge.session import SessionAnswer, SessionRequest
from mqtt_bridge.topics import PresenceTopic

NOON = time.mktime((2026, 1, 1, 12, 0, 0, 0, 0, -1))


async def nobody(request: SessionRequest) -> SessionAnswer | None:
    return None


@pytest.fixture
def view() -> LiveView:
    request = SessionRequest(user_id="ada", device_id="mac-1", name="Mac", platform="mac")
    return LiveView(SyncClient(nobody, device=request), request, Console(width=100))


def came(device: str, name: str = "Name", platform: Platform = "mac") -> Event:
    data = DeviceConnected(device_id=device, name=name, platform=platform, session=1, epoch="e")
    return Event(DeviceConnectedMessage(data=data, user_id="ada", timestamp=int(NOON * 1000)))


def left(device: str, expires_in: int | None = None) -> Event:
    data = DeviceDisconnected(device_id=device, session=1, reason="lost")
    return Event(DeviceDisconnectedMessage(data=data, user_id="ada", timestamp=1), expires_in=expires_in)


def rows(view: LiveView) -> list[list[str]]:
    columns = [[str(cell) for cell in column.cells] for column in view.table().columns]
    return [list(row) for row in zip(*columns, strict=True)]


def test_who_is_online_comes_first(view: LiveView) -> None:
    """Devices are ordered by whether they are here, then by id."""
    for event in (came("z"), left("a"), came("b", "Grace", "iphone"), Resync("no-session")):
        view.show(event)

    assert [row[:4] for row in rows(view)] == [
        ["b", "Grace", "iphone", "online"],
        ["z", "Name", "mac", "online"],
        ["a", "", "", "lost"],
    ]
    assert rows(view)[0][4] == "12:00:00"


def test_a_device_has_one_row(view: LiveView) -> None:
    """The newest that is known of a device takes the place of the older; a removed one goes."""
    for event in (came("a"), came("b"), left("a"), DeviceRemoved("b"), DeviceRemoved("unknown")):
        view.show(event)

    assert [row[0] for row in rows(view)] == ["a"]


def test_when_a_device_was_lost(view: LiveView, monkeypatch: pytest.MonkeyPatch) -> None:
    """A will bears the time of its connect; how much of its life is over tells when it fired."""
    monkeypatch.setattr(time, "time", lambda: NOON)
    view.show(left("now"))
    view.show(left("ago", (PresenceTopic.expiry or 0) - 3600))

    assert {row[0]: row[4] for row in rows(view)} == {"now": "12:00:00", "ago": "11:00:00"}


@pytest.mark.parametrize("width", [20, 30, 49])
def test_on_a_narrow_terminal(width: int) -> None:
    """Less is shown, but what is shown can be read: who, and whether they are here."""
    request = SessionRequest(user_id="ada", device_id="mac-1", name="Mac", platform="mac")
    console = Console(width=width)
    narrow = LiveView(SyncClient(nobody, device=request), request, console)
    narrow.show(came("phone-1"))
    narrow.show(left("mac-of-grace"))
    with console.capture() as shown:
        console.print(narrow.table())

    lines = [line.split() for line in shown.get().splitlines()]
    assert ["phone-1", "online"] in lines
    assert ["mac-of-grace", "lost"] in lines or width < 24


def test_a_name_does_not_drive_the_terminal(view: LiveView) -> None:
    """What others call their devices is only shown."""
    view.show(came("a", "[bold]x\x1b[2J"))

    assert rows(view)[0][1] == "[bold]x\N{REPLACEMENT CHARACTER}[2J"
