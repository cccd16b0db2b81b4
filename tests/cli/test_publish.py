"""``kull-sync publish`` and ``session`` against a real dev."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from typer.testing import CliRunner

from mqtt_bridge.cli.app import app
from mqtt_bridge.session import SessionAnswer

from .devs import Dev, run

runner = CliRunner()

PROGRESS = ["shoot-progress", "--user", "ada", "--shoot", "w", "--processed", "1", "--total", "2"]
OPTIONAL = ["--current-image", "a.raf", "--provider", "p", "--device", "mac-1"]
CREDITS = ["credit-update", "--user", "ada", "--balance", "9", "--change", "-1", "--reason", "culled"]
PROMPT = ["prompt-change", "--action", "updated"]


@pytest.fixture
def here(dev: Dev, monkeypatch: pytest.MonkeyPatch) -> Dev:
    """Commands in this process find the shared dev."""
    for name in ("URL", "APP_TOKEN", "AUTH_SECRET", "AUTH_SECRET_FILE"):
        monkeypatch.delenv(f"KULL_SYNC_{name}", raising=False)
    monkeypatch.setenv("XDG_RUNTIME_DIR", dev.env["XDG_RUNTIME_DIR"])
    return dev


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param(PROGRESS, id="shoot-progress"),
        pytest.param(
            [
                *PROGRESS,
                *["--status", "failed", "--error", "full", "--run", "2", "--sequence", "7", "--eta", "1.5"],
                *OPTIONAL,
            ],
            id="shoot-progress, every field",
        ),
        pytest.param(CREDITS, id="credit-update"),
        pytest.param([*PROMPT, "--everyone"], id="prompt-change for everyone"),
        pytest.param([*PROMPT, "--user", "ada", "--prompt", "p", "--title", "Soft"], id="prompt-change"),
    ],
)
def test_accepted(here: Dev, arguments: list[str]) -> None:
    """The broker has the event, and the answer is printed as JSON."""
    printed = runner.invoke(app, ["publish", *arguments])

    assert printed.exit_code == 0, printed.stderr
    assert json.loads(printed.stdout)["id"]


def test_idempotency_key(here: Dev) -> None:
    """The same event under the same key has the same id; receivers drop the second."""
    first, again, other = (
        json.loads(runner.invoke(app, ["publish", *arguments, "--idempotency-key", "k"]).stdout)["id"]
        for arguments in (CREDITS, CREDITS, [*CREDITS[:-1], "refunded"])
    )

    assert first == again != other


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        pytest.param(
            [*PROGRESS[:-1], "0"],
            ["422", "totalCount: processedCount must not exceed"],
            id="too many processed",
        ),
        pytest.param(
            [*PROGRESS, "--run", "-1", "--eta", "-1"], ["422", "  run: ", "  eta: "], id="two wrong fields"
        ),
        pytest.param(
            [*PROMPT, "--user", "ada", "--title", "t" * 1001], ["422", "  title: "], id="long title"
        ),
        pytest.param([*CREDITS, "--token", "garbage"], ["401", "not a valid JWT"], id="bad token"),
        pytest.param(
            [*CREDITS, "--url", "http://127.0.0.1:1", "--token", "t"], ["does not answer"], id="nobody"
        ),
        pytest.param([*CREDITS, "--url", "http://a..b", "--token", "t"], ["is no URL"], id="broken host"),
        pytest.param([*CREDITS, "--url", "http://1.2.3.999", "--token", "t"], ["is no URL"], id="no address"),
        pytest.param([*CREDITS, "--url", "http://app.example"], ["No token for"], id="no token"),
    ],
)
def test_refused(here: Dev, arguments: list[str], said: list[str]) -> None:
    """A refusal is readable, names the fields, and ends with status 1; stdout stays empty."""
    refused = runner.invoke(app, ["publish", *arguments])

    assert refused.exit_code == 1
    assert [text for text in said if text not in refused.stderr] == []
    assert refused.stdout == ""


ID = "must be 1 to 128 printable ASCII characters without space and / + # $"
TOKEN = "holds characters that no token has"
URL = "must be like https://api.example.com"


@pytest.mark.parametrize(
    ("option", "value", "rule"),
    [
        pytest.param("--user", "a/b", ID, id="user"),
        pytest.param("--user", "", ID, id="no user"),
        pytest.param("--shoot", "a b", ID, id="shoot"),
        pytest.param("--device", "a:b", f"{ID}, nor :", id="device"),
        pytest.param("--eta", "nan", "must be a number of seconds", id="nan"),
        pytest.param("--eta", "inf", "must be a number of seconds", id="inf"),
        pytest.param("--idempotency-key", "canary-\u00e9", "printable ASCII", id="key not ASCII"),
        pytest.param("--idempotency-key", "canary\r\nX: y", "printable ASCII", id="key with a header"),
        pytest.param("--idempotency-key", "", "printable ASCII", id="empty key"),
        pytest.param("--token", "canary-\u00e9", TOKEN, id="token not ASCII"),
        pytest.param("--token", "canary\nb", TOKEN, id="token of two lines"),
        pytest.param("--token", "canary\r", TOKEN, id="token with a line break"),
        pytest.param("--token", "", "is empty", id="no token"),
        pytest.param("--url", "canary", URL, id="no URL"),
        pytest.param("--url", "not a url", URL, id="words"),
        pytest.param("--url", "ftp://canary", URL, id="other scheme"),
        pytest.param("--url", "http://a:b", URL, id="broken port"),
        pytest.param("--url", "http://u:canary@a", URL, id="with a password"),
    ],
)
def test_values_that_can_never_work(runtime: Path, option: str, value: str, rule: str) -> None:
    """They are refused before anybody is asked: with the option and the rule, and never the value."""
    refused = runner.invoke(app, ["publish", *PROGRESS, option, value], env={"COLUMNS": "200"})

    assert refused.exit_code == 2
    assert f"'{option}'" in refused.stderr
    assert rule in refused.stderr
    assert "canary" not in refused.stderr


def test_a_token_from_the_environment_is_looked_at_too(runtime: Path) -> None:
    """The variable is named, for it is there that it has to be mended."""
    environment = {"COLUMNS": "200", "KULL_SYNC_APP_TOKEN": "canary\r"}
    refused = runner.invoke(app, ["publish", *PROGRESS], env=environment)

    assert refused.exit_code == 2
    assert "KULL_SYNC_APP_TOKEN" in refused.stderr
    assert "canary" not in refused.stderr


@pytest.mark.parametrize(
    "arguments", [PROMPT, [*PROMPT, "--everyone", "--user", "ada"]], ids=["neither", "both"]
)
def test_prompt_change_for_whom(arguments: list[str]) -> None:
    """A change for everyone is never a slip: exactly one of --user and --everyone."""
    refused = runner.invoke(app, ["publish", *arguments], env={"COLUMNS": "200"})

    assert refused.exit_code == 2
    assert "exactly one of --user and --everyone" in refused.stderr


def test_without_a_dev(runtime: Path) -> None:
    """With nothing running, the ways to name the functions are said."""
    refused = runner.invoke(app, ["publish", *CREDITS])

    assert refused.exit_code == 1
    assert "--url" in refused.stderr


def test_session(here: Dev) -> None:
    """The answer is the one that devices get: a client needs nothing else."""
    printed = runner.invoke(app, ["session", "--user", "ada", "--device", "i-1", "--platform", "iphone"])
    answer = SessionAnswer.model_validate_json(printed.stdout)

    assert answer.client_id == "ada:i-1"
    assert answer.birth
    assert (answer.birth.data.name, answer.birth.data.platform) == ("i-1", "iphone")


@pytest.mark.parametrize(
    ("field", "printed"),
    [pytest.param("username", "ada\n", id="text"), pytest.param("keepalive", "30\n", id="number")],
)
def test_one_field_of_a_session(here: Dev, field: str, printed: str) -> None:
    """Bare, so that a shell can use it."""
    shown = runner.invoke(app, ["session", "--user", "ada", "--device", "mac-1", "--field", field])

    assert shown.stdout == printed


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        pytest.param(["--device", "a:b"], 2, "--device", id="bad id"),
        pytest.param(
            ["--device", "mac-1", "--field", "tokn"], 2, "The answer has token,", id="no such field"
        ),
    ],
)
def test_session_refused(here: Dev, arguments: list[str], status: int, said: str) -> None:
    """What is wrong is named."""
    refused = runner.invoke(app, ["session", "--user", "ada", *arguments], env={"COLUMNS": "200"})

    assert refused.exit_code == status
    assert said in refused.stderr


def test_from_another_shell(dev: Dev) -> None:
    """As a process of its own, with the environment alone to say where the functions are."""
    token = run("token", "--service", "worker", env=dev.env).stdout.strip()
    environment = dev.env | {"KULL_SYNC_URL": dev.state["url"] + "/", "KULL_SYNC_APP_TOKEN": token}
    del environment["XDG_RUNTIME_DIR"]

    assert json.loads(run("publish", *CREDITS, env=environment).stdout)["id"]


@pytest.fixture
def stranger() -> Iterator["Stranger"]:
    """An HTTP server that is not ours."""
    server = Stranger()
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


class Stranger(HTTPServer):
    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Answer)
        self.status = 200
        self.headers: dict[str, str] = {}
        self.body = b""


class _Answer(BaseHTTPRequestHandler):
    server: Stranger

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(self.server.status)
        for name, value in self.server.headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(self.server.body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the base class calls it so
        pass


@pytest.mark.parametrize(
    ("status", "body", "headers", "said"),
    [
        pytest.param(200, b"<html>", {}, "something else than JSON", id="a web page"),
        pytest.param(502, b"<html>", {}, "502 Bad Gateway", id="a proxy's page"),
        pytest.param(500, b"[]", {}, "500 Internal Server Error", id="no object"),
        pytest.param(503, b'{"detail": "Later."}', {"Retry-After": "1"}, "again in 1 s", id="later"),
    ],
)
def test_what_strangers_answer(
    runtime: Path, stranger: Stranger, status: int, body: bytes, headers: dict[str, str], said: str
) -> None:
    """Whatever answers at the URL, the command says what it got."""
    stranger.status, stranger.body, stranger.headers = status, body, headers
    url = f"http://127.0.0.1:{stranger.server_port}"
    refused = runner.invoke(app, ["publish", *CREDITS, "--url", url, "--token", "t"])

    assert refused.exit_code == 1
    assert said in refused.stderr
