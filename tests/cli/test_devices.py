"""``kull-sync devices`` and ``sign-out`` against a real dev."""

import json
import uuid

import pytest
from typer.testing import CliRunner

from mqtt_bridge.cli.app import app

from .devs import Dev

runner = CliRunner()


@pytest.fixture
def here(dev: Dev, monkeypatch: pytest.MonkeyPatch) -> Dev:
    """Commands in this process find the shared dev."""
    for name in ("URL", "APP_TOKEN", "AUTH_SECRET", "AUTH_SECRET_FILE"):
        monkeypatch.delenv(f"KULL_SYNC_{name}", raising=False)
    monkeypatch.setenv("XDG_RUNTIME_DIR", dev.env["XDG_RUNTIME_DIR"])
    return dev


@pytest.fixture
def user() -> str:
    return f"user-{uuid.uuid4().hex[:12]}"


@pytest.mark.usefixtures("here")
def test_a_signed_out_device_is_listed_as_such(user: str) -> None:
    """For people as a table, for scripts as JSON; odd ids reach the functions as they are."""
    for device in ("mac-1", "50%?"):
        ended = runner.invoke(app, ["sign-out", "--user", user, "--device", device])
        assert (ended.exit_code, ended.stdout) == (0, "")

    table = runner.invoke(app, ["devices", "--user", user])
    answer = json.loads(runner.invoke(app, ["devices", "--user", user, "--json"]).stdout)

    assert table.exit_code == 0
    assert [line.split()[:2] for line in table.stdout.splitlines() if "signed-out" in line] == [
        ["50%?", "signed-out"],
        ["mac-1", "signed-out"],
    ]
    assert [(each["deviceId"], each["reason"]) for each in answer["devices"]] == [
        ("50%?", "signed-out"),
        ("mac-1", "signed-out"),
    ]


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        pytest.param(["devices", "--user", "ada", "--token", "garbage"], "not a valid JWT", id="bad token"),
        pytest.param(
            ["sign-out", "--user", "ada", "--device", "mac", "--url", "http://127.0.0.1:1", "--token", "t"],
            "does not answer",
            id="nobody",
        ),
    ],
)
def test_refused(arguments: list[str], said: str) -> None:
    """A refusal is readable, and ends with status 1; stdout stays empty."""
    refused = runner.invoke(app, arguments)

    assert refused.exit_code == 1
    assert said in refused.stderr
    assert refused.stdout == ""


@pytest.mark.parametrize(
    ("arguments", "option"),
    [
        pytest.param(["devices", "--user", "a/b"], "--user", id="devices of a bad user"),
        pytest.param(["sign-out", "--user", "a/b", "--device", "mac-1"], "--user", id="bad user"),
        pytest.param(["sign-out", "--user", "ada", "--device", "m:c"], "--device", id="bad device"),
    ],
)
def test_bad_ids(arguments: list[str], option: str) -> None:
    """They are refused at once, by the option's name."""
    refused = runner.invoke(app, arguments, env={"COLUMNS": "200"})

    assert refused.exit_code == 2
    assert f"'{option}': must be 1 to 128 printable ASCII characters" in refused.stderr
