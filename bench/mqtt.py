"""The few MQTT 5 packets that a load needs, as bytes."""

from collections.abc import Sequence

PINGREQ = b"\xc0\x00"
DISCONNECT = b"\xe0\x00"


def _text(value: str | bytes) -> bytes:
    data = value.encode() if isinstance(value, str) else value
    return len(data).to_bytes(2, "big") + data


def _packet(first: int, body: bytes) -> bytes:
    length = bytearray()
    rest = len(body)
    while True:
        rest, digit = divmod(rest, 128)
        length.append(digit | (0x80 if rest else 0))
        if not rest:
            return bytes([first]) + bytes(length) + body


def connect(
    client_id: str,
    username: str | None = None,
    password: str | None = None,
    *,
    keepalive: int = 30,
    session_expiry: int = 0,
) -> bytes:
    """CONNECT with a clean start. ``keepalive`` and ``session_expiry`` are in seconds."""
    flags = 0x02 | (0xC0 if username else 0)
    properties = b"\x11" + session_expiry.to_bytes(4, "big") if session_expiry else b""
    body = _text("MQTT") + bytes([5, flags]) + keepalive.to_bytes(2, "big")
    body += bytes([len(properties)]) + properties + _text(client_id)
    if username and password:
        body += _text(username) + _text(password)
    return _packet(0x10, body)


def subscribe(filters: Sequence[tuple[str, int]]) -> bytes:
    """SUBSCRIBE to filters, each with its QoS."""
    body = b"\x00\x01\x00" + b"".join(_text(name) + bytes([qos]) for name, qos in filters)
    return _packet(0x82, body)


SUBACK = b"\x00\x01\x00"
"""What each SUBACK to ``subscribe`` has behind its length: the packet id, and no properties."""


def publish(topic: str, payload: bytes, *, retain: bool, expiry: int | None = None) -> bytes:
    """PUBLISH at QoS 1 with packet id 1: for a sender that waits for each PUBACK. ``expiry`` in seconds."""
    properties = b"" if expiry is None else b"\x02" + expiry.to_bytes(4, "big")
    body = _text(topic) + b"\x00\x01" + bytes([len(properties)]) + properties + payload
    return _packet(0x32 | retain, body)
