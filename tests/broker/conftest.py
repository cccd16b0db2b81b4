"""A real broker for every test here, with our configuration and our plugin, in both of its forms."""

import contextlib
import tempfile
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Protocol, Self

import pytest

from mqtt_bridge import tokens
from mqtt_bridge.local_broker import LocalBroker
from mqtt_bridge.rights import Rights, device_rights, functions_rights

from .container import ContainerBroker, built_image
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
    def pause(self) -> None: ...
    def resume(self) -> None: ...
    def __enter__(self) -> Self: ...
    def __exit__(self, *exc_info: object) -> None: ...


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

    def functions(self, transport: str = "tcp") -> Link:
        """An instance of the HTTP functions that is connected."""
        instance = uuid.uuid4().hex
        link = self.link(f"$functions:{instance}", transport)
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


def make_broker(image: str | None, directory: Path, **how: Any) -> TestBroker:
    """A broker that has not been started. Keywords go to LocalBroker or ContainerBroker."""
    key = tokens.SigningKey.generate()
    jwks_file = directory / "jwks.json"
    log: list[str] = []
    tokens.write_jwks(jwks_file, key)
    how |= {"jwks_file": jwks_file, "log": log.append}
    control: Control
    control = ContainerBroker(image, **how) if image else LocalBroker(directory / "data", **how)
    return TestBroker(control, key, jwks_file, log)


# The first test in a container waits until the image is built.
@pytest.fixture(
    scope="session", params=["process", pytest.param("container", marks=pytest.mark.timeout(600))]
)
def image(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> str | None:
    """What the broker is: a process on this machine (None), then a container of this image."""
    if request.param == "process":
        return None
    return built_image(tmp_path_factory.getbasetemp().parent)


@pytest.fixture(scope="session")
def broker(image: str | None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestBroker]:
    """The broker that tests share. Who wants to stop or reload one takes ``start_broker``."""
    broker = make_broker(image, tmp_path_factory.mktemp("broker"))
    with broker.control:
        yield broker


@pytest.fixture(scope="module")
def bridged_broker(image: str | None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestBroker]:
    """A broker for one module whose tests run bridge workers.

    A worker serves every user, and so also what the tests of other modules left behind for it.
    """
    broker = make_broker(image, tmp_path_factory.mktemp("bridged"))
    with broker.control:
        yield broker


@pytest.fixture
def start_broker(image: str | None, tmp_path: Path) -> Iterator[StartBroker]:
    """Starts a broker of the test's own, ended with it. Keywords go to LocalBroker or ContainerBroker."""
    with contextlib.ExitStack() as started:

        def start(**how: Any) -> TestBroker:
            broker = make_broker(image, Path(tempfile.mkdtemp(dir=tmp_path)), **how)
            started.enter_context(broker.control)
            return broker

        yield start


@pytest.fixture(autouse=True)
def _links_end_with_their_test() -> Iterator[None]:
    """A connection that a test left open would keep its thread, and warn in another test."""
    yield
    while Link.opened:
        Link.opened.pop().disconnect()


@pytest.fixture(params=["tcp", "websockets"])
def transport(request: pytest.FixtureRequest) -> str:
    """Both ways into the broker, one after the other."""
    return str(request.param)


@pytest.fixture
def user() -> str:
    """A user that no other test knows."""
    return f"user-{uuid.uuid4().hex[:16]}"
