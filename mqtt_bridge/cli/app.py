"""All commands of ``kull-sync`` under one roof."""

from importlib.metadata import version
from typing import Annotated

import typer

from .bridge import bridge
from .dev import dev
from .devices import devices, sign_out
from .doctor import doctor
from .publish import publish
from .session import session
from .token import token
from .watch import watch

app = typer.Typer(
    name="kull-sync",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="markdown",
    # A traceback with the values of variables would show tokens.
    pretty_exceptions_show_locals=False,
)
app.command()(dev)
app.command()(token)
app.command()(session)
app.command()(watch)
app.add_typer(publish, name="publish")
app.command()(devices)
app.command()(sign_out)
app.command()(bridge)
app.command()(doctor)


def _show_version(asked: bool) -> None:
    if asked:
        typer.echo(f"kull-sync {version('kull-sync')}")
        raise typer.Exit


@app.callback()
def kull_sync(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Keep all devices of one user in step, over MQTT.

    Start with `kull-sync dev`; in another terminal, `kull-sync watch --user ada` and `kull-sync publish`.
    """
