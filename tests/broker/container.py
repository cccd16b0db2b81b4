"""Our image as the broker: what LocalBroker does to a process, done to a container through Docker."""

import contextlib
import fcntl
import gc
import os
import threading
import time
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NoReturn, Self

import docker
import pytest
from testcontainers.core.config import testcontainers_config
from testcontainers.core.container import DockerContainer
from testcontainers.core.image import DockerImage

from mqtt_bridge.broker_probe import silent_port
from mqtt_bridge.local_broker import HOST, LocalBrokerError, free_port, replace_line, sources_dir
from mqtt_bridge.tokens import AUDIENCE, ISSUER

IMAGE = "kull-sync-broker:test"
START_TIMEOUT = 30.0
STOP_TIMEOUT = 10

# The reaper is one more image from a registry; the fixtures here remove what they start.
testcontainers_config.ryuk_disabled = True


def _engine_fault() -> str | None:
    with warnings.catch_warnings(action="ignore", category=ResourceWarning):
        try:
            with contextlib.closing(docker.from_env(timeout=10)) as engine:
                engine.ping()
        except docker.errors.DockerException as exc:
            fault = f"no Docker engine answers: {exc}"
        else:
            return None
        # Docker's client leaves the socket of a refused connection to the collector, which would warn.
        gc.collect()
        return fault


def without_containers(fault: str) -> NoReturn:
    """Skip the test that needs containers; where they are required, as in CI, fail it."""
    if os.environ.get("KULL_SYNC_REQUIRE_CONTAINER") == "1":
        pytest.fail(f"KULL_SYNC_REQUIRE_CONTAINER is set, but {fault}")
    pytest.skip(fault)


def require_engine() -> None:
    """Without an engine the test is skipped, or fails in CI."""
    if fault := _engine_fault():
        without_containers(fault)


def built_image(shared: Path) -> str:
    """The name of our image, built from these sources. Without an engine the test is skipped, or fails in CI.

    ``shared`` is a directory that all workers of pytest-xdist know: the first one builds, and the others find
    every layer made.
    """
    require_engine()
    with (shared / "broker-image.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with DockerImage(sources_dir(), tag=IMAGE, clean_up=False, rm=True):
            return IMAGE


class ContainerBroker:
    """One container of our image, its ports on the loopback interface. Started again it has its volume.

    Takes what ``LocalBroker`` takes, and raises what it raises.
    """

    def __init__(
        self,
        image: str,
        *,
        jwks_file: Path,
        log: Callable[[str], None],
        issuer: str = ISSUER,
        audience: str = AUDIENCE,
        options: Mapping[str, str] | None = None,
    ) -> None:
        self.host = HOST
        self.tcp_port = 0
        self.ws_port = 0
        self._log = log
        self._reader: threading.Thread | None = None
        configuration = (sources_dir() / "mosquitto.conf").read_text()
        for name, value in (options or {}).items():
            configuration = replace_line(configuration, f"plugin_opt_{name}", f"plugin_opt_{name} {value}")
        # The broker in there is another user, and pytest's directories are private.
        jwks_file.parent.chmod(0o755)
        jwks_file.chmod(0o644)
        self._container = (
            DockerContainer(image)
            .with_envs(KULL_SYNC_TOKEN_ISSUER=issuer, KULL_SYNC_TOKEN_AUDIENCE=audience)
            .with_copy_into_container(configuration.encode(), "/etc/mosquitto/mosquitto.conf")
            .with_volume_mapping(jwks_file.parent, "/etc/kull-sync")
        )

    @property
    def running(self) -> bool:
        if self._container.status == "not_started":
            return False
        self._container.reload()
        return self._container.status == "running"

    def start(self) -> None:
        """Start the broker and return once both listeners answer; LocalBrokerError when they do not."""
        if self.running:
            raise LocalBrokerError("The broker runs already")
        # Docker keeps the lines of earlier starts too.
        started = time.time()
        if self._container.status == "not_started":
            self._create()
        else:
            self._container.get_wrapped_container().start()
        self._reader = threading.Thread(target=self._read_log, args=(started,), daemon=True)
        self._reader.start()
        deadline = time.monotonic() + START_TIMEOUT
        while port := silent_port(HOST, tcp_port=self.tcp_port, ws_port=self.ws_port):
            if not self.running:
                last_lines = self._container.get_wrapped_container().logs(tail=20).decode()
                raise LocalBrokerError(f"The broker did not start:\n{last_lines}")
            if time.monotonic() > deadline:
                raise LocalBrokerError(
                    f"The broker does not answer on port {port} after {START_TIMEOUT:.0f} s"
                )
            time.sleep(0.02)

    def _create(self) -> None:
        # Ports that Docker chose would be others after a restart. One that was free a moment ago can be
        # somebody else's by now.
        for attempt in range(5):
            self.tcp_port, self.ws_port = free_port(), free_port()
            for inside, outside in ((1883, self.tcp_port), (8083, self.ws_port)):
                # Typed for a port alone; Docker's client takes an address too.
                self._container.ports[f"{inside}/tcp"] = (HOST, outside)  # type: ignore[assignment]
            try:
                self._container.start()
            except docker.errors.APIError as exc:
                if attempt == 4 or "external connectivity" not in str(exc):
                    raise
                self._container.get_wrapped_container().remove(force=True, v=True)
            else:
                return

    def stop(self) -> None:
        """End the broker and let it save: SIGTERM, and SIGKILL after ``STOP_TIMEOUT``. Safe to call twice."""
        if self.running:
            # A stopped process would sleep through SIGTERM.
            self.resume()
            self._container.get_wrapped_container().stop(timeout=STOP_TIMEOUT)
        self._join()

    def kill(self) -> None:
        """End the broker at once (SIGKILL), as a crash does. Safe to call twice."""
        if self.running:
            self._signal("SIGKILL")
            self._container.get_wrapped_container().wait(timeout=STOP_TIMEOUT)
        self._join()

    def reload(self) -> None:
        """Make the broker read its keys again (SIGHUP)."""
        self._signal("SIGHUP")

    def pause(self) -> None:
        """Freeze the broker (SIGSTOP): connections stay up and nothing answers."""
        self._signal("SIGSTOP")

    def resume(self) -> None:
        """Let a frozen broker go on (SIGCONT)."""
        self._signal("SIGCONT")

    def _signal(self, name: str) -> None:
        self._container.get_wrapped_container().kill(name)

    def _read_log(self, since: float) -> None:
        logs = self._container.get_wrapped_container().logs(stream=True, follow=True, since=since)
        rest = b""
        with contextlib.closing(logs) as stream:
            for chunk in stream:
                *lines, rest = (rest + chunk).split(b"\n")
                for line in lines:
                    self._log(line.decode(errors="replace"))

    def _join(self) -> None:
        if self._reader:
            self._reader.join(timeout=5)
            self._reader = None

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.kill()
        # Removes the container and its volume.
        self._container.stop()
