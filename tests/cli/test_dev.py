"""``kull-sync dev`` end to end: what it starts answers, and nothing outlives it however it ends."""

import asyncio
import json
import os
import re
import shlex
import signal
import socket
import subprocess
from pathlib import Path

import httpx
import jwt
import pytest
from typer.testing import CliRunner

from mqtt_bridge.broker_url import BrokerUrl
from mqtt_bridge.cli.app import app
from mqtt_bridge.cli.dev import NotReadyError
from mqtt_bridge.cli.ports import DEFAULT_PORTS
from mqtt_bridge.connection import Connection, Incoming
from mqtt_bridge.messages import Ping, PingMessage, PongMessage
from mqtt_bridge.receive import receive
from mqtt_bridge.session import SessionAnswer
from mqtt_bridge.topics import InboxTopic, Subscription

from .conftest import StartDev
from .devs import FREE_PORTS, KULL_SYNC, PATIENCE, Dev, alive, clean_environment, run, wait_for


def test_everything_shown_answers(dev: Dev) -> None:
    """The URLs on the screen are those where functions and broker listen."""
    shown = dict(re.findall(r"^  (HTTP|MQTT|WebSocket) +(\S+)$", dev.log, re.MULTILINE))

    assert httpx.get(f"{shown['HTTP']}/api/sync/status").json() == {"status": "ok"}
    for name in ("MQTT", "WebSocket"):
        url = BrokerUrl.parse(shown[name])
        socket.create_connection((url.host, url.port), timeout=PATIENCE).close()


def test_the_demo_is_served(dev: Dev) -> None:
    """Whoever opens the URL on the screen can sign in and have something culled: it posts to itself."""
    shown = dict(re.findall(r"^  (Demo|Tester) +(\S+)$", dev.log, re.MULTILINE))
    signed_in = httpx.post(f"{shown['Demo']}demo/api/sign-in", json={"userId": "bob"}).json()
    headers = {"Authorization": f"Bearer {signed_in['token']}"}
    shoot = f"{shown['Demo']}demo/api/shoots/bakery-1"

    assert httpx.post(f"{shoot}/cull", json={"seconds": 0}, headers=headers).status_code == 202
    wait_for(lambda: httpx.get(f"{shoot}/report", headers=headers).status_code == 200)
    for url in shown.values():
        page = httpx.get(url)
        assert page.headers["Content-Type"].startswith("text/html")
        assert f"connect-src 'self' {shown_ws(dev)};" in page.headers["Content-Security-Policy"]
    assert shown["Tester"] == f"{shown['Demo']}tester"


def shown_ws(dev: Dev) -> str:
    """The broker's origin for browsers."""
    (url,) = re.findall(r"^  WebSocket +(\S+)/mqtt$", dev.log, re.MULTILINE)
    return str(url)


def test_curl_shown_works_as_pasted(dev: Dev) -> None:
    """Whoever pastes the curl on the screen gets a 202."""
    command = dev.log[dev.log.index("curl ") : dev.log.index("For other clients")].strip()
    pasted = subprocess.run(
        [*shlex.split(command.replace("\\\n", " ")), "--write-out", "\n%{http_code}"],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=True,
    )
    answer, status = pasted.stdout.splitlines()

    assert status == "202"
    assert json.loads(answer)["id"]


@pytest.mark.parametrize(
    ("name", "path", "body"),
    [
        pytest.param(
            "USER_TOKEN",
            "session",
            {"userId": "ada", "deviceId": "mac-1", "name": "Mac", "platform": "mac"},
            id="user",
        ),
        pytest.param(
            "SERVICE_TOKEN",
            "credit-update",
            {"userId": "ada", "newBalance": 1, "change": 1, "reason": "bought"},
            id="service",
        ),
    ],
)
def test_tokens_shown_are_good(dev: Dev, name: str, path: str, body: dict[str, object]) -> None:
    """The tokens on the screen open what they are said to open."""
    exported = dict(re.findall(r"^  export (\w+)=(\S+)$", dev.log, re.MULTILINE))

    answer = httpx.post(
        f"{exported['KULL_SYNC_URL']}/api/sync/{path}",
        json=body,
        headers={"Authorization": f"Bearer {exported[name]}"},
    )

    assert answer.is_success, answer.text


