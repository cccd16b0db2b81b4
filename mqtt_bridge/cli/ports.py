"""Which ports a ``dev`` listens on. All of them on loopback alone."""

import socket
from collections.abc import Mapping

from mqtt_bridge.errors import BridgeError

LOOPBACK = "127.0.0.1"
DEFAULT_PORTS = {"http": 8080, "mqtt": 1883, "ws": 8083}
"""By what each is for: the functions, MQTT over TCP, MQTT over WebSocket."""


class PortTakenError(BridgeError):
    """Something listens on a port that was asked for."""

    def __init__(self, use: str, port: int) -> None:
        self.use = use
        self.port = port
        super().__init__(
            f"Port {port} is taken (--{use}-port). Name another, or leave the option out to get a free one."
        )


class PortNamedTwiceError(BridgeError):
    """Two options ask for the same port."""

    def __init__(self, port: int, first: str, second: str) -> None:
        super().__init__(f"Port {port} was named twice: --{first}-port and --{second}-port.")


def is_free(port: int) -> bool:
    """Whether a server could listen there now."""
    try:
        _bind(port).close()
    except OSError:
        return False
    return True


def choose_ports(wanted: Mapping[str, int | None]) -> dict[str, int]:
    """A port for each use: the one that is wanted (0: any), else the default, else any that is free.

    Raises PortNamedTwiceError, and PortTakenError for a wanted one that is not free. Nothing holds a port
    until the server has it: who is quicker gets it, and the server then ends with an error that names it.
    """
    named: dict[int, str] = {}
    for use, port in wanted.items():
        if port and named.setdefault(port, use) != use:
            raise PortNamedTwiceError(port, named[port], use)
    chosen: dict[str, int] = {}
    held = []
    try:
        for use, port in sorted(wanted.items(), key=lambda item: not item[1]):
            try:
                held.append(_bind(DEFAULT_PORTS[use] if port is None else port))
            except OSError as exc:
                if port is not None:
                    raise PortTakenError(use, port) from exc
                held.append(_bind(0))
            chosen[use] = held[-1].getsockname()[1]
    finally:
        for server in held:
            server.close()
    return chosen


def _bind(port: int) -> socket.socket:
    server = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        # As servers do: a port whose last connections are still in TIME_WAIT is free.
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        server.bind((LOOPBACK, port))
        server.listen(1)
    except OSError:
        server.close()
        raise
    return server
