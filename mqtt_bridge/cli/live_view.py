"""What ``kull-sync watch`` shows on a terminal: events that scroll by, and under them who is online."""

import logging
import time
from collections.abc import Callable
from types import TracebackType

from rich import box
from rich.console import Console
from rich.live import Live
from rich.logging import RichHandler
from rich.table import Table
from rich.text import Text

from mqtt_bridge.client import SyncClient
from mqtt_bridge.events import ClientEvent, DeviceRemoved, Event
from mqtt_bridge.messages import DeviceConnectedMessage, DeviceDisconnectedMessage
from mqtt_bridge.session import SessionRequest
from mqtt_bridge.topics import PresenceTopic

from .event_view import as_line
from .printable import printable

MIN_WIDTH = 50
"""Columns of a terminal for the whole table; on less it shows who is online and no more."""

Presence = DeviceConnectedMessage | DeviceDisconnectedMessage


class LiveView:
    """Draws on the terminal while its ``with`` block runs, which gets the function that shows an event."""

    def __init__(self, client: SyncClient, device: SessionRequest, console: Console | None = None) -> None:
        self._client = client
        self._device = device
        self._devices: dict[str, tuple[Presence, float]] = {}
        self._ended = False
        self._console = console or Console(highlight=False)
        self._live = Live(console=self._console, get_renderable=self.table, refresh_per_second=4)
        self._handler = RichHandler(console=self._console, show_level=False, show_path=False, markup=False)

    def __enter__(self) -> Callable[[ClientEvent], None]:
        logging.getLogger("mqtt_bridge").addHandler(self._handler)
        self._live.start()
        return self.show

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended = True
        self._live.stop()
        logging.getLogger("mqtt_bridge").removeHandler(self._handler)

    def show(self, event: ClientEvent) -> None:
        """A line for the event; the table follows."""
        style = ""
        if isinstance(event, DeviceRemoved):
            self._devices.pop(event.device_id, None)
        elif isinstance(event, Event):
            style = "dim" if event.own or event.retained else ""
            if isinstance(event.message, DeviceConnectedMessage | DeviceDisconnectedMessage):
                self._devices[event.message.data.device_id] = event.message, _since(event)
        self._console.print(Text(as_line(event), style))

    def table(self) -> Table:
        """Every device that the broker knows of, those online first."""
        connected = self._client.connected
        state = "left" if self._ended else "connected" if connected else "connecting …"
        table = Table(
            title=Text(f"{self._device.user_id}, here as {self._device.device_id}: {state}"),
            title_style="bold green" if connected else "bold yellow",
            title_justify="left",
            box=box.SIMPLE_HEAD,
        )
        is_wide = self._console.width >= MIN_WIDTH
        for column in ("Device", "Name", "Platform", "", "Since") if is_wide else ("Device", ""):
            table.add_column(column, overflow="fold")
        for message, since in sorted(self._devices.values(), key=_online_first):
            clock = time.strftime("%H:%M:%S", time.localtime(since))
            cells: tuple[str, ...]
            if isinstance(message, DeviceConnectedMessage):
                cells, style = (message.data.name, message.data.platform, "online", clock), "green"
            else:
                cells, style = ("", "", message.data.reason, clock), "dim"
            shown = (message.data.device_id, *cells) if is_wide else (message.data.device_id, cells[2])
            table.add_row(*(Text(printable(cell)) for cell in shown), style=style)
        return table


def _online_first(entry: tuple[Presence, float]) -> tuple[bool, str]:
    message, _ = entry
    return isinstance(message, DeviceDisconnectedMessage), message.data.device_id


def _since(event: Event) -> float:
    """When a device came or went, in seconds since 1970.

    A will bears the time of its CONNECT: when it fired is told by how much of its life is over.
    """
    if isinstance(event.message, DeviceDisconnectedMessage):
        life = PresenceTopic.expiry or 0
        return time.time() - (life - event.expires_in if event.expires_in is not None else 0)
    return event.message.timestamp / 1000
