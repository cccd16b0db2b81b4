"""MQTT inside a WebSocket (MQTT 5, 6; RFC 6455), the client's side: bytes in, bytes out."""

import base64
import hashlib
import re
import secrets

from .fields import MalformedPacketError

MAX_HEAD = 16_384
"""Bytes that the server's answer to the upgrade may take."""
_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_STATUS = re.compile(r"HTTP/1\.1 (\d{3})(?: |$)")
_CONTINUATION, _BINARY, _CLOSE, _PING, _PONG = 0x0, 0x2, 0x8, 0x9, 0xA
_FIN, _MASKED = 0x80, 0x80


class WebSocket:
    """One WebSocket: ``request`` goes out first; from when it is ``opened``, frames do."""

    def __init__(self, host: str, path: str) -> None:
        """``host`` is the Host header: with the port, and brackets around an IPv6 address."""
        self._host = host
        self._path = path
        self._key = base64.b64encode(secrets.token_bytes(16))
        self._received = bytearray()
        self._left_of_frame = 0
        self._in_message = False
        self._last_of_message = False
        self._pongs: list[bytes] = []
        self.opened = False

    def request(self) -> bytes:
        """The opening handshake (RFC 6455, 4.1)."""
        return (
            f"GET {self._path} HTTP/1.1\r\n"
            f"Host: {self._host}\r\n"
            "Upgrade: websocket\r\n"
            "Connection: Upgrade\r\n"
            f"Sec-WebSocket-Key: {self._key.decode()}\r\n"
            "Sec-WebSocket-Version: 13\r\n"
            "Sec-WebSocket-Protocol: mqtt\r\n\r\n"
        ).encode()

    def frame(self, payload: bytes, opcode: int = _BINARY) -> bytes:
        """A whole message as one masked frame (RFC 6455, 5.2 and 5.3)."""
        length = len(payload)
        if length < 126:
            head = bytes([_FIN | opcode, _MASKED | length])
        elif length < 65_536:
            head = bytes([_FIN | opcode, _MASKED | 126]) + length.to_bytes(2, "big")
        else:
            head = bytes([_FIN | opcode, _MASKED | 127]) + length.to_bytes(8, "big")
        mask = secrets.token_bytes(4)
        # As one large number: a loop over the bytes takes a hundred times as long.
        stream = (mask * (length // 4 + 1))[:length]
        masked = int.from_bytes(payload, "big") ^ int.from_bytes(stream, "big")
        return head + mask + masked.to_bytes(length, "big")

    def receive(self, data: bytes) -> bytes:
        """The bytes of MQTT in what the server sent. Raises MalformedPacketError."""
        self._received += data
        if not self.opened and not self._open():
            return b""
        payload = bytearray()
        while self._left_of_frame or self._next_frame():
            part = self._received[: self._left_of_frame]
            del self._received[: len(part)]
            payload += part
            self._left_of_frame -= len(part)
            if self._left_of_frame:
                break
            self._in_message = not self._last_of_message
        return bytes(payload)

    def take_pongs(self) -> bytes:
        """Frames that must go out in answer to the server's pings."""
        pongs = b"".join(self._pongs)
        self._pongs.clear()
        return pongs

    def _open(self) -> bool:
        end = self._received.find(b"\r\n\r\n")
        if end < 0:
            if len(self._received) > MAX_HEAD:
                raise MalformedPacketError("the answer to the WebSocket upgrade does not end")
            return False
        lines = self._received[:end].decode("latin-1").split("\r\n")
        del self._received[: end + 4]
        status = _STATUS.match(lines[0])
        if status is None:
            raise MalformedPacketError("the answer to the WebSocket upgrade is not HTTP/1.1")
        if status[1] != "101":
            raise MalformedPacketError(f"the WebSocket upgrade was answered with HTTP status {status[1]}")
        headers: dict[str, str] = {}
        for line in lines[1:]:
            name, _, value = line.partition(":")
            headers[name.strip().lower()] = value.strip()
        # SHA-1 proves nothing here but that the server speaks WebSocket (RFC 6455, 1.3).
        digest = hashlib.sha1(self._key + _GUID, usedforsecurity=False).digest()
        wanted = {
            "upgrade": headers.get("upgrade", "").lower() == "websocket",
            "connection": "upgrade" in headers.get("connection", "").lower(),
            "sec-websocket-accept": headers.get("sec-websocket-accept") == base64.b64encode(digest).decode(),
            "sec-websocket-protocol": headers.get("sec-websocket-protocol") == "mqtt",
            "sec-websocket-extensions": "sec-websocket-extensions" not in headers,
        }
        for name, right in wanted.items():
            if not right:
                raise MalformedPacketError(f"the answer to the WebSocket upgrade has a wrong {name}")
        self.opened = True
        return True

    def _next_frame(self) -> bool:
        """Go to the payload of the next frame with data. False: it is not there yet."""
        while True:
            buffer = self._received
            if len(buffer) < 2:
                return False
            opcode, length, start = buffer[0] & 0x0F, buffer[1] & 0x7F, 2
            if buffer[0] & 0x70 or buffer[1] & _MASKED:
                raise MalformedPacketError("a WebSocket frame has reserved bits, or is masked")
            final = bool(buffer[0] & _FIN)
            if length > 125:
                if opcode >= _CLOSE:
                    raise MalformedPacketError("a WebSocket control frame is too long")
                start += 2 if length == 126 else 8
                if len(buffer) < start:
                    return False
                length = int.from_bytes(buffer[2:start], "big")
            if opcode in (_BINARY, _CONTINUATION):
                if (opcode == _CONTINUATION) != self._in_message:
                    raise MalformedPacketError("a WebSocket frame does not continue the message before it")
                del buffer[:start]
                self._last_of_message = final
                self._in_message = not final
                if length:
                    self._left_of_frame = length
                    return True
                continue
            if len(buffer) < start + length:
                return False
            self._control(opcode, bytes(buffer[start : start + length]), final=final)
            del buffer[: start + length]

    def _control(self, opcode: int, payload: bytes, *, final: bool) -> None:
        if not final or opcode not in (_PING, _PONG, _CLOSE):
            raise MalformedPacketError(f"a WebSocket frame has opcode {opcode}, which is no binary data")
        if opcode == _CLOSE:
            code = f" with code {int.from_bytes(payload[:2], 'big')}" if len(payload) > 1 else ""
            raise MalformedPacketError(f"the WebSocket was closed{code}")
        if opcode == _PING:
            self._pongs.append(self.frame(payload, _PONG))
