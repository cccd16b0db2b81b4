"""``kull-sync token``: what is in a token, and when there is none."""

import time
from pathlib import Path

import jwt
import pytest
from typer.testing import CliRunner

from mqtt_bridge.cli.app import app

from .devs import Dev, run

SECRET = "a shared secret of more than 32 bytes, for tests"

runner = CliRunner()


@pytest.fixture
def secret(runtime: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("KULL_SYNC_AUTH_SECRET", SECRET)
    monkeypatch.setenv("KULL_SYNC_AUTH_ISSUER", "https://app.example")
    monkeypatch.setenv("KULL_SYNC_AUTH_AUDIENCE", "kull-sync")
    return SECRET


@pytest.mark.parametrize(
    ("arguments", "subject", "scope", "lifetime"),
    [
        pytest.param(["--user", "ada"], "ada", None, 3600, id="user"),
        pytest.param(["--service", "worker"], "worker", "sync:publish", 3600, id="service"),
        pytest.param(
            ["--service", "worker", "--scope", "sync:session", "--scope", "sync:bridge"],
            "worker",
            "sync:session sync:bridge",
            3600,
            id="scopes",
        ),
        pytest.param(["--user", "ada", "--lifetime", "60"], "ada", None, 60, id="lifetime"),
    ],
)
def test_claims(secret: str, arguments: list[str], subject: str, scope: str | None, lifetime: int) -> None:
    """The token says who it is for, what it may do, and until when; nothing else is printed."""
    printed = runner.invoke(app, ["token", *arguments])
    token = printed.stdout.removesuffix("\n")
    claims = jwt.decode(token, secret, ["HS256"], issuer="https://app.example", audience="kull-sync")

    assert claims["sub"] == subject
    assert claims.get("scope") == scope
    assert claims["exp"] - claims["iat"] == lifetime
    assert abs(claims["iat"] - time.time()) < 60


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        pytest.param([], "exactly one of --user and --service", id="nobody"),
        pytest.param(["--user", "ada", "--service", "worker"], "exactly one", id="both"),
        pytest.param(
            ["--user", "ada", "--scope", "sync:publish"], "--scope goes with --service", id="user scope"
        ),
        pytest.param(
            ["--service", "worker", "--scope", "sync:publsh"], "'sync:publsh' is none of", id="typo"
        ),
        pytest.param(["--user", "ada", "--lifetime", "0"], "--lifetime", id="no lifetime"),
        pytest.param(["--user", "ada", "--lifetime", "9" * 20], "--lifetime", id="endless"),
        pytest.param(["--user", "ada", "--lifetime", "31622401"], "--lifetime", id="over a year"),
        pytest.param(["--user", "a/b"], "'--user': must be 1 to 128 printable ASCII", id="bad user"),
        pytest.param(["--user", ""], "'--user': must be 1 to 128 printable ASCII", id="empty user"),
        pytest.param(["--service", ""], "--service: must be a name", id="empty service"),
        pytest.param(["--service", "a\x1b[2J"], "--service: must be a name", id="service with an escape"),
        pytest.param(["--user", "ada", "--url", "nonsense"], "'--url'", id="no URL"),
    ],
)
def test_wrong_usage(secret: str, arguments: list[str], said: str) -> None:
    """Whatever is wrong on the command line is named, and nothing is printed to stdout."""
    refused = runner.invoke(app, ["token", *arguments], env={"COLUMNS": "200"})

    assert refused.exit_code == 2
    assert said in refused.stderr
    assert refused.stdout == ""


def test_without_a_secret(runtime: Path) -> None:
    """With nothing to sign with, the way to get it is said."""
    refused = runner.invoke(app, ["token", "--user", "ada"])

    assert refused.exit_code == 1
    assert "kull-sync dev" in refused.stderr
    assert refused.stdout == ""


@pytest.mark.parametrize("missing", ["KULL_SYNC_AUTH_ISSUER", "KULL_SYNC_AUTH_AUDIENCE"])
def test_a_secret_without_its_names(secret: str, monkeypatch: pytest.MonkeyPatch, missing: str) -> None:
    """A token without issuer or audience would be refused everywhere, so it is not made."""
    monkeypatch.delenv(missing)

    assert missing in runner.invoke(app, ["token", "--user", "ada"]).stderr


def test_a_secret_from_a_file(secret: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As the functions read it."""
    monkeypatch.delenv("KULL_SYNC_AUTH_SECRET")
    monkeypatch.setenv("KULL_SYNC_AUTH_SECRET_FILE", str(tmp_path / "secret"))
    unreadable = runner.invoke(app, ["token", "--user", "ada"])
    (tmp_path / "secret").write_text(f"{secret}\n")
    printed = runner.invoke(app, ["token", "--user", "ada"])

    assert "KULL_SYNC_AUTH_SECRET_FILE cannot be read" in unreadable.stderr
    assert jwt.decode(printed.stdout.strip(), secret, ["HS256"], audience="kull-sync")["sub"] == "ada"


def test_of_a_running_dev(dev: Dev) -> None:
    """A running dev is found without being told, and its functions take the token."""
    token = run("token", "--user", "grace", env=dev.env).stdout.strip()
    answer = run("session", "--user", "grace", "--device", "mac-1", "--token", token, env=dev.env)

    assert answer.returncode == 0, answer.stderr
