"""Options that several commands share, and what their values must be: said before anybody is asked."""

import math
import re
from collections.abc import Callable
from typing import Annotated, Any

import typer

from mqtt_bridge.http_session import check_base_url, check_bearer
from mqtt_bridge.topics import check_device_id, check_id

ID_RULE = "must be 1 to 128 printable ASCII characters without space and / + # $"
DEVICE_ID_RULE = f"{ID_RULE}, nor :"
_KEY = re.compile(r"[!-~]{1,255}")


def _must_pass(check: Callable[[Any], object], rule: str | None = None) -> Callable[[Any], Any]:
    """An option's callback: a ValueError of ``check`` ends the command, names the option and says ``rule``.

    What was given is not repeated: it may be a secret, or drive the terminal.
    """

    def callback(value: Any) -> Any:
        if value is not None:
            try:
                check(value)
            except ValueError as exc:
                raise typer.BadParameter(rule or str(exc)) from None
        return value

    return callback


def _check_key(value: str) -> None:
    if not _KEY.fullmatch(value):
        raise ValueError("must be 1 to 255 printable ASCII characters without space")


def _check_finite(value: float) -> None:
    if not math.isfinite(value):
        raise ValueError("must be a number of seconds")


user_id = _must_pass(lambda value: check_id("user", value), ID_RULE)
shoot_id = _must_pass(lambda value: check_id("shoot", value), ID_RULE)
device_id = _must_pass(check_device_id, DEVICE_ID_RULE)
idempotency_key = _must_pass(_check_key)
finite = _must_pass(_check_finite)

Url = Annotated[
    str | None,
    typer.Option(
        envvar="KULL_SYNC_URL",
        help="Of the HTTP functions; else the running `kull-sync dev`.",
        show_default=False,
        callback=_must_pass(check_base_url),
    ),
]
Token = Annotated[
    str | None,
    typer.Option(
        envvar="KULL_SYNC_APP_TOKEN",
        help="App token of the caller; else one is signed as `kull-sync token` does.",
        show_default=False,
        callback=_must_pass(check_bearer),
    ),
]
