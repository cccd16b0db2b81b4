"""A real broker for every test here, with our configuration and our plugin."""

import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Protocol

import pytest

from mqtt_bridge import tokens
from mqtt_bridge.local_broker import LocalBroker
from mqtt_bridge.rights import Rights, device_rights, functions_rights

from .link import ACCEPTED, Link

StartBroker = Callable[..., "TestBroker"]


class Control(Protocol):
    """What a test may do to a broker, whatever it runs in."""

    host: str
    tcp_port: int
    ws_port: int

    def start(self) -> None: ...
    def stop(self) -> None: ...
    def kill(self) -> None: ...
    def reload(self) -> None: ...


class TestBroker:
    """A running broker and the key that signs its tokens."""

    __test__ = False

    def __init__(self, control: Control, key: tokens.SigningKey, jwks_file: Path, log: list[str]) -> None:
        self.control = control
        self.key = key
        self.jwks_file = jwks_file
        self.log = log
        """Every line that the broker logged so far."""

    def link(self, client_id: str, transport: str = "tcp") -> Link:
        """A connection that has not been made yet."""
        port = self.control.ws_port if transport == "websockets" else self.control.tcp_port
        return Link(self.control.host, port, transport, client_id)

    def mint(self, principal: str, device: str, rights: Rights | None = None, **changes: Any) -> str:
        """A token; of a device unless ``rights`` say otherwise."""
        rights = rights or device_rights(principal, device)
        return tokens.mint(
            changes.pop("key", self.key), principal=principal, device=device, rights=rights, **changes
        )

    def device(
        self,
        user: str,
        device: str = "mac",
        *,
        transport: str = "tcp",
        token: str | None = None,
        rights: Rights | None = None,
        **how: Any,
    ) -> Link:
        """A device that is connected."""
        link = self.link(f"{user}:{device}", transport)
        assert link.connect(user, token or self.mint(user, device, rights), **how) == ACCEPTED
        return link

    def functions(self) -> Link:
        """An instance of the HTTP functions that is connected."""
        instance = uuid.uuid4().hex
        link = self.link(f"$functions:{instance}")
        token = self.mint("$functions", instance, functions_rights(instance))
        assert link.connect("$functions", token, keepalive=1200) == ACCEPTED
        return link

    def restart(self, *, crash: bool = False) -> None:
        """End the broker, cleanly or with SIGKILL, and start it on the same ports and store."""
        if crash:
            self.control.kill()
        else:
            self.control.stop()
        self.control.start()


def _local(directory: Path, **how: Any) -> tuple[LocalBroker, TestBroker]:
    key = tokens.SigningKey.generate()
    jwks_file = directory / "jwks.json"
    log: list[str] = []
    tokens.write_jwks(jwks_file, key)
    control = LocalBroker(directory / "data", jwks_file=jwks_file, log=log.append, **how)
    return control, TestBroker(control, key, jwks_file, log)


@pytest.fixture(scope="session")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestBroker]:
    """The broker that tests share. Who wants to stop or reload one takes ``start_broker``."""
    control, broker = _local(tmp_path_factory.mktemp("broker"))
    with control:
        yield broker


@pytest.fixture
def start_broker(tmp_path: Path) -> Iterator[StartBroker]:
    """Starts a broker of the test's own, ended with it. Keywords go to LocalBroker."""
    started: list[LocalBroker] = []

    def start(**how: Any) -> TestBroker:
        directory = tmp_path / f"broker-{len(started)}"
        directory.mkdir()
        control, broker = _local(directory, **how)
        started.append(control)
        control.start()
        return broker

    yield start
    for control in started:
        control.stop()


@pytest.fixture(params=["tcp", "websockets"])
def transport(request: pytest.FixtureRequest) -> str:
    """Both ways into the broker, one after the other."""
    return str(request.param)


@pytest.fixture
def user() -> str:
    """A user that no other test knows."""
    return f"user-{uuid.uuid4().hex[:16]}"
