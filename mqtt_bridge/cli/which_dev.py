"""Which ``kull-sync dev`` a command means that does not say where the functions are."""

import typer

from .running import RunningDev, running_devs


def latest_dev(what: str) -> RunningDev | None:
    """The one that was started last, or None. Where several run, says on stderr that ``what`` is for it."""
    devs = running_devs()
    if len(devs) > 1:
        typer.echo(
            f"{len(devs)} `kull-sync dev` run here; {what} the latest, {devs[0].url} (--url names another)",
            err=True,
        )
    return devs[0] if devs else None
