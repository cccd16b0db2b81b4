"""``kull-sync watch`` as processes of their own: what one device is told, and what the others see of it."""

import json
import os
import pty
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from mqtt_bridge.cli.app import app
from mqtt_bridge.cli.watch import present_token
from mqtt_bridge.errors import SessionUnavailableError

from .conftest import StartDev
from .devs import FREE_PORTS, KULL_SYNC, PATIENCE, Dev, run, wait_for


class Watch:
    """One device."""

    def __init__(self, dev: Dev, output: Path, user: str, device: str, *options: str) -> None:
        self._output = output
        with output.open("w") as stdout:
            self.process = subprocess.Popen(
                [KULL_SYNC, "watch", "--user", user, "--device", device, *options],
                env=dev.env,
                stdin=subprocess.DEVNULL,
                stdout=stdout,
                stderr=subprocess.STDOUT,
                process_group=0,
            )

    @property
    def text(self) -> str:
        return self._output.read_text()

    def messages(self, kind: str) -> list[dict[str, Any]]:
        """The messages of a type that it printed with --json."""
        events = [json.loads(line) for line in self.text.splitlines() if line.startswith("{")]
        return [e["message"] for e in events if e["event"] == "message" and e["message"]["type"] == kind]

    def sees(self, device: str, kind: str) -> bool:
        return any(message["data"]["deviceId"] == device for message in self.messages(kind))

    def end(self, number: int = signal.SIGINT) -> int:
        self.process.send_signal(number)
        return self.process.wait(PATIENCE)


StartWatch = Callable[..., Watch]


@pytest.fixture
def watch(dev: Dev, tmp_path: Path) -> Iterator[StartWatch]:
    """Starts devices that print JSON, and waits until each has announced itself."""
    watches: list[Watch] = []

    def start(user: str, device: str, *options: str, on: Dev = dev) -> Watch:
        output = tmp_path / f"watch-{len(watches)}.log"
        watches.append(Watch(on, output, user, device, "--json", *options))
        wait_for(lambda: watches[-1].sees(device, "DEVICE_CONNECTED"))
        return watches[-1]

    yield start
    for each in watches:
        each.process.kill()
        each.process.wait(PATIENCE)


def publish(dev: Dev, *arguments: str) -> str:
    printed = run("publish", *arguments, env=dev.env)
    assert printed.returncode == 0, printed.stderr
    event: str = json.loads(printed.stdout)["id"]
    return event


def test_an_event_reaches_every_device_of_the_user_and_nobody_else(dev: Dev, watch: StartWatch) -> None:
    """What is posted for a user is printed once by each of their devices, and by nobody else's."""
    mac, phone, stranger = watch("w1", "mac-1"), watch("w1", "phone-1"), watch("w1-other", "mac-1")
    progress = publish(
        dev, "shoot-progress", "--user", "w1", "--shoot", "s", "--processed", "1", "--total", "2"
    )
    balance = publish(
        dev, "credit-update", "--user", "w1", "--balance", "1", "--change", "1", "--reason", "r"
    )
    # For everyone: what the stranger would have been told before this, it has been told by then.
    prompt = publish(dev, "prompt-change", "--everyone", "--action", "updated")

    def ids(device: Watch, kind: str) -> list[str]:
        return [message["id"] for message in device.messages(kind)]

    for device in (mac, phone):
        wait_for(lambda device=device: prompt in ids(device, "PROMPT_CHANGE"))
        wait_for(lambda device=device: balance in ids(device, "CREDIT_UPDATE"))
        assert ids(device, "SHOOT_PROGRESS") == [progress]
        assert ids(device, "CREDIT_UPDATE") == [balance]
    wait_for(lambda: prompt in ids(stranger, "PROMPT_CHANGE"))
    assert stranger.messages("SHOOT_PROGRESS") == stranger.messages("CREDIT_UPDATE") == []


def test_devices_see_each_other(watch: StartWatch) -> None:
    """A device is shown to the others with its name and platform."""
    mac = watch("w2", "mac-1")
    watch("w2", "phone-1", "--name", "Ada's phone", "--platform", "iphone")

    wait_for(lambda: mac.sees("phone-1", "DEVICE_CONNECTED"))
    (phone,) = [m["data"] for m in mac.messages("DEVICE_CONNECTED") if m["data"]["deviceId"] == "phone-1"]
    assert (phone["name"], phone["platform"]) == ("Ada's phone", "iphone")


@pytest.mark.parametrize(
    ("number", "status", "reason"),
    [
        pytest.param(signal.SIGINT, 130, "closed", id="Ctrl-C"),
        pytest.param(signal.SIGTERM, 143, "closed", id="SIGTERM"),
        pytest.param(signal.SIGHUP, 129, "closed", id="terminal closed"),
        pytest.param(signal.SIGKILL, -9, "lost", id="kill -9"),
    ],
)
def test_how_a_device_leaves(watch: StartWatch, number: int, status: int, reason: str) -> None:
    """Who leaves in order says goodbye; for one that is killed the broker says it."""
    user = f"w3-{number}"
    mac, phone = watch(user, "mac-1"), watch(user, "phone-1")

    assert phone.end(number) == status
    wait_for(lambda: mac.sees("phone-1", "DEVICE_DISCONNECTED"))
    assert [message["data"]["reason"] for message in mac.messages("DEVICE_DISCONNECTED")] == [reason]


