"""What the functions' MQTT client reads: all that a broker may send, and nothing else."""

import itertools
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mqtt_bridge.incoming import Incoming
from mqtt_bridge.mqtt5 import encode
from mqtt_bridge.mqtt5.decode import (
    Connack,
    Disconnect,
    Packet,
    PacketSplitter,
    Pingresp,
    Puback,
    Suback,
    Unsuback,
    decode,
)
from mqtt_bridge.mqtt5.fields import MalformedPacketError, varint

LIMIT = 1 << 20


def read(data: bytes, *pieces: int) -> list[Packet]:
    """The packets in a stream that arrives cut at these places."""
    splitter = PacketSplitter(LIMIT)
    bounds = [0, *sorted(pieces), len(data)]
    return [
        decode(head, body)
        for start, end in itertools.pairwise(bounds)
        for head, body in splitter.feed(data[start:end])
    ]


def message(**changes: Any) -> Incoming:
    values: dict[str, Any] = {
        "topic": "a",
        "payload": b"",
        "qos": 0,
        "retain": False,
        "expires_in": None,
        "mid": 0,
    }
    return Incoming(**{**values, **changes})


ACCEPTED = [
    pytest.param("20 03 00 00 00", Connack(0), id="CONNACK, 3.2"),
    pytest.param("20 03 01 00 00", Connack(0, session_present=True), id="CONNACK, session present"),
    pytest.param("20 03 00 87 00", Connack(0x87), id="CONNACK, refused"),
    pytest.param(
        "20 12 00 00 0f 21 0014 27 00020000 24 01 25 00 13 003c",
        Connack(
            0,
            receive_maximum=20,
            maximum_packet_size=131_072,
            maximum_qos=1,
            retain_available=False,
            server_keep_alive=60,
        ),
        id="CONNACK with what the broker says of itself",
    ),
    pytest.param(
        "20 38 00 00 35 11 00000000 12 0001 63 15 0001 6d 16 0002 0001 1a 0001 72 1c 0001 73 1f 0001 74"
        " 22 000a 26 0001 6b 0001 76 26 0001 6b 0001 76 28 01 29 01 2a 01",
        Connack(0),
        id="CONNACK with every other property",
    ),
    pytest.param("30 04 0001 61 00", message(), id="PUBLISH at QoS 0, 3.3"),
    pytest.param("31 04 0001 61 00", message(retain=True), id="PUBLISH, retained"),
    pytest.param("32 07 0001 61 0007 00 78", message(qos=1, mid=7, payload=b"x"), id="PUBLISH at QoS 1"),
    pytest.param("3a 06 0001 61 0007 00", message(qos=1, mid=7), id="PUBLISH, duplicate"),
    pytest.param(
        "30 0e 0001 61 0a 02 0000003c 0b 01 0b c801",
        message(expires_in=60, subscription_ids=(1, 200)),
        id="PUBLISH with expiry and two subscription identifiers",
    ),
    pytest.param(
        "30 17 0001 61 13 01 01 03 0001 74 08 0001 72 09 0001 00 26 0000 0000",
        message(),
        id="PUBLISH with every other property",
    ),
    pytest.param("40 02 0001", Puback(1, 0), id="PUBACK, 3.4"),
    pytest.param("40 03 0001 10", Puback(1, 0x10), id="PUBACK, nobody subscribes"),
    pytest.param("40 04 ffff 97 00", Puback(65_535, 0x97), id="PUBACK, refused"),
    pytest.param("40 08 0001 87 04 1f 0001 6e", Puback(1, 0x87), id="PUBACK with a reason string"),
    pytest.param("90 05 0001 00 00 01", Suback(1, (0, 1)), id="SUBACK, 3.9"),
    pytest.param("90 04 0001 00 87", Suback(1, (0x87,)), id="SUBACK, refused"),
    pytest.param("b0 05 0001 00 00 11", Unsuback(1, (0, 0x11)), id="UNSUBACK, 3.11"),
    pytest.param("d0 00", Pingresp(), id="PINGRESP, 3.13"),
    pytest.param("e0 00", Disconnect(0), id="DISCONNECT, 3.14"),
    pytest.param("e0 01 8e", Disconnect(0x8E), id="DISCONNECT, taken over"),
    pytest.param("e0 06 9c 04 1c 0001 73", Disconnect(0x9C), id="DISCONNECT, use another server"),
]


@pytest.mark.parametrize(("data", "packet"), ACCEPTED)
def test_packet(data: str, packet: Packet) -> None:
    """As the standard's sections say, whole and in pieces of one byte each."""
    stream = bytes.fromhex(data)

    assert read(stream) == [packet]
    assert read(stream, *range(1, len(stream))) == [packet]
    assert read(stream * 3, 1, len(stream) + 1) == [packet] * 3


