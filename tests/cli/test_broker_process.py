"""The broker of a dev as a container."""

import json
import os
import signal
import subprocess
from pathlib import Path

import pytest

from mqtt_bridge.cli.broker_process import BrokerProcess, ContainerError, container_broker
from tests.broker.container import built_image

from .conftest import StartDev
from .devs import FREE_PORTS, PATIENCE, run, wait_for


def containers() -> list[str]:
    names = subprocess.run(
        ["docker", "ps", "--all", "--format", "{{.Names}}"],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=True,
    )
    return names.stdout.split()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_a_dev_with_our_image(
    start_dev: StartDev, tmp_path_factory: pytest.TempPathFactory, number: signal.Signals
) -> None:
    """The image serves as the local broker does; however the dev ends, no container stays."""
    built_image(tmp_path_factory.getbasetemp().parent)
    dev = start_dev(*FREE_PORTS, "--broker", "container").wait_until_ready()
    command = Path(f"/proc/{dev.children()['broker']}/cmdline").read_text().split("\0")
    container = command[command.index("--name") + 1]
    before = containers()
    published = run("publish", "prompt-change", "--everyone", "--action", "updated", env=dev.env)
    dev.end(number)

    assert json.loads(published.stdout)["id"]
    assert container in before
    wait_for(lambda: container not in containers())


@pytest.fixture
def docker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where a program can be put that is called in Docker's place; none is there yet."""
    monkeypatch.setenv("PATH", str(tmp_path))
    return tmp_path / "docker"


def program(path: Path, script: str) -> None:
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


@pytest.mark.parametrize(
    ("script", "timeout", "said"),
    [
        pytest.param(None, 60, "--broker container needs Docker", id="no Docker"),
        pytest.param("exit 1", 60, "did not build the broker's image; see above", id="build fails"),
        pytest.param(f"exec {os.path.realpath('/bin/sleep')} 600", 0.2, "within 0.2 s", id="build hangs"),
    ],
)
def test_when_there_is_no_image(
    docker: Path, monkeypatch: pytest.MonkeyPatch, script: str | None, timeout: float, said: str
) -> None:
    """The reason is said before anything is started."""
    monkeypatch.setattr("mqtt_bridge.cli.broker_process.BUILD_TIMEOUT", timeout)
    if script:
        program(docker, script)

    with pytest.raises(ContainerError, match=said):
        container_broker(docker.parent / "jwks.json", mqtt_port=1, ws_port=2)


def test_the_container_is_reached_over_loopback_alone(docker: Path) -> None:
    """Its ports are published on this machine only, and its own user may read the public keys."""
    program(docker, "exit 0")
    jwks_file = docker.parent / "jwks.json"
    jwks_file.touch(mode=0o600)
    broker = container_broker(jwks_file, mqtt_port=1, ws_port=2)
    options = list(zip(broker.command, broker.command[1:], strict=False))

    assert [value for option, value in options if option == "--publish"] == [
        "127.0.0.1:1:1883",
        "127.0.0.1:2:8083",
    ]
    assert jwks_file.stat().st_mode & 0o777 == 0o644
    assert ("--name", broker.container) in options


def test_a_container_is_removed_by_force(docker: Path) -> None:
    """Also when the program that started it had to be killed."""
    program(docker, f'echo "$@" > {docker.parent}/called')
    BrokerProcess(["docker", "run"], container="kull-sync-dev-1").clean_up()

    assert (docker.parent / "called").read_text() == "rm --force kull-sync-dev-1\n"


def test_without_a_container_there_is_nothing_to_clean_up(docker: Path) -> None:
    """A machine without Docker is not asked for it."""
    BrokerProcess(["mosquitto"]).clean_up()

    assert not docker.exists()
