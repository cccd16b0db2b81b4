"""``kull-sync watch``: a device that shows what it is told."""

import asyncio
import logging
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Annotated

import typer
from pydantic import ValidationError

from mqtt_bridge.client import SyncClient
from mqtt_bridge.errors import SessionUnavailableError
from mqtt_bridge.events import ClientEvent, Stopped
from mqtt_bridge.http_session import http_session
from mqtt_bridge.session import SessionRequest

from .api import Api
from .event_view import as_json, as_line
from .live_view import LiveView
from .options import Token, Url
from .session import Device, DevicePlatform, Name, User
from .signals import UntilSignal
from .stdout import abandon_stdout
from .token import find_auth

Show = Callable[[ClientEvent], None]


def watch(
    user: User,
    device: Device,
    name: Name = None,
    platform: DevicePlatform = "mac",
    json: Annotated[bool, typer.Option("--json", help="Print each event as a line of JSON.")] = False,
    url: Url = None,
    token: Token = None,
) -> None:
    """Be a device of a user, and show its events and who else is online, until Ctrl-C.

    It comes back by itself when broker or functions were away. Ctrl-C says goodbye, and the other devices see
    it at once; kill -9 does not, and they see it when the broker notices.

    **Example**

        kull-sync watch --user ada --device mac-1 --name "Ada's Mac" --platform mac
    """
    try:
        request = SessionRequest(user_id=user, device_id=device, name=name or device, platform=platform)
    except ValidationError as exc:
        # The ids have passed as options, and the platform is one of a choice.
        raise typer.BadParameter(exc.errors()[0]["msg"], param_hint="--name") from exc
    api = Api.find(url, token, subject=user)
    client = SyncClient(http_session(api.url, lambda: present_token(api.url, token, user)), device=request)
    view = _view(client, request, json=json)
    try:
        with view as show:
            status = asyncio.run(UntilSignal().run(_show_events(client, show)))
    except BrokenPipeError:
        # Nobody reads any more.
        abandon_stdout()
        status = 1
    raise typer.Exit(status)


def present_token(url: str, token: str | None, user: str) -> str:
    """The token that was given, else one signed now. Raises SessionUnavailableError while none can be."""
    # Signed anew each time: the first would expire, and a dev that was started again has another secret.
    if token:
        return token
    if auth := find_auth(url):
        return auth.mint(user)
    # The functions of a dev that starts answer before it is found, and would refuse what was signed before.
    raise SessionUnavailableError(f"No `kull-sync dev` runs at {url}")


def _view(client: SyncClient, request: SessionRequest, *, json: bool) -> AbstractContextManager[Show]:
    if sys.stdout.isatty() and not json:
        return LiveView(client, request)
    # What the client has to say of its connection; stdout is for events alone.
    logging.basicConfig(format="%(asctime)s  %(message)s", datefmt="%H:%M:%S", stream=sys.stderr)
    format_event = as_json if json else as_line
    return nullcontext(lambda event: print(format_event(event), flush=True))  # noqa: T201  # what it is asked for


async def _show_events(client: SyncClient, show: Show) -> None:
    # Leaving the block says goodbye to the other devices.
    async with client:
        async for event in client:
            show(event)
            if isinstance(event, Stopped):
                raise typer.Exit(1)