@pytest.mark.parametrize(
    ("data", "error"),
    [
        pytest.param("00 00", "begins with 0x00", id="no packet type, 2.1.2"),
        pytest.param("10 00", "begins with 0x10", id="CONNECT from a broker"),
        pytest.param("50 02 0001", "begins with 0x50", id="PUBREC for what was no QoS 2"),
        pytest.param("82 02 0001", "begins with 0x82", id="SUBSCRIBE from a broker"),
        pytest.param("f0 00", "begins with 0xf0", id="AUTH that was not asked for, 3.15"),
        pytest.param("41 02 0001", "begins with 0x41", id="reserved flags, 2.1.3"),
        pytest.param("d0 80 80 80 80 00", "more than four digits", id="length of five digits, 1.5.5"),
        pytest.param("d0 80 00", "more digits", id="length that is longer than it must be"),
        pytest.param("d0 ff ff ff 7f", "larger than", id="packet larger than CONNECT allowed"),
        pytest.param("d0 01 00", "after its last field", id="PINGRESP with a body"),
        pytest.param("20 00", "middle of a field", id="CONNACK without a body"),
        pytest.param("20 02 00 00", "middle of a field", id="CONNACK of MQTT 3.1.1"),
        pytest.param("20 03 02 00 00", "wrong flags", id="CONNACK with reserved flags, 3.2.2.1"),
        pytest.param("20 03 01 87 00", "wrong flags", id="CONNACK, refused with a session, 3.2.2.1.1"),
        pytest.param("20 03 00 01 00", "reason 0x01", id="CONNACK with a reason of MQTT 3.1.1"),
        pytest.param("20 04 00 00 00 00", "after its last field", id="CONNACK that is too long"),
        pytest.param("20 06 00 00 03 21 0000", "0x21 is 0", id="Receive Maximum of 0, 3.2.2.3.3"),
        pytest.param("20 08 00 00 05 27 00000000", "0x27 is 0", id="Maximum Packet Size of 0, 3.2.2.3.6"),
        pytest.param("20 05 00 00 02 24 02", "0x24", id="Maximum QoS of 2, 3.2.2.3.4"),
        pytest.param("20 05 00 00 02 25 07", "0x25", id="Retain Available of 7, 3.2.2.3.5"),
        pytest.param("20 09 00 00 06 21 0001 21 0001", "0x21 twice", id="property twice"),
        pytest.param("20 05 00 00 02 01 00", "0x01", id="property of another packet, 2.2.2.2"),
        pytest.param("20 05 00 00 02 7f 00", "0x7f", id="property that is none"),
        pytest.param("20 05 00 00 03 21 00", "middle of a field", id="properties longer than the packet"),
        pytest.param("20 05 00 00 02 21 00", "middle of a field", id="property longer than the properties"),
        pytest.param("20 07 00 00 04 1f 0001 ff", "not UTF-8", id="string that is not UTF-8, 1.5.4"),
        pytest.param("20 09 00 00 06 1f 0003 eda080", "not UTF-8", id="surrogate in a string"),
        pytest.param("20 07 00 00 04 1f 0001 00", r"U\+0000", id="U+0000 in a string"),
        pytest.param("30 03 0000 00", "topic name", id="PUBLISH without a topic, 3.3.2.1"),
        pytest.param("30 04 0001 2b 00", "topic name", id="PUBLISH with a wildcard"),
        pytest.param("30 04 0001 23 00", "topic name", id="PUBLISH with another wildcard"),
        pytest.param("34 06 0001 61 0001 00", "QoS 2", id="PUBLISH at QoS 2"),
        pytest.param("36 06 0001 61 0001 00", "QoS 3", id="PUBLISH at QoS 3, 3.3.1.2"),
        pytest.param("38 04 0001 61 00", "duplicate", id="PUBLISH, duplicate at QoS 0, 3.3.1.1"),
        pytest.param("32 06 0001 61 0000 00", "identifier is 0", id="PUBLISH with identifier 0, 2.2.1"),
        pytest.param("30 07 0001 61 03 23 0001", "topic alias", id="PUBLISH with an alias, 3.3.2.3.4"),
        pytest.param("30 06 0001 61 02 0b 00", "0x0b is 0", id="subscription identifier 0, 3.3.2.3.8"),
        pytest.param("30 06 0001 61 02 01 02", "0x01", id="payload format 2, 3.3.2.3.2"),
        pytest.param("30 02 0005", "middle of a field", id="topic longer than the packet"),
        pytest.param("40 00", "PUBACK", id="PUBACK without a body"),
        pytest.param("40 01 00", "PUBACK", id="PUBACK with half an identifier"),
        pytest.param("40 02 0000", "PUBACK", id="PUBACK with identifier 0"),
        pytest.param("40 03 0001 11", "PUBACK", id="PUBACK with a reason of UNSUBACK, 3.4.2.1"),
        pytest.param("40 05 0001 00 00 00", "after its last field", id="PUBACK that is too long"),
        pytest.param("40 06 0001 00 02 21 00", "0x21", id="PUBACK with a property of CONNACK"),
        pytest.param("90 03 0001 00", "SUBACK", id="SUBACK without a reason, 3.9.3"),
        pytest.param("90 04 0001 00 03", "SUBACK", id="SUBACK with QoS 3"),
        pytest.param("90 03 0000 00", "identifier is 0", id="SUBACK with identifier 0"),
        pytest.param("b0 04 0001 00 01", "UNSUBACK", id="UNSUBACK with a QoS, 3.11.3"),
        pytest.param("e0 01 04", "DISCONNECT", id="DISCONNECT with a client's reason, 3.14.2.1"),
        pytest.param("e0 07 00 05 11 00000000", "0x11", id="DISCONNECT with a session expiry, 3.14.2.2.2"),
    ],
)
def test_what_no_broker_may_send_is_refused(data: str, error: str) -> None:
    """With an error that says what is wrong, whole and in pieces of one byte each."""
    stream = bytes.fromhex(data)

    for pieces in ((), tuple(range(1, len(stream)))):
        with pytest.raises(MalformedPacketError, match=error):
            read(stream, *pieces)


