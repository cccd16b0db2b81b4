"""What a broker sends, read as strictly as the standard is written (MQTT 5, 3)."""

from collections.abc import Callable, Iterator
from typing import NamedTuple, TypeVar, cast

from mqtt_bridge.incoming import Incoming

from .fields import (
    MAXIMUM_PACKET_SIZE,
    MAXIMUM_QOS,
    MESSAGE_EXPIRY_INTERVAL,
    RECEIVE_MAXIMUM,
    RETAIN_AVAILABLE,
    SERVER_KEEP_ALIVE,
    SUBSCRIPTION_IDENTIFIER,
    TOPIC_ALIAS,
    USER_PROPERTY,
    MalformedPacketError,
    Properties,
    Reader,
)
from .reasons import NO_LISTENERS, REFUSED

_CONNACK_PROPERTIES = frozenset((0x11, 0x12, 0x15, 0x16, 0x1A, 0x1C, 0x1F, 0x22, 0x28, 0x29, 0x2A)) | {
    SERVER_KEEP_ALIVE,
    RECEIVE_MAXIMUM,
    MAXIMUM_QOS,
    RETAIN_AVAILABLE,
    USER_PROPERTY,
    MAXIMUM_PACKET_SIZE,
}
_PUBLISH_PROPERTIES = frozenset(
    (0x01, MESSAGE_EXPIRY_INTERVAL, 0x03, 0x08, 0x09, SUBSCRIPTION_IDENTIFIER, TOPIC_ALIAS, USER_PROPERTY)
)
_ANSWER_PROPERTIES = frozenset((0x1F, USER_PROPERTY))
_DISCONNECT_PROPERTIES = frozenset((0x1C, 0x1F, USER_PROPERTY))

_T = TypeVar("_T")


class Connack(NamedTuple):
    """The broker's answer to CONNECT (3.2), with what it says about itself."""

    reason: int
    session_present: bool = False
    receive_maximum: int = 65_535
    """So many PUBLISH may wait for their PUBACK at a time."""
    maximum_packet_size: int | None = None
    """Bytes of a whole packet; None: no limit."""
    maximum_qos: int = 2
    retain_available: bool = True
    server_keep_alive: int | None = None
    """Seconds, in place of those that CONNECT named."""


class Puback(NamedTuple):
    """What became of a PUBLISH (3.4)."""

    packet_id: int
    reason: int


class Suback(NamedTuple):
    """What became of each filter of a SUBSCRIBE (3.9)."""

    packet_id: int
    reasons: tuple[int, ...]


class Unsuback(NamedTuple):
    """What became of each filter of an UNSUBSCRIBE (3.11)."""

    packet_id: int
    reasons: tuple[int, ...]


class Pingresp(NamedTuple):
    """The broker is there (3.13)."""


class Disconnect(NamedTuple):
    """The broker ends the connection (3.14)."""

    reason: int


Packet = Connack | Incoming | Puback | Suback | Unsuback | Pingresp | Disconnect


class PacketSplitter:
    """Cuts a stream of bytes into packets."""

    def __init__(self, maximum: int) -> None:
        """``maximum`` is the largest packet in bytes that CONNECT allowed the broker."""
        self._maximum = maximum
        self._buffer = bytearray()

    def feed(self, data: bytes) -> Iterator[tuple[int, bytes]]:
        """The first byte and the body of each packet that is now whole. Raises MalformedPacketError."""
        # One or several whole packets at a time are the rule; those need no copy.
        stream: bytes | bytearray = data
        if self._buffer:
            self._buffer += data
            stream = self._buffer
        start, size = 0, len(stream)
        while size - start > 1:
            # The lengths of most packets have one digit, which saves them the call.
            length, body = stream[start + 1], start + 2
            if length > 127:
                _check_head(stream[start])
                if (longer := _remaining_length(stream, start)) is None:
                    break
                length, body = longer
            end = body + length
            if end - start > self._maximum:
                raise MalformedPacketError(f"a packet is larger than {self._maximum} bytes")
            if end > size:
                break
            yield stream[start], bytes(stream[body:end])
            start = end
        if start < size:
            # At once: what is no MQTT may announce a length that never comes.
            _check_head(stream[start])
        if stream is self._buffer:
            del self._buffer[:start]
        else:
            self._buffer += data[start:]


def _remaining_length(stream: bytes | bytearray, start: int) -> tuple[int, int] | None:
    """The length (2.1.4) of the packet at ``start``, and where what it counts begins; None: not there yet."""
    length = 0
    for place, digit in enumerate(stream[start + 1 : start + 5]):
        length |= (digit & 127) << 7 * place
        if digit < 128:
            if place and not digit:
                raise MalformedPacketError("a packet's length has more digits than it needs")
            return length, start + 2 + place
        if place == 3:
            raise MalformedPacketError("a packet's length has more than four digits")
    return None


