"""How a command ends when it cannot do what it was asked: one sentence on stderr and exit status 1."""

from typing import NoReturn

import typer


def fail(reason: str) -> NoReturn:
    """End the command."""
    typer.secho("Error: ", err=True, nl=False, fg="red", bold=True)
    typer.echo(reason, err=True)
    raise typer.Exit(1)
