"""Packets of the functions' MQTT client, byte for byte as MQTT 5 writes them."""

from collections.abc import Callable

import pytest

from mqtt_bridge.mqtt5 import encode
from mqtt_bridge.mqtt5.fields import MAX_VARINT, binary, text, varint
from mqtt_bridge.topics import Subscription


@pytest.mark.parametrize(
    ("value", "encoded"),
    [
        # 1.5.5, table 1-1: the bounds of each number of digits.
        (0, "00"),
        (127, "7f"),
        (128, "80 01"),
        (16_383, "ff 7f"),
        (16_384, "80 80 01"),
        (2_097_151, "ff ff 7f"),
        (2_097_152, "80 80 80 01"),
        (268_435_455, "ff ff ff 7f"),
    ],
)
def test_variable_byte_integer(value: int, encoded: str) -> None:
    """1.5.5: seven bits a digit, the least significant first."""
    assert varint(value) == bytes.fromhex(encoded)


@pytest.mark.parametrize(
    ("packet", "encoded"),
    [
        pytest.param(
            # 3.1: protocol name and level, flags, keepalive, properties, client id, user name, password.
            lambda: encode.connect(
                client_id="c", username="u", password="pw", keepalive=1200, maximum_packet_size=65_536
            ),
            "10 1a 0004 4d515454 05 c2 04b0 05 27 00010000 0001 63 0001 75 0002 7077",
            id="CONNECT",
        ),
        pytest.param(
            lambda: encode.connect(
                client_id="c", username=None, password=None, keepalive=0, maximum_packet_size=1
            ),
            "10 13 0004 4d515454 05 02 0000 05 27 00000001 0001 63",
            id="CONNECT without credentials",
        ),
        pytest.param(
            # 3.3: the packet identifier stands between the two parts.
            lambda: b"\x12\x34".join(encode.publish("a/b", b"hi", retain=False, expiry=None)),
            "32 0a 0003 612f62 1234 00 6869",
            id="PUBLISH",
        ),
        pytest.param(
            lambda: b"\x00\x01".join(encode.publish("a", b"", retain=True, expiry=86_400)),
            "33 0b 0001 61 0001 05 02 00015180",
            id="PUBLISH retained, with an expiry",
        ),
        pytest.param(
            lambda: b"\x00\x01".join(encode.publish("ü", b"x" * 200, retain=False, expiry=None)),
            "32 cf01 0002 c3bc 0001 00" + "78" * 200,
            id="PUBLISH with a length of two digits",
        ),
        pytest.param(lambda: encode.puback(0x0203), "40 02 0203", id="PUBACK, 3.4"),
        pytest.param(
            lambda: encode.subscribe(7, [Subscription("a", 1), Subscription("b/+", 0)], None),
            "82 0d 0007 00 0001 61 01 0003 622f2b 00",
            id="SUBSCRIBE, 3.8",
        ),
        pytest.param(
            lambda: encode.subscribe(7, [Subscription("a", 1)], 200),
            "82 0a 0007 03 0b c801 0001 61 01",
            id="SUBSCRIBE with an identifier",
        ),
        pytest.param(
            lambda: encode.unsubscribe(7, ["a", "b"]), "a2 09 0007 00 0001 61 0001 62", id="UNSUBSCRIBE, 3.10"
        ),
        pytest.param(lambda: encode.PINGREQ, "c0 00", id="PINGREQ, 3.12"),
        pytest.param(lambda: encode.disconnect(0), "e0 00", id="DISCONNECT, 3.14"),
        pytest.param(lambda: encode.disconnect(0x81), "e0 01 81", id="DISCONNECT with a reason"),
    ],
)
def test_packet(packet: Callable[[], bytes], encoded: str) -> None:
    """As the standard's sections say, with nothing that may be left out."""
    assert packet() == bytes.fromhex(encoded)


@pytest.mark.parametrize(
    "refused",
    [
        pytest.param(lambda: varint(MAX_VARINT + 1), id="number beyond four digits"),
        pytest.param(lambda: varint(-1), id="negative number"),
        pytest.param(lambda: text("a\0b"), id="U+0000 in a string"),
        pytest.param(lambda: text("\ud800"), id="surrogate in a string"),
        pytest.param(lambda: text("x" * 65_536), id="string beyond its length field"),
        pytest.param(lambda: binary(b"x" * 65_536), id="data beyond its length field"),
        pytest.param(
            lambda: encode.publish("a", b"x" * (MAX_VARINT + 1), retain=False, expiry=None),
            id="packet beyond its length field",
        ),
    ],
)
def test_what_cannot_be_written_is_refused(refused: Callable[[], object]) -> None:
    """Rather than sending a packet whose length is a lie."""
    with pytest.raises(ValueError, match=r"must|surrogates"):
        refused()


def test_longest_strings_are_written() -> None:
    """1.5.4: 65,535 bytes and no more."""
    assert text("x" * 65_535) == b"\xff\xff" + b"x" * 65_535
