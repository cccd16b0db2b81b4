"""The command's front: help, version, and what a bare installation says."""

import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
import typer.main
from typer.testing import CliRunner

from mqtt_bridge import cli
from mqtt_bridge.cli.app import app

runner = CliRunner()


def commands(group: Any, path: tuple[str, ...] = ()) -> list[tuple[tuple[str, ...], Any]]:
    found = []
    for name, command in group.commands.items():
        found.append(((*path, name), command))
        if hasattr(command, "commands"):
            found += commands(command, (*path, name))
    return found


COMMANDS = commands(typer.main.get_command(app))


@pytest.mark.parametrize(("path", "command"), [pytest.param(*c, id=" ".join(c[0])) for c in COMMANDS])
def test_every_command_and_option_explains_itself(path: tuple[str, ...], command: Any) -> None:
    """--help shows what a command does, and what each option is for."""
    shown = runner.invoke(app, [*path, "--help"], env={"COLUMNS": "200"})

    assert shown.exit_code == 0
    assert command.help.splitlines()[0].rstrip(".") in shown.output
    assert [option.name for option in command.params if not option.help] == []


def test_every_command_is_in_the_changelog() -> None:
    """Whoever upgrades learns of each command there."""
    changelog = (Path(__file__).parents[2] / "CHANGELOG.md").read_text()

    assert [name for (name, *_), _ in COMMANDS if f"`{name}`" not in changelog] == []


def test_without_a_command_the_help_is_shown() -> None:
    """Who types the bare name sees where to start."""
    assert "kull-sync dev" in runner.invoke(app, []).output


def test_version() -> None:
    """--version says which version is installed."""
    assert runner.invoke(app, ["--version"]).output == f"kull-sync {version('kull-sync')}\n"


def test_without_its_extra_the_command_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """`pip install kull-sync` alone brings the script but not typer: that is said, not thrown."""
    monkeypatch.delitem(sys.modules, "mqtt_bridge.cli.app")
    monkeypatch.setitem(sys.modules, "typer", None)

    with pytest.raises(SystemExit, match=r"pip install 'kull-sync\[cli\]'"):
        cli.main()


def test_other_missing_modules_are_not_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    """A fault of ours is not blamed on the installation."""
    monkeypatch.delitem(sys.modules, "mqtt_bridge.cli.app")
    monkeypatch.setitem(sys.modules, "mqtt_bridge.cli.token", None)

    with pytest.raises(ModuleNotFoundError, match="mqtt_bridge"):
        cli.main()