def test_log_names_the_process_of_each_line(dev: Dev) -> None:
    """Of what the processes print, each line says whose it is."""
    httpx.get(f"{dev.state['url']}/api/sync/status")

    wait_for(lambda: re.search(r"^functions +\| .*GET /api/sync/status 200", dev.log, re.MULTILINE))
    assert re.search(r"^broker +\| .*kull-sync: ", dev.log, re.MULTILINE)


def test_keys_are_for_this_user_alone(dev: Dev) -> None:
    """Nobody else on the machine can read the secrets of a running dev."""
    directory = next(dev.runtime.glob("kull-sync/dev-*"))

    assert directory.stat().st_mode & 0o077 == 0
    for name in ("state.json", "signing-key.pem"):
        assert (directory / name).stat().st_mode & 0o077 == 0


def test_settings_that_must_agree_are_not_taken_from_the_environment(start_dev: StartDev) -> None:
    """What a developer has exported for a deployment does not break the dev beside it."""
    dev = start_dev(
        *FREE_PORTS,
        KULL_SYNC_AUTH_JWKS_URL="https://app.example/jwks",
        KULL_SYNC_TOKEN_AUDIENCE="somebody else",
        KULL_SYNC_BROKER_URL="mqtts://broker.example",
        KULL_SYNC_KEEPALIVE="7",
    ).wait_until_ready()
    keepalive = run("session", "--user", "ada", "--device", "mac-1", "--field", "keepalive", env=dev.env)

    assert keepalive.stdout == "7\n"


async def test_what_a_device_sends_is_answered(start_dev: StartDev) -> None:
    """A bridge worker runs too, and is ready when the dev is."""
    dev = start_dev(*FREE_PORTS).wait_until_ready()
    shown = run("session", "--user", "ada", "--device", "mac-1", env=dev.env)
    session = SessionAnswer.model_validate_json(shown.stdout)
    assert session.topics is not None
    heard: asyncio.Queue[Incoming] = asyncio.Queue()
    connection = await Connection.open(
        BrokerUrl.parse(session.urls[0]),
        client_id=session.client_id,
        username=session.username,
        password=session.token,
        keepalive=session.keepalive,
        timeout=PATIENCE,
        on_message=heard.put_nowait,
    )
    await connection.subscribe([Subscription(str(InboxTopic("ada", "mac-1")), 1)])
    ping = PingMessage(user_id="ada", device_id="mac-1", data=Ping(sent_at=1))
    await connection.publish(session.topics.ping, ping.to_json())
    async with asyncio.timeout(PATIENCE):
        answer = await heard.get()
    await connection.close()

    assert isinstance(receive(InboxTopic("ada", "mac-1"), answer.payload), PongMessage)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_everything(start_dev: StartDev, number: signal.Signals) -> None:
    """Ctrl-C, a polite kill and a terminal that closes leave no process and no file, whatever is going on."""
    dev = start_dev(*FREE_PORTS).wait_until_ready()
    signed_in = httpx.post(f"{dev.state['url']}/demo/api/sign-in", json={"userId": "bob"}).json()
    culling = httpx.post(
        f"{dev.state['url']}/demo/api/shoots/bakery-1/cull",
        json={"seconds": 600},
        headers={"Authorization": f"Bearer {signed_in['token']}"},
    )
    assert culling.status_code == 202
    children = dev.children()
    assert set(children) == {"broker", "functions", "bridge"}

    assert dev.end(number) == 128 + number
    assert not any(alive(pid) for pid in children.values())
    assert dev.leftovers() == []
    assert "Traceback" not in dev.log


def test_a_signal_while_it_starts_ends_everything(start_dev: StartDev) -> None:
    """Who changes their mind at once leaves no process and no file either."""
    dev = start_dev(*FREE_PORTS)
    wait_for(lambda: "broker" in dev.children())
    children = dev.children()

    assert dev.end() == 130
    assert not any(alive(pid) for pid in children.values())
    assert dev.leftovers() == []


