"""Does a broker answer? Asked without credentials, and without a line in its log."""

import socket

# CONNECT with a protocol version that does not exist: refused by the broker itself, before the plugin.
_MQTT_PROBE = b"\x10\x0c\x00\x04MQTT\x7f\x02\x00\x0a\x00\x00"
_CONNACK = b"\x20"
_WEBSOCKET_PROBE = (
    b"GET /mqtt HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: a3VsbC1zeW5jIHByb2JlIQ==\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Protocol: mqtt\r\n\r\n"
)
_SWITCHING = b"HTTP/1.1 101"


def silent_port(host: str, *, tcp_port: int, ws_port: int) -> int | None:
    """The first of the two ports on which no broker answers within 2 s; None when both do."""
    probes = ((tcp_port, _MQTT_PROBE, _CONNACK), (ws_port, _WEBSOCKET_PROBE, _SWITCHING))
    for port, question, answer in probes:
        if not _answers(host, port, question, answer):
            return port
    return None


def _answers(host: str, port: int, question: bytes, answer: bytes) -> bool:
    try:
        with socket.create_connection((host, port), timeout=2) as connection:
            connection.sendall(question)
            return connection.recv(64).startswith(answer)
    except OSError:
        return False