def test_plain_lines(dev: Dev, watch: StartWatch, tmp_path: Path) -> None:
    """Without --json and without a terminal, each event is a line to read."""
    plain = Watch(dev, tmp_path / "plain", "w4", "mac-1")
    try:
        wait_for(lambda: "DEVICE_CONNECTED    mac-1  mac-1 (mac)  [own]" in plain.text)
        publish(
            dev, "credit-update", "--user", "w4", "--balance", "9", "--change", "-1", "--reason", "culled"
        )
        wait_for(lambda: "CREDIT_UPDATE       balance 9 (-1)  culled" in plain.text)
    finally:
        plain.end()


def test_on_a_terminal(dev: Dev, watch: StartWatch) -> None:
    """A terminal shows a table of devices under the events, and Ctrl-C leaves it in order."""
    pid, terminal = pty.fork()
    if pid == 0:
        arguments = [str(KULL_SYNC), "watch", "--user", "w5", "--device", "mac-1"]
        os.execve(KULL_SYNC, arguments, dev.env | {"TERM": "xterm", "COLUMNS": "120"})
    shown = b""

    def shows(text: bytes) -> bool:
        nonlocal shown
        shown += os.read(terminal, 65_536)
        return text in shown

    wait_for(lambda: shows(b"here as mac-1: connected"))
    watch("w5", "phone-1", "--name", "Grace")
    wait_for(lambda: shows(b"Grace"))
    os.write(terminal, b"\x03")
    wait_for(lambda: shows(b"here as mac-1: left"))
    _, status = os.waitpid(pid, 0)
    os.close(terminal)

    assert os.waitstatus_to_exitcode(status) == 130


def test_a_reader_that_goes(dev: Dev) -> None:
    """`kull-sync watch --json | head -n 1` ends when head does, without a traceback."""
    command = f"set -o pipefail; {KULL_SYNC} watch --user w6 --device mac-1 --json | head -n 1"
    piped = subprocess.Popen(
        ["bash", "-c", command], env=dev.env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    while piped.poll() is None:
        run("publish", "prompt-change", "--user", "w6", "--action", "updated", env=dev.env)
    _, errors = piped.communicate(timeout=PATIENCE)

    assert piped.returncode == 1
    assert errors == ""


def test_it_comes_back_when_a_dev_was_started_again(
    start_dev: StartDev, watch: StartWatch, tmp_path: Path
) -> None:
    """A new dev on the same ports has other keys: a watch that waits takes the new ones."""
    first = start_dev(*FREE_PORTS, directory=tmp_path).wait_until_ready()
    ports = [*FREE_PORTS]
    for index, url in enumerate(shown_urls(first)):
        ports[2 * index + 1] = url.rpartition(":")[2].partition("/")[0]
    mac = watch("w7", "mac-1", on=first)
    first.end()
    again = start_dev(*ports, directory=tmp_path).wait_until_ready()

    wait_for(lambda: mac.text.count('"event": "resync"') == 2)
    publish(again, "credit-update", "--user", "w7", "--balance", "1", "--change", "1", "--reason", "r")
    wait_for(lambda: mac.messages("CREDIT_UPDATE"))


def test_while_a_dev_starts_again_nothing_old_is_sent(runtime: Path) -> None:
    """Its functions answer before it is found: a token of the one before would be refused, for good."""
    with pytest.raises(SessionUnavailableError, match="No `kull-sync dev` runs"):
        present_token("http://127.0.0.1:1", None, "ada")
    assert present_token("http://127.0.0.1:1", "given", "ada") == "given"


def shown_urls(dev: Dev) -> list[str]:
    """HTTP, MQTT, WebSocket."""
    return [
        line.split()[1]
        for line in dev.log.splitlines()
        if line.startswith(("  HTTP ", "  MQTT ", "  WebSocket "))
    ]


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        pytest.param(["--user", "a b", "--device", "mac-1"], 2, "'--user': must be 1 to", id="bad user"),
        pytest.param(["--user", "ada", "--device", "a:b"], 2, "'--device': must be 1 to", id="bad device"),
        pytest.param(
            ["--user", "ada", "--device", "mac-1", "--token", "x\r"], 2, "'--token'", id="no token at all"
        ),
        pytest.param(
            ["--user", "ada", "--device", "mac-1", "--url", "ftp://x"], 2, "https://api", id="no URL"
        ),
        pytest.param(
            ["--user", "ada", "--device", "mac-1", "--name", "n" * 101], 2, "--name", id="long name"
        ),
        pytest.param(["--user", "ada", "--device", "mac-1"], 1, "--url", id="no dev"),
    ],
)
def test_refused_at_once(runtime: Path, arguments: list[str], status: int, said: str) -> None:
    """What can never work is said at once, not tried again for ever."""
    refused = CliRunner().invoke(app, ["watch", *arguments], env={"COLUMNS": "200"})

    assert refused.exit_code == status
    assert said in refused.stderr


def test_a_token_that_is_refused_ends_it(dev: Dev) -> None:
    """With a token that the functions refuse there is nothing to wait for."""
    refused = run("watch", "--user", "ada", "--device", "mac-1", "--json", "--token", "garbage", env=dev.env)

    assert refused.returncode == 1
    assert json.loads(refused.stdout)["reason"] == "unauthorized"
