"""``kull-sync bridge``: what the command itself adds to the worker's process."""

import subprocess
import sys

from typer.testing import CliRunner

from mqtt_bridge.cli.app import app

from .devs import PATIENCE

runner = CliRunner()


def test_the_option_stands_above_the_environment() -> None:
    """So one environment serves all workers. 78: the rest is not set, and is named."""
    shown = runner.invoke(app, ["bridge", "--worker", "5/4"], env={"KULL_SYNC_WORKER": "0/1"})

    assert shown.exit_code == 78
    assert "KULL_SYNC_WORKER: index must be 0 to 3, not 5" in shown.output
    assert "KULL_SYNC_API_URL: is not set" in shown.output


def test_without_the_option_the_environment_says_which() -> None:
    """As a container's supervisor sets it."""
    shown = runner.invoke(app, ["bridge"], env={"KULL_SYNC_WORKER": "0/99"})

    assert "KULL_SYNC_WORKER: count must be 1 to 16, not 99" in shown.output


def run_without(module: str) -> subprocess.CompletedProcess[str]:
    """The command where a module is not installed."""
    code = f"import sys; sys.modules[{module!r}] = None; sys.argv[1:] = ['bridge']; "
    command = [sys.executable, "-c", code + "from mqtt_bridge.cli import main; main()"]
    return subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)


def test_an_installation_without_the_extra_says_what_to_install() -> None:
    """The other commands need no metrics library."""
    done = run_without("prometheus_client")

    assert done.returncode == 1
    assert "pip install 'kull-sync[bridge]'" in done.stderr


def test_another_missing_module_is_shown_as_it_is() -> None:
    """It is a fault of the installation that no extra would mend."""
    done = run_without("mqtt_bridge.worker")

    assert done.returncode == 1
    assert "ModuleNotFoundError" in done.stderr
