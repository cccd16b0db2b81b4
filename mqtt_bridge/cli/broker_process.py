"""The broker as one process to start: Mosquitto on this machine, or our image through Docker."""

import secrets
import signal
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from mqtt_bridge.errors import BridgeError
from mqtt_bridge.local_broker import LocalBroker, sources_dir

from .ports import LOOPBACK

IMAGE = "kull-sync-broker"
BUILD_TIMEOUT = 900
"""Seconds; the first build downloads Debian's packages."""


class ContainerError(BridgeError):
    """The broker's image could not be built. The text says what to do."""


@dataclass(frozen=True, slots=True)
class BrokerProcess:
    """What to start, and how it ends."""

    command: Sequence[str]
    on_our_death: int = signal.SIGKILL
    """The signal for it when this process is killed."""
    container: str | None = None
    """The name of the container that it runs, where it runs one."""

    def clean_up(self) -> None:
        """Remove the container where the engine still has it, because its client had to be killed."""
        if self.container:
            remove = ["docker", "rm", "--force", self.container]
            subprocess.run(remove, capture_output=True, timeout=20, check=False)


def local_broker(directory: Path, jwks_file: Path, *, mqtt_port: int, ws_port: int) -> BrokerProcess:
    """Mosquitto with the plugin built here. Raises LocalBrokerError naming the packages that are missing."""
    broker = LocalBroker(directory, jwks_file=jwks_file, tcp_port=mqtt_port, ws_port=ws_port)
    return BrokerProcess(broker.command())


def container_broker(jwks_file: Path, *, mqtt_port: int, ws_port: int) -> BrokerProcess:
    """Our image, built now. Raises ContainerError."""
    try:
        build = ["docker", "build", "--tag", IMAGE, str(sources_dir())]
        subprocess.run(build, stdin=subprocess.DEVNULL, timeout=BUILD_TIMEOUT, check=True)
    except FileNotFoundError as exc:
        raise ContainerError(
            "--broker container needs Docker. On Debian: sudo apt-get install docker.io"
        ) from exc
    except subprocess.CalledProcessError as exc:
        raise ContainerError("Docker did not build the broker's image; see above.") from exc
    except subprocess.TimeoutExpired as exc:
        raise ContainerError(f"Docker did not build the broker's image within {BUILD_TIMEOUT} s.") from exc
    # The broker in the container is another user.
    jwks_file.chmod(0o644)
    name = f"kull-sync-dev-{secrets.token_hex(4)}"
    command = ["docker", "run", "--rm", "--name", name]
    command += ["--publish", f"{LOOPBACK}:{mqtt_port}:1883", "--publish", f"{LOOPBACK}:{ws_port}:8083"]
    command += ["--volume", f"{jwks_file}:/etc/kull-sync/jwks.json:ro", IMAGE]
    # The engine runs the container, not this process. SIGTERM makes the client pass it on; SIGKILL would only
    # cut the client off.
    return BrokerProcess(command, signal.SIGTERM, name)
