"""MQTT inside a WebSocket: what goes out, and what of the server's bytes is MQTT."""

import base64
import hashlib
import itertools
import re
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mqtt_bridge.mqtt5.fields import MalformedPacketError
from mqtt_bridge.mqtt5.websocket import MAX_HEAD, WebSocket

HOST = "broker.example:443"


def accept(request: bytes, **changes: str | None) -> bytes:
    """The answer that opens the WebSocket; ``changes`` replace headers, or leave them out."""
    found = re.search(rb"Sec-WebSocket-Key: (\S+)", request)
    assert found is not None
    digest = hashlib.sha1(found[1] + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest()
    headers = {
        "Upgrade": "websocket",
        "Connection": "Upgrade",
        "Sec_WebSocket_Accept": base64.b64encode(digest).decode(),
        "Sec_WebSocket_Protocol": "mqtt",
        **changes,
    }
    lines = [f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items() if value is not None]
    return f"HTTP/1.1 101 Switching Protocols\r\n{''.join(lines)}\r\n".encode()


def opened() -> WebSocket:
    websocket = WebSocket(HOST, "/mqtt")
    assert websocket.receive(accept(websocket.request())) == b""
    assert websocket.opened
    return websocket


def unmask(frame: bytes) -> tuple[int, bytes]:
    """First byte and payload of a client's frame, read as a server does (RFC 6455, 5.2)."""
    assert frame[1] & 0x80, "a client's frame must be masked"
    length, start = frame[1] & 0x7F, 2
    if length > 125:
        start = 4 if length == 126 else 10
        length = int.from_bytes(frame[2:start], "big")
    mask, masked = frame[start : start + 4], frame[start + 4 :]
    assert len(masked) == length
    return frame[0], bytes(byte ^ mask[place % 4] for place, byte in enumerate(masked))


def frame(first: int, payload: bytes) -> bytes:
    """A server's frame."""
    if len(payload) < 126:
        return bytes([first, len(payload)]) + payload
    if len(payload) < 65_536:
        return bytes([first, 126]) + len(payload).to_bytes(2, "big") + payload
    return bytes([first, 127]) + len(payload).to_bytes(8, "big") + payload


def test_request() -> None:
    """RFC 6455, 4.1, with the subprotocol that MQTT 5, 6.0 demands; the key is another each time."""
    first, second = (WebSocket(HOST, "/mqtt").request().decode() for _ in range(2))
    lines = first.split("\r\n")

    assert lines[0] == "GET /mqtt HTTP/1.1"
    assert lines[-2:] == ["", ""]
    headers = dict(line.split(": ", 1) for line in lines[1:-2])
    key = headers.pop("Sec-WebSocket-Key")
    assert len(base64.b64decode(key)) == 16
    assert key not in second
    assert headers == {
        "Host": HOST,
        "Upgrade": "websocket",
        "Connection": "Upgrade",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Protocol": "mqtt",
    }


def test_answer_in_pieces() -> None:
    """The head may come byte by byte; what follows it at once is MQTT already."""
    websocket = WebSocket(HOST, "/mqtt")
    answer = accept(websocket.request(), Connection="keep-alive, upgrade", Upgrade="WebSocket")
    for place in range(len(answer) - 1):
        assert websocket.receive(answer[place : place + 1]) == b""
        assert not websocket.opened

    assert websocket.receive(answer[-1:] + frame(0x82, b"mqtt")) == b"mqtt"
    assert websocket.opened


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        pytest.param(lambda _: b"HTTP/1.1 403 Forbidden\r\n\r\n", "status 403", id="forbidden"),
        pytest.param(lambda _: b"HTTP/1.1 301 Moved\r\nLocation: /\r\n\r\n", "status 301", id="moved"),
        pytest.param(lambda _: b"HTTP/1.0 101 Fine\r\n\r\n", "not HTTP/1.1", id="HTTP/1.0"),
        pytest.param(lambda _: b"\x20\x03\x00\x00\x00\r\n\r\n", "not HTTP/1.1", id="MQTT at once"),
        pytest.param(lambda _: b"x" * (MAX_HEAD + 1), "does not end", id="endless"),
        pytest.param(lambda r: accept(r, Upgrade="h2c"), "upgrade", id="another upgrade"),
        pytest.param(lambda r: accept(r, Upgrade=None), "upgrade", id="no upgrade"),
        pytest.param(lambda r: accept(r, Connection="close"), "connection", id="no connection upgrade"),
        pytest.param(lambda r: accept(r, Sec_WebSocket_Accept="x"), "accept", id="answer to another key"),
        pytest.param(lambda r: accept(r, Sec_WebSocket_Accept=None), "accept", id="answer to no key"),
        pytest.param(lambda r: accept(r, Sec_WebSocket_Protocol=None), "protocol", id="no subprotocol"),
        pytest.param(
            lambda r: accept(r, Sec_WebSocket_Protocol="chat"), "protocol", id="another subprotocol"
        ),
        pytest.param(
            lambda r: accept(r, Sec_WebSocket_Extensions="permessage-deflate"), "extensions", id="extension"
        ),
    ],
)
def test_answer_that_opens_nothing(answer: Callable[[bytes], bytes], error: str) -> None:
    """RFC 6455, 4.1: the connection must fail, and the error says why."""
    websocket = WebSocket(HOST, "/mqtt")

    with pytest.raises(MalformedPacketError, match=error):
        websocket.receive(answer(websocket.request()))
    assert not websocket.opened


