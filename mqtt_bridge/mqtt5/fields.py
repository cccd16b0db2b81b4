"""How MQTT 5 writes numbers, texts and properties (1.5 and 2.2.2)."""

from collections.abc import Collection
from typing import Final

from mqtt_bridge.errors import BridgeError

MAX_VARINT = 268_435_455

# Property identifiers (2.2.2.2), those that are read or written here.
MESSAGE_EXPIRY_INTERVAL: Final = 0x02
SUBSCRIPTION_IDENTIFIER: Final = 0x0B
SERVER_KEEP_ALIVE: Final = 0x13
RECEIVE_MAXIMUM: Final = 0x21
TOPIC_ALIAS: Final = 0x23
MAXIMUM_QOS: Final = 0x24
RETAIN_AVAILABLE: Final = 0x25
USER_PROPERTY: Final = 0x26
MAXIMUM_PACKET_SIZE: Final = 0x27

_KINDS: dict[int, str] = {
    **dict.fromkeys((0x17, 0x19, RETAIN_AVAILABLE, 0x28, 0x29, 0x2A, 0x01, MAXIMUM_QOS), "flag"),
    **dict.fromkeys((SERVER_KEEP_ALIVE, 0x22), "uint16"),
    **dict.fromkeys((RECEIVE_MAXIMUM, TOPIC_ALIAS), "uint16 but 0"),
    **dict.fromkeys((MESSAGE_EXPIRY_INTERVAL, 0x11, 0x18), "uint32"),
    MAXIMUM_PACKET_SIZE: "uint32 but 0",
    SUBSCRIPTION_IDENTIFIER: "varint but 0",
    **dict.fromkeys((0x03, 0x08, 0x12, 0x15, 0x1A, 0x1C, 0x1F), "text"),
    **dict.fromkeys((0x09, 0x16), "binary"),
    USER_PROPERTY: "pair",
}
_REPEATABLE = (SUBSCRIPTION_IDENTIFIER, USER_PROPERTY)

Properties = dict[int, list[int | str | bytes]]
"""By identifier; the values in their order. User properties are checked and left out."""


class MalformedPacketError(BridgeError):
    """What came from the broker is not MQTT 5, or not what a broker may send now."""


def uint16(value: int) -> bytes:
    """Two byte integer (1.5.2)."""
    return value.to_bytes(2, "big")


def varint(value: int) -> bytes:
    """Variable byte integer (1.5.5)."""
    if not 0 <= value <= MAX_VARINT:
        raise ValueError(f"must be 0 to {MAX_VARINT}")
    encoded = bytearray()
    while value > 127:
        encoded.append(value & 127 | 128)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)


def binary(value: bytes) -> bytes:
    """Binary data (1.5.6). Raises ValueError when it is too long for its length field."""
    if len(value) > 65_535:
        raise ValueError("must not be longer than 65,535 bytes")
    return len(value).to_bytes(2, "big") + value


def text(value: str) -> bytes:
    """UTF-8 string (1.5.4). Raises ValueError for what it cannot carry."""
    if "\0" in value:
        raise ValueError("must not contain U+0000")
    return binary(value.encode())


class Reader:
    """Reads one packet's fields in their order. Every method raises MalformedPacketError."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    @property
    def left(self) -> int:
        """Bytes that were not read yet."""
        return len(self._data) - self._at

    def take(self, count: int) -> bytes:
        """The next so many bytes."""
        end = self._at + count
        if end > len(self._data):
            raise MalformedPacketError("a packet ends in the middle of a field")
        taken = self._data[self._at : end]
        self._at = end
        return taken

    def rest(self) -> bytes:
        """All that is left."""
        return self.take(self.left)

    def end(self) -> None:
        """Nothing may be left."""
        if self.left:
            raise MalformedPacketError("a packet has bytes after its last field")

    def byte(self) -> int:
        """One byte."""
        return self.take(1)[0]

    def uint16(self) -> int:
        """Two byte integer (1.5.2)."""
        return int.from_bytes(self.take(2), "big")

    def uint32(self) -> int:
        """Four byte integer (1.5.3)."""
        return int.from_bytes(self.take(4), "big")

    def varint(self) -> int:
        """Variable byte integer (1.5.5): four bytes at most, and no more than it needs."""
        value = 0
        for place in range(4):
            digit = self.byte()
            value |= (digit & 127) << 7 * place
            if digit < 128:
                if place and not digit:
                    break
                return value
        raise MalformedPacketError("a variable byte integer is malformed")

    def text(self) -> str:
        """UTF-8 string (1.5.4)."""
        try:
            value = self.take(self.uint16()).decode()
        except UnicodeDecodeError as exc:
            raise MalformedPacketError("a string is not UTF-8") from exc
        if "\0" in value:
            raise MalformedPacketError("a string contains U+0000")
        return value

    def packet_identifier(self) -> int:
        """A packet identifier is never 0 (2.2.1)."""
        value = self.uint16()
        if not value:
            raise MalformedPacketError("a packet identifier is 0")
        return value

    def properties(self, allowed: Collection[int]) -> Properties:
        """The properties of a packet in which only ``allowed`` ones may stand."""
        fields = Reader(self.take(self.varint()))
        found: Properties = {}
        while fields.left:
            name = fields.varint()
            if name not in allowed:
                raise MalformedPacketError(f"a packet has property 0x{name:02x}, which does not belong there")
            if name in found and name not in _REPEATABLE:
                raise MalformedPacketError(f"a packet has property 0x{name:02x} twice")
            value = fields._value(name)
            if name != USER_PROPERTY:
                found.setdefault(name, []).append(value)
        return found

    def _value(self, name: int) -> int | str | bytes:
        kind = _KINDS[name]
        value: int | str | bytes
        match kind.removesuffix(" but 0"):
            case "flag":
                value = self.byte()
                if value > 1:
                    raise MalformedPacketError(f"property 0x{name:02x} is neither 0 nor 1")
            case "uint16":
                value = self.uint16()
            case "uint32":
                value = self.uint32()
            case "varint":
                value = self.varint()
            case "text":
                value = self.text()
            case "binary":
                value = self.take(self.uint16())
            case _:
                value = self.text() + self.text()
        if value == 0 and kind.endswith(" but 0"):
            raise MalformedPacketError(f"property 0x{name:02x} is 0")
        return value