def test_a_log_that_nobody_reads_ends_everything(tmp_path: Path) -> None:
    """`kull-sync dev | head` does not stay behind without a terminal."""
    command = shlex.join([str(KULL_SYNC), "dev", *FREE_PORTS])
    piped = subprocess.run(
        ["bash", "-c", f"set -o pipefail; {command} | head -n 1"],
        env=clean_environment() | {"XDG_RUNTIME_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )

    assert piped.returncode == 128 + signal.SIGHUP, piped.stderr
    assert piped.stderr == ""
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


@pytest.mark.parametrize("name", ["broker", "functions", "bridge"])
def test_a_child_that_dies_ends_everything(start_dev: StartDev, name: str) -> None:
    """Half a dev would only confuse: the rest ends too, and the screen says who died and what it said."""
    dev = start_dev(*FREE_PORTS).wait_until_ready()
    children = dev.children()
    os.kill(children[name], signal.SIGKILL)

    assert dev.process.wait(PATIENCE) == 1
    assert f"The last lines of {name}:" in dev.log
    assert f"Error: {name} ended by itself (SIGKILL)" in dev.log
    assert not any(alive(pid) for pid in children.values())
    assert dev.leftovers() == []


def test_a_setting_that_the_functions_would_refuse(start_dev: StartDev) -> None:
    """It is named before anything is started, and nothing is left behind."""
    dev = start_dev(*FREE_PORTS, KULL_SYNC_KEEPALIVE="never")

    assert dev.process.wait(PATIENCE) == 1
    assert dev.log.startswith("Error: KULL_SYNC_KEEPALIVE: ")
    assert "broker" not in dev.log
    assert dev.leftovers() == []


def test_a_child_that_does_not_start_says_why(start_dev: StartDev, tmp_path: Path) -> None:
    """What the functions print before they die is shown again, and nothing is left running."""
    (tmp_path / "sitecustomize.py").write_text(
        "import sys\nif 'uvicorn' in sys.orig_argv: sys.exit('no functions today')\n"
    )
    dev = start_dev(*FREE_PORTS, PYTHONPATH=str(tmp_path))

    assert dev.process.wait(PATIENCE) == 1
    assert "no functions today" in dev.log[dev.log.index("The last lines of functions:") :]
    assert dev.leftovers() == []


def test_nobody_reads_from_the_beginning(runtime: Path) -> None:
    """A dev whose log cannot be written says so and ends: it would run where nobody sees how to use it."""
    with Path("/dev/full").open("w") as full:
        ended = subprocess.run(
            [KULL_SYNC, "dev", *FREE_PORTS],
            env=clean_environment() | {"XDG_RUNTIME_DIR": str(runtime.parent)},
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            timeout=PATIENCE,
            check=False,
        )

    assert ended.returncode == 129
    assert ended.stderr == "Error: standard output: No space left on device\n"
    assert not runtime.exists()


_CTRL_C_AT_IMPORT = """
import os, signal, sys
class CtrlC:
    def find_spec(self, name, path=None, target=None):
        if name == os.environ["CTRL_C_AT"]:
            os.kill(os.getpid(), signal.SIGINT)
sys.meta_path.insert(0, CtrlC())
"""


@pytest.mark.parametrize("module", ["mqtt_bridge.cli.app", "typer", "httpx", "mqtt_bridge.cli.dev"])
def test_ctrl_c_at_the_beginning(start_dev: StartDev, tmp_path: Path, module: str) -> None:
    """While the modules are still read, a Ctrl-C ends it as quietly as later."""
    (tmp_path / "sitecustomize.py").write_text(_CTRL_C_AT_IMPORT)
    dev = start_dev(*FREE_PORTS, PYTHONPATH=str(tmp_path), CTRL_C_AT=module)

    assert dev.process.wait(PATIENCE) == 130
    assert dev.log == ""


def test_children_do_not_outlive_a_killed_dev(start_dev: StartDev, tmp_path: Path) -> None:
    """After kill -9 no process stays, and the next dev removes the files and is not confused by them."""
    killed = start_dev(*FREE_PORTS, directory=tmp_path).wait_until_ready()
    children = killed.children()
    (secrets,) = killed.runtime.glob("kull-sync/dev-*")
    killed.end(signal.SIGKILL)

    wait_for(lambda: not any(alive(pid) for pid in children.values()))
    assert run("token", "--user", "ada", env=killed.env).returncode == 1
    start_dev(*FREE_PORTS, directory=tmp_path).wait_until_ready()
    assert not secrets.exists()


@pytest.mark.parametrize("use", ["http", "mqtt", "ws"])
def test_a_wanted_port_that_is_taken_is_named(start_dev: StartDev, use: str) -> None:
    """Who asked for a port is told that it is taken, and by which option to change it."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        dev = start_dev(*FREE_PORTS, f"--{use}-port", str(port))

        assert dev.process.wait(PATIENCE) == 1
    assert f"Port {port} is taken (--{use}-port)" in dev.log
    assert dev.leftovers() == []


def test_two_devs_live_side_by_side(start_dev: StartDev, tmp_path: Path) -> None:
    """With two running, a command goes to the later one and says so; --url chooses."""
    first = start_dev(*FREE_PORTS, directory=tmp_path).wait_until_ready()
    first_url = first.state["url"]
    second = start_dev(*FREE_PORTS, directory=tmp_path).wait_until_ready()
    session = ("session", "--user", "ada", "--device", "mac-1", "--field", "urls")
    tokens = {
        name: run("token", "--user", "ada", *arguments, env=second.env | environment)
        for name, arguments, environment in (
            ("default", (), {}),
            ("option", ("--url", f"{first_url}/"), {}),
            ("variable", (), {"KULL_SYNC_URL": first_url}),
        )
    }
    stranger = run("token", "--user", "ada", "--url", "http://127.0.0.1:1", env=second.env)
    found = [json.loads(path.read_text()) for path in second.runtime.glob("kull-sync/dev-*/state.json")]
    states = {state["pid"]: state for state in found}

    by_default = run(*session, env=second.env)
    chosen = run(*session, "--url", first_url, env=second.env)

    assert "2 `kull-sync dev` run here" in by_default.stderr
    assert chosen.returncode == 0, chosen.stderr
    assert by_default.stdout != chosen.stdout
    assert f"this token is for the latest, {states[second.process.pid]['url']}" in tokens["default"].stderr
    for name, dev in (("default", second), ("option", first), ("variable", first)):
        secret = states[dev.process.pid]["auth_secret"]
        jwt.decode(tokens[name].stdout.strip(), secret, ["HS256"], audience="kull-sync-dev")
    assert (stranger.returncode, stranger.stdout) == (1, "")
    assert "No `kull-sync dev` runs at http://127.0.0.1:1" in stranger.stderr
    assert first.end() == second.end() == 130
    assert second.leftovers() == []


def test_without_the_functions(runtime: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An installation without them is told what to install, and the broker is ended again."""
    monkeypatch.setattr("mqtt_bridge.cli.dev.find_spec", lambda name: None)

    with pytest.raises(NotReadyError, match=r"pip install 'kull-sync\[cli,functions\]'"):
        CliRunner().invoke(app, ["dev", *FREE_PORTS], catch_exceptions=False)
    assert not runtime.exists()


def test_what_never_answers_is_given_up(runtime: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Waiting has an end, and then everything is ended."""
    monkeypatch.setattr("mqtt_bridge.cli.dev.READY_TIMEOUT", 0.0)

    with pytest.raises(NotReadyError, match="does not listen after 0 s"):
        CliRunner().invoke(app, ["dev", *FREE_PORTS], catch_exceptions=False)
    assert not runtime.exists()


def test_a_default_port_that_is_taken_is_said(runtime: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who counts on the default learns at once which port it is instead."""
    monkeypatch.setattr("mqtt_bridge.cli.dev.find_spec", lambda name: None)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        monkeypatch.setitem(DEFAULT_PORTS, "http", port)
        shown = CliRunner().invoke(app, ["dev", *FREE_PORTS[2:]])

    assert re.search(rf"Port {port} is taken, so --http-port is \d+\.", shown.output)
