"""Which ports a dev takes."""

import socket
from collections.abc import Iterator

import pytest

from mqtt_bridge.cli import ports
from mqtt_bridge.cli.ports import PortNamedTwiceError, PortTakenError, choose_ports, is_free


@pytest.fixture
def taken() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@pytest.fixture
def free() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
    return port


def test_is_free(taken: int, free: int) -> None:
    """A port is taken while something listens on it."""
    assert (is_free(taken), is_free(free)) == (False, True)


def test_taken_on_all_addresses_is_taken() -> None:
    """Who listens on every address listens on loopback too."""
    with socket.create_server(("0.0.0.0", 0)) as server:
        assert not is_free(server.getsockname()[1])


def test_a_wanted_port_is_taken_as_wanted(free: int) -> None:
    """An option is obeyed."""
    assert choose_ports({"http": free, "mqtt": None, "ws": None})["http"] == free


def test_a_default_that_is_taken_gives_way(taken: int, free: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without an option the default is used where it is free, else another."""
    monkeypatch.setattr(ports, "DEFAULT_PORTS", {"http": taken, "mqtt": free, "ws": taken})
    chosen = choose_ports({"http": None, "mqtt": None, "ws": None})

    assert chosen["mqtt"] == free
    assert taken not in chosen.values()
    assert len(set(chosen.values())) == 3


def test_a_wanted_port_is_not_given_to_another_default(free: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """The default of one is the wish of another: the wish comes first."""
    monkeypatch.setattr(ports, "DEFAULT_PORTS", {"http": free, "mqtt": 0, "ws": 0})
    chosen = choose_ports({"http": None, "mqtt": free, "ws": 0})

    assert chosen["mqtt"] == free != chosen["http"]


def test_a_wanted_port_that_is_taken(taken: int) -> None:
    """Nothing else is taken in its place, and the option is named."""
    with pytest.raises(PortTakenError, match=rf"Port {taken} is taken \(--ws-port\)"):
        choose_ports({"http": None, "mqtt": None, "ws": taken})


def test_the_same_port_for_two(free: int) -> None:
    """Two cannot listen on one port."""
    with pytest.raises(PortNamedTwiceError, match=rf"Port {free} was named twice: --http-port and --ws-port"):
        choose_ports({"http": free, "mqtt": 0, "ws": free, "metrics": 0})
