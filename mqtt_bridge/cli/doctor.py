"""``kull-sync doctor``: what this machine lacks, and the line that brings it."""

import platform
import shutil
import sys
from importlib.util import find_spec

import typer
from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from .needs import NEEDS, OLDEST_PYTHON
from .ports import DEFAULT_PORTS, is_free

PYTHON_PACKAGES = {
    "fastapi": ("functions", "the functions"),
    "mangum": ("functions", "the functions on Lambda"),
    "httpx": ("cli", "publish, watch and session"),
    "uvicorn": ("cli", "serves the functions"),
}
"""What the commands import, with the extra that brings it and what it is for."""

_MISSING = "[bold red]missing[/]"
_OPTIONAL = "[yellow]optional[/]"
_TAKEN = "something listens there: dev takes a free one"


def doctor() -> None:
    """Say what is missing on this machine, and how to get it.

    Ends with status 1 when something is missing that `kull-sync dev` cannot do without.
    """
    table = Table(box=box.SIMPLE_HEAD)
    for column in ("", "What", "For", "Found"):
        table.add_column(column, overflow="fold")
    required: list[str] = []
    optional: list[str] = []

    def row(found: str | None, name: str, why: str, remedy: str, remedies: list[str]) -> None:
        if found is None:
            remedies.append(f"{name}: {remedy}")
        mark = "[green]ok[/]" if found else _MISSING if remedies is required else _OPTIONAL
        table.add_row(mark, name, why, escape(found or "-"))

    oldest = ".".join(map(str, OLDEST_PYTHON))
    python = platform.python_version() if sys.version_info >= OLDEST_PYTHON else None
    row(python, "Python", f"{oldest} or newer", f"install Python {oldest} or newer", required)
    for module, (extra, why) in PYTHON_PACKAGES.items():
        installed = "installed" if find_spec(module) else None
        row(installed, module, why, f"pip install 'kull-sync[{extra}]'", required)
    for need in NEEDS:
        remedy = f"{_install()} {need.packages}" + (f"  # {need.note}" if need.note else "")
        row(need.find(), need.name, need.why, remedy, required if "run" in need.verbs else optional)
    for use, port in DEFAULT_PORTS.items():
        free = is_free(port)
        table.add_row(
            "[green]ok[/]" if free else "[yellow]taken[/]", f"port {port}", use, "free" if free else _TAKEN
        )

    console = Console()
    console.print(table)
    for title, remedies in (("Missing", required), ("Optional", optional)):
        if remedies:
            console.print(f"[bold]{title}[/]")
            for remedy in remedies:
                console.print(f"  {remedy}", markup=False, highlight=False, soft_wrap=True)
    if required:
        raise typer.Exit(1)


def _install() -> str:
    return "sudo apt-get install -y" if shutil.which("sudo") else "as root: apt-get install -y"