def test_what_is_no_mqtt_is_told_at_its_first_byte() -> None:
    """It may announce a length that never comes."""
    with pytest.raises(MalformedPacketError, match="begins with 0x48"):
        read(b"H")


def test_half_a_packet_is_waited_for() -> None:
    """Nothing is told before the last byte is there."""
    for param in ACCEPTED:
        stream = bytes.fromhex(str(param.values[0]))
        for end in range(len(stream)):
            assert read(stream[:end]) == []


def test_a_packet_as_large_as_allowed() -> None:
    """The limit counts the whole packet (3.1.2.11.4), and is told before its bytes have come."""
    largest = b"\x30\x82\x01" + b"\0\1a\0" + bytes(126)
    assert [head for head, _ in PacketSplitter(len(largest)).feed(largest)] == [0x30]

    with pytest.raises(MalformedPacketError, match="larger than 132 bytes"):
        list(PacketSplitter(len(largest) - 1).feed(largest[:3]))


@given(
    topic=st.text(st.characters(exclude_characters="\0+#", exclude_categories=["Cs"]), min_size=1),
    payload=st.binary(),
    retain=st.booleans(),
    expiry=st.none() | st.integers(0, 2**32 - 1),
    packet_id=st.integers(1, 65_535),
    cuts=st.lists(st.integers(0, 100)),
)
def test_what_is_published_is_what_is_read(
    topic: str, payload: bytes, retain: bool, expiry: int | None, packet_id: int, cuts: list[int]
) -> None:
    """Whatever the topic, the payload and the pieces in which it arrives."""
    before, after = encode.publish(topic, payload, retain=retain, expiry=expiry)
    stream = before + packet_id.to_bytes(2, "big") + after

    assert read(stream, *(min(cut, len(stream)) for cut in cuts)) == [
        message(topic=topic, payload=payload, qos=1, retain=retain, expires_in=expiry, mid=packet_id)
    ]


HEADS = [0x20, 0x30, 0x31, 0x32, 0x33, 0x3A, 0x40, 0x90, 0xB0, 0xD0, 0xE0]


@given(st.sampled_from(HEADS) | st.integers(0, 255), st.binary(max_size=60))
def test_any_body_is_a_packet_or_an_error(head: int, body: bytes) -> None:
    """No other exception leaves the decoder, which would end the connection without a word why."""
    try:
        packet = decode(head, body)
    except MalformedPacketError:
        return
    assert isinstance(packet, Packet)


@given(
    st.binary(max_size=80)
    | st.lists(st.tuples(st.sampled_from(HEADS), st.binary(max_size=40)), max_size=5).map(
        lambda packets: b"".join(bytes([head]) + varint(len(body)) + body for head, body in packets)
    ),
    st.lists(st.integers(0, 80)),
)
def test_pieces_change_nothing(stream: bytes, cuts: list[int]) -> None:
    """Any bytes, cut anywhere, end as the whole does: the same packets, then the same error or none."""

    def outcome(*pieces: int) -> tuple[list[Packet], str | None]:
        packets: list[Packet] = []
        splitter = PacketSplitter(LIMIT)
        bounds = [0, *sorted(min(piece, len(stream)) for piece in pieces), len(stream)]
        try:
            for start, end in itertools.pairwise(bounds):
                packets.extend(decode(*packet) for packet in splitter.feed(stream[start:end]))
        except MalformedPacketError as exc:
            return packets, str(exc)
        return packets, None

    assert outcome(*cuts) == outcome()
