"""Arguments and outputs that are not what a program expects: one sentence each, never a traceback."""

import subprocess

import pytest

from .devs import KULL_SYNC, PATIENCE, Dev, run

WATCH = "watch --user stdout --device mac-1"


@pytest.mark.parametrize("command", ["token --user ada", WATCH, f"{WATCH} --json", "doctor", "--help"])
@pytest.mark.parametrize(
    ("redirection", "fault"),
    [
        pytest.param(">/dev/full", "No space left on device", id="full"),
        pytest.param(">&-", "Bad file descriptor", id="closed"),
    ],
)
def test_a_stdout_that_takes_nothing(dev: Dev, command: str, redirection: str, fault: str) -> None:
    """A command whose output is lost has not done what it was asked, and says why."""
    ended = subprocess.run(
        ["bash", "-c", f"{KULL_SYNC} {command} {redirection}"],
        env=dev.env,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )

    assert ended.returncode == 1
    assert ended.stderr == f"Error: standard output: {fault}\n"


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        pytest.param(["token", "--user", "ad\udcff"], "--user", id="option"),
        pytest.param(["token", "--user=ad\udcff"], "--user", id="option with ="),
        pytest.param(["tok\udcff"], "argument 1", id="command"),
        pytest.param(["token", "--\udcff", "x"], "argument 2", id="name of an option"),
    ],
)
def test_arguments_that_are_not_utf_8(dev: Dev, arguments: list[str], named: str) -> None:
    """Neither JSON nor a terminal can carry such bytes."""
    refused = run(*arguments, env=dev.env)

    assert refused.returncode == 2
    assert refused.stderr == f"Error: {named}: is not UTF-8\n"


def test_a_file_that_cannot_be_made_is_named(dev: Dev) -> None:
    """What the system refuses is the environment's fault, not a bug to be traced."""
    refused = run("dev", env=dev.env | {"XDG_RUNTIME_DIR": "/dev/null"})

    assert refused.returncode == 1
    assert refused.stderr == "Error: /dev/null/kull-sync: Not a directory\n"