def decode(head: int, body: bytes) -> Packet:
    """One packet by its first byte and what follows its length. Raises MalformedPacketError."""
    if head == 0x40:
        # By far the most frequent.
        return _puback(body)
    fields = Reader(body)
    if head >> 4 == 3:
        return _publish(head, fields)
    _check_head(head)
    packet = _READERS[head](fields)
    fields.end()
    return packet


def _check_head(head: int) -> None:
    if head not in _READERS and head != 0x40 and head >> 4 != 3:
        raise MalformedPacketError(f"a packet begins with 0x{head:02x}, which no broker may send")


def _connack(fields: Reader) -> Connack:
    flags, reason = fields.byte(), fields.byte()
    if flags > 1 or (flags and reason):
        raise MalformedPacketError("CONNACK has wrong flags")
    if reason and reason < REFUSED:
        raise MalformedPacketError(f"CONNACK has reason 0x{reason:02x}, which it cannot have")
    properties = fields.properties(_CONNACK_PROPERTIES)
    return Connack(
        reason,
        session_present=bool(flags),
        receive_maximum=_number(properties, RECEIVE_MAXIMUM, 65_535),
        maximum_packet_size=_number(properties, MAXIMUM_PACKET_SIZE, None),
        maximum_qos=_number(properties, MAXIMUM_QOS, 2),
        retain_available=bool(_number(properties, RETAIN_AVAILABLE, 1)),
        server_keep_alive=_number(properties, SERVER_KEEP_ALIVE, None),
    )


def _publish(head: int, fields: Reader) -> Incoming:
    qos = head >> 1 & 3
    if qos > 1:
        raise MalformedPacketError(f"PUBLISH has QoS {qos}, which nobody subscribed to")
    if head & 8 and not qos:
        raise MalformedPacketError("PUBLISH at QoS 0 says that it is a duplicate")
    topic = fields.text()
    if not topic or "+" in topic or "#" in topic:
        # Without a topic it would need an alias, and CONNECT allowed none.
        raise MalformedPacketError("PUBLISH has no proper topic name")
    mid = fields.packet_identifier() if qos else 0
    properties = fields.properties(_PUBLISH_PROPERTIES)
    if TOPIC_ALIAS in properties:
        raise MalformedPacketError("PUBLISH has a topic alias, which CONNECT did not allow")
    return Incoming(
        topic=topic,
        payload=fields.rest(),
        qos=qos,
        retain=bool(head & 1),
        expires_in=_number(properties, MESSAGE_EXPIRY_INTERVAL, None),
        mid=mid,
        subscription_ids=tuple(cast("list[int]", properties.get(SUBSCRIPTION_IDENTIFIER, ()))),
    )


def _puback(body: bytes) -> Puback:
    packet_id = int.from_bytes(body[:2], "big")
    # Reason and properties may be left out (3.4.2.1, 3.4.2.2.1).
    reason = body[2] if len(body) > 2 else 0
    if len(body) < 2 or not packet_id or (reason and reason < REFUSED and reason != NO_LISTENERS):
        raise MalformedPacketError("PUBACK has no proper packet identifier or reason")
    if len(body) > 3:
        fields = Reader(body[3:])
        fields.properties(_ANSWER_PROPERTIES)
        fields.end()
    return Puback(packet_id, reason)


def _reasons(fields: Reader, name: str, successes: tuple[int, ...]) -> tuple[int, tuple[int, ...]]:
    packet_id = fields.packet_identifier()
    fields.properties(_ANSWER_PROPERTIES)
    reasons = tuple(fields.rest())
    if not reasons or any(reason < REFUSED and reason not in successes for reason in reasons):
        raise MalformedPacketError(f"{name} has a reason that it cannot have, or none")
    return packet_id, reasons


def _suback(fields: Reader) -> Suback:
    return Suback(*_reasons(fields, "SUBACK", (0, 1, 2)))


def _unsuback(fields: Reader) -> Unsuback:
    return Unsuback(*_reasons(fields, "UNSUBACK", (0, 0x11)))


def _pingresp(fields: Reader) -> Pingresp:
    return Pingresp()


def _disconnect(fields: Reader) -> Disconnect:
    reason = fields.byte() if fields.left else 0
    if reason and reason < REFUSED:
        raise MalformedPacketError(f"DISCONNECT has reason 0x{reason:02x}, which it cannot have")
    if fields.left:
        fields.properties(_DISCONNECT_PROPERTIES)
    return Disconnect(reason)


_READERS: dict[int, Callable[[Reader], Packet]] = {
    0x20: _connack,
    0x90: _suback,
    0xB0: _unsuback,
    0xD0: _pingresp,
    0xE0: _disconnect,
}


def _number(properties: Properties, name: int, default: _T) -> int | _T:
    values = properties.get(name)
    return default if values is None else cast("int", values[0])
