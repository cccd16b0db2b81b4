"""What a client sends, as bytes (MQTT 5, 3)."""

from collections.abc import Iterable
from functools import lru_cache

from mqtt_bridge.topics import Subscription

from .fields import (
    MAXIMUM_PACKET_SIZE,
    MESSAGE_EXPIRY_INTERVAL,
    SUBSCRIPTION_IDENTIFIER,
    binary,
    text,
    uint16,
    varint,
)

PINGREQ = b"\xc0\x00"
CLEAN_START, USER_NAME, PASSWORD = 0x02, 0x80, 0x40


def connect(
    *, client_id: str, username: str | None, password: str | None, keepalive: int, maximum_packet_size: int
) -> bytes:
    """CONNECT (3.1) with a clean start, no session and no will. ``keepalive`` is in seconds."""
    flags = CLEAN_START
    credentials = b""
    if username is not None:
        flags |= USER_NAME
        credentials += text(username)
    if password is not None:
        flags |= PASSWORD
        credentials += binary(password.encode())
    properties = bytes([MAXIMUM_PACKET_SIZE]) + maximum_packet_size.to_bytes(4, "big")
    return _packet(
        0x10,
        text("MQTT"),
        bytes([5, flags]),
        uint16(keepalive),
        varint(len(properties)),
        properties,
        text(client_id),
        credentials,
    )


def publish(topic: str, payload: bytes, *, retain: bool, expiry: int | None) -> tuple[bytes, bytes]:
    """PUBLISH at QoS 1 (3.3): what stands before the packet identifier, and what stands behind it.

    In two parts, because the identifier is known only when the message is sent. ``expiry`` is in seconds.
    """
    where = text(topic)
    properties = _publish_properties(expiry)
    length = len(where) + 2 + len(properties) + len(payload)
    return b"%c%b%b" % (0x33 if retain else 0x32, varint(length), where), properties + payload


def puback(packet_id: int) -> bytes:
    """PUBACK (3.4) that says success."""
    return b"\x40\x02" + uint16(packet_id)


def subscribe(packet_id: int, subscriptions: Iterable[Subscription], identifier: int | None) -> bytes:
    """SUBSCRIBE (3.8)."""
    properties = b"" if identifier is None else bytes([SUBSCRIPTION_IDENTIFIER]) + varint(identifier)
    filters = [text(each.filter) + bytes([each.qos]) for each in subscriptions]
    return _packet(0x82, uint16(packet_id), varint(len(properties)), properties, *filters)


def unsubscribe(packet_id: int, filters: Iterable[str]) -> bytes:
    """UNSUBSCRIBE (3.10)."""
    return _packet(0xA2, uint16(packet_id), b"\0", *(text(each) for each in filters))


def disconnect(reason: int) -> bytes:
    """DISCONNECT (3.14)."""
    return bytes([0xE0, 1, reason]) if reason else b"\xe0\x00"


def _packet(head: int, *fields: bytes) -> bytes:
    body = b"".join(fields)
    return bytes([head]) + varint(len(body)) + body


@lru_cache(maxsize=64)
def _publish_properties(expiry: int | None) -> bytes:
    properties = b"" if expiry is None else bytes([MESSAGE_EXPIRY_INTERVAL]) + expiry.to_bytes(4, "big")
    return varint(len(properties)) + properties