@pytest.mark.parametrize("length", [0, 1, 2, 3, 4, 5, 125, 126, 65_535, 65_536])
def test_frame_goes_out_masked(length: int) -> None:
    """RFC 6455, 5.2 and 5.3: binary, whole, under a mask that is another each time."""
    payload = bytes(place % 251 for place in range(length))
    frames = [opened().frame(payload) for _ in range(4)]

    assert [unmask(each) for each in frames] == [(0x82, payload)] * 4
    assert len(set(frames)) > 1


@pytest.mark.parametrize(
    ("frames", "mqtt"),
    [
        pytest.param([frame(0x82, b"abc")], b"abc", id="one message"),
        pytest.param([frame(0x82, b"a"), frame(0x82, b"bc")], b"abc", id="two messages"),
        pytest.param([frame(0x02, b"a"), frame(0x00, b"b"), frame(0x80, b"c")], b"abc", id="three fragments"),
        pytest.param([frame(0x02, b"a"), frame(0x89, b"?"), frame(0x80, b"bc")], b"abc", id="ping between"),
        pytest.param([frame(0x82, b""), frame(0x02, b""), frame(0x80, b"")], b"", id="nothing"),
        pytest.param([frame(0x8A, b"unasked"), frame(0x82, b"abc")], b"abc", id="pong"),
        pytest.param([frame(0x82, b"a" * 126)], b"a" * 126, id="16 bit length"),
        pytest.param([frame(0x82, b"a" * 70_000)], b"a" * 70_000, id="64 bit length"),
    ],
)
def test_frames_are_a_stream(frames: list[bytes], mqtt: bytes) -> None:
    """MQTT 5, 6.0: packets need not match frames. Whole, byte by byte, and cut in the middle."""
    data = b"".join(frames)
    half = len(data) // 2

    assert opened().receive(data) == mqtt
    assert (cut := opened()).receive(data[:half]) + cut.receive(data[half:]) == mqtt
    if len(data) < 1000:
        single = opened()
        assert b"".join(single.receive(bytes([byte])) for byte in data) == mqtt


def test_what_came_of_a_frame_is_told_at_once() -> None:
    """A frame of any length is never collected first, so none can fill the memory."""
    websocket = opened()

    assert websocket.receive(frame(0x82, b"a" * 70_000)[:1000]) == b"a" * 990


def test_ping_is_answered() -> None:
    """RFC 6455, 5.5.3: with its payload, once."""
    websocket = opened()
    websocket.receive(frame(0x89, b"still there?") + frame(0x89, b""))
    pongs = websocket.take_pongs()

    assert unmask(pongs[:18]) == (0x8A, b"still there?")
    assert unmask(pongs[18:]) == (0x8A, b"")
    assert websocket.take_pongs() == b""


@pytest.mark.parametrize(
    ("data", "error"),
    [
        pytest.param(frame(0x88, b"\x03\xe9bye"), "closed with code 1001", id="close"),
        pytest.param(frame(0x88, b""), "closed", id="close without a code"),
        pytest.param(frame(0x81, b"{}"), "opcode 1", id="text, MQTT 5, 6.0"),
        pytest.param(frame(0x83, b""), "opcode 3", id="reserved opcode"),
        pytest.param(frame(0x8B, b""), "opcode 11", id="reserved control opcode"),
        pytest.param(frame(0xC2, b""), "reserved", id="compressed"),
        pytest.param(b"\x82\x81\0\0\0\0a", "masked", id="masked by the server, 5.1"),
        pytest.param(frame(0x80, b"a"), "continue", id="continuation of nothing"),
        pytest.param(frame(0x02, b"a") + frame(0x82, b"b"), "continue", id="message within a message"),
        pytest.param(frame(0x09, b""), "opcode 9", id="fragmented ping, 5.5"),
        pytest.param(frame(0x89, b"a" * 126), "too long", id="long ping, 5.5"),
    ],
)
def test_frame_that_ends_the_connection(data: bytes, error: str) -> None:
    """What a server must not send, and its close."""
    with pytest.raises(MalformedPacketError, match=error):
        opened().receive(data)


@given(st.binary(max_size=60), st.lists(st.integers(0, 60)), st.booleans())
def test_any_bytes_are_a_stream_or_an_error(data: bytes, cuts: list[int], is_open: bool) -> None:
    """No other exception, and the pieces in which they come change nothing."""

    def outcome(*places: int) -> bytes | str:
        websocket = opened() if is_open else WebSocket(HOST, "/mqtt")
        bounds = [0, *sorted(min(place, len(data)) for place in places), len(data)]
        try:
            return b"".join(websocket.receive(data[start:end]) for start, end in itertools.pairwise(bounds))
        except MalformedPacketError as exc:
            return str(exc)

    assert outcome(*cuts) == outcome()
