"""``kull-sync session``: what a device gets before it connects, to try the broker with any MQTT client."""

import json
from typing import Annotated

import typer

from mqtt_bridge.messages import Platform

from .api import Api, ProblemError
from .errors import fail
from .options import Token, Url, device_id, user_id

User = Annotated[str, typer.Option(help="Whose device it is.", callback=user_id)]
Device = Annotated[str, typer.Option(help="The device's id, e.g. mac-1.", callback=device_id)]
Name = Annotated[str | None, typer.Option(help="As others see it; else the id.", show_default=False)]
DevicePlatform = Annotated[Platform, typer.Option("--platform", help="What it is.")]


def session(
    user: User,
    device: Device,
    name: Name = None,
    platform: DevicePlatform = "mac",
    field: Annotated[
        str | None, typer.Option(help="Print this field of the answer alone, e.g. token.", show_default=False)
    ] = None,
    url: Url = None,
    token: Token = None,
) -> None:
    """Ask for a device's session and print the answer as JSON: broker URLs, MQTT token, topics, will.

    **Example**, with a client that nobody here wrote:

        TOKEN=$(kull-sync session --user ada --device term --field token)
        mosquitto_sub -V 5 -u ada -i ada:term -P "$TOKEN" -t sync/v1/users/ada/events/credits
    """
    api = Api.find(url, token, subject=user)
    body = {"userId": user, "deviceId": device, "name": name or device, "platform": platform}
    try:
        answer = api.post("/api/sync/session", body)
    except ProblemError as exc:
        fail(str(exc))
    if field is None:
        typer.echo(json.dumps(answer, indent=2))
    elif field in answer:
        value = answer[field]
        typer.echo(value if isinstance(value, str) else json.dumps(value))
    else:
        raise typer.BadParameter(f"The answer has {', '.join(answer)}.", param_hint="--field")
