"""``kull-sync devices`` and ``sign-out``: who is online, and who is no longer to be."""

import json as json_format
import time
from typing import Annotated, Any
from urllib.parse import quote

import typer
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from .api import Api, ProblemError
from .errors import fail
from .options import Token, Url, device_id, user_id
from .printable import printable

User = Annotated[str, typer.Option(help="Whose devices.", callback=user_id)]


def devices(
    user: User,
    json: Annotated[bool, typer.Option("--json", help="Print the answer as JSON.")] = False,
    url: Url = None,
    token: Token = None,
) -> None:
    """List the devices of a user, and which of them are online.

    **Example**

        kull-sync devices --user ada
    """
    api = Api.find(url, token, subject=user)
    try:
        answer = api.get("/api/sync/devices", userId=user)
    except ProblemError as exc:
        fail(str(exc))
    if json:
        typer.echo(json_format.dumps(answer, indent=2))
        return
    Console(highlight=False).print(_table(answer["devices"]))
    if not answer["complete"]:
        typer.echo("There are more devices than the broker delivers at once.", err=True)


def sign_out(
    user: Annotated[str, typer.Option(help="Whose device it is.", callback=user_id)],
    device: Annotated[str, typer.Option(help="The device's id.", callback=device_id)],
    url: Url = None,
    token: Token = None,
) -> None:
    """Sign a device out: cut its connection, and have the broker refuse its tokens.

    **Example**

        kull-sync sign-out --user ada --device mac-1
    """
    api = Api.find(url, token, subject=user)
    try:
        api.delete(f"/api/sync/devices/{quote(device, safe='')}", userId=user)
    except ProblemError as exc:
        fail(str(exc))


def _table(entries: list[dict[str, Any]]) -> Table:
    table = Table("device", "", "name", "platform", "since", box=box.SIMPLE_HEAD)
    for entry in entries:
        state = "online" if entry["online"] else entry.get("reason", "")
        cells = (
            entry["deviceId"],
            state,
            entry.get("name", ""),
            entry.get("platform", ""),
            time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(entry["since"] / 1000)),
        )
        table.add_row(*(Text(printable(cell)) for cell in cells), style="" if entry["online"] else "dim")
    return table
