"""MQTT 5 over one transport: requests in flight, flow control, keepalive, and the end of all that."""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Any, cast

from mqtt_bridge.errors import LinkError, PublishRefusedError
from mqtt_bridge.incoming import Incoming

from . import encode
from .decode import (
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
from .fields import MalformedPacketError, uint16
from .reasons import MALFORMED_PACKET, PACKET_TOO_LARGE, RETAIN_NOT_SUPPORTED, reason_name
from .websocket import WebSocket

MAX_PACKET = 262_144
"""Bytes; the broker may send no larger packet. Twice of what it takes itself (``max_packet_size``)."""
WRITE_BUFFER = 65_536
"""Bytes that may wait for the socket; what is published then waits here."""

Answer = asyncio.Future[Any]
_Receive = Callable[[Incoming], None]


class Mqtt5Protocol(asyncio.Protocol):
    """The state of one connection. Belongs to the event loop in which it was made.

    What is asked for with ``…_soon`` goes out before anything that is asked for later. Each of these returns
    a future, whose result is None when the connection was lost.
    """

    def __init__(
        self,
        connect_packet: bytes,
        *,
        timeout: float,
        clock: Callable[[], float],
        websocket: WebSocket | None = None,
        on_message: _Receive | None = None,
    ) -> None:
        """``timeout``, in seconds, bounds each wait for an answer; ``clock`` measures ``heard_at``."""
        self._loop = asyncio.get_running_loop()
        self._connect_packet = connect_packet
        self._timeout = timeout
        self._clock = clock
        self._websocket = websocket
        self._receive = on_message
        self._transport: asyncio.Transport | None = None
        self._unsent: list[bytes] = []
        self._splitter = PacketSplitter(MAX_PACKET)
        self._broker: Connack | None = None
        self._in_flight: dict[int, tuple[Answer, float]] = {}
        self._requests: dict[int, tuple[Answer, float, type[Packet], int]] = {}
        self._waiting: deque[tuple[Answer, float, bytes, bytes]] = deque()
        self._last_id = 0
        self._paused = False
        self._watch: asyncio.TimerHandle | None = None
        self._keeping_alive: asyncio.Task[None] | None = None
        self._pinged_at: float | None = None
        self._spoke = False
        self.connack: asyncio.Future[Connack] = self._loop.create_future()
        self.lost: asyncio.Future[LinkError] = self._loop.create_future()
        self.heard_at = clock()
        """When the broker last said something."""

    # What asyncio calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        if self.lost.done():
            self._transport.abort()
            return
        self._transport.set_write_buffer_limits(WRITE_BUFFER)
        if self._websocket is None:
            self._write(self._connect_packet, now=True)
        else:
            self._transport.write(self._websocket.request())

    def data_received(self, data: bytes) -> None:
        self.heard_at = self._clock()
        try:
            if self._websocket is not None:
                data = self._unwrap(self._websocket, data)
            for head, body in self._splitter.feed(data):
                self._take(decode(head, body))
        except MalformedPacketError as exc:
            if self._broker is not None and not self.lost.done():
                self._write(encode.disconnect(MALFORMED_PACKET), now=True)
            self.abort(f"The broker broke the protocol: {exc}")

    def eof_received(self) -> None:
        self._end(LinkError("The broker hung up"))

    def pause_writing(self) -> None:
        self._paused = True

    def resume_writing(self) -> None:
        self._paused = False
        self._send_waiting()

    def connection_lost(self, exc: Exception | None) -> None:
        self._end(LinkError("The connection ended" if exc is None else f"The connection broke: {exc}"))

    # What a connection asks for.

    def publish_soon(self, topic: str, payload: bytes, *, retain: bool, expiry: int | None) -> Answer:
        """Send a QoS 1 message when the broker has room. The result is its PUBACK's reason code.

        Raises PublishRefusedError for what the broker said it does not take.
        """
        broker = self._usable()
        before, after = encode.publish(topic, payload, retain=retain, expiry=expiry)
        limit = broker.maximum_packet_size
        if limit is not None and len(before) + 2 + len(after) > limit:
            raise PublishRefusedError(topic, PACKET_TOO_LARGE, reason_name(PACKET_TOO_LARGE))
        if retain and not broker.retain_available:
            raise PublishRefusedError(topic, RETAIN_NOT_SUPPORTED, reason_name(RETAIN_NOT_SUPPORTED))
        answer = self._loop.create_future()
        now = self._loop.time()
        if self._paused or self._waiting or len(self._in_flight) >= broker.receive_maximum:
            self._waiting.append((answer, now, before, after))
        else:
            self._send(answer, now, before, after)
        self._watch_from(now)
        return answer

    def request_soon(
        self, packet: Callable[[int], bytes], answered_by: type[Suback | Unsuback], count: int
    ) -> Answer:
        """Send the packet that is made with this identifier. The result is the answer's ``count`` reasons."""
        self._usable()
        answer = self._loop.create_future()
        now = self._loop.time()
        packet_id = self._next_id()
        self._requests[packet_id] = answer, now, answered_by, count
        self._write(packet(packet_id))
        self._watch_from(now)
        return answer

    def keep_alive(self, seconds: int) -> None:
        """Ping when that long nothing was sent; 0: never."""
        self._keeping_alive = self._loop.create_task(self._keep_alive(seconds))

    def disconnect_soon(self, reason: int) -> None:
        """Say DISCONNECT, and close when all is sent."""
        self._usable()
        self._write(encode.disconnect(reason), now=True)
        if self._transport is not None:
            self._transport.close()

    def abort(self, why: str = "The connection was closed") -> None:
        """Close at once, without a word. May be called at any time, also outside of its event loop."""
        if self._loop.is_closed():
            # What there was to close ended with the loop.
            return
        if self._loop is not _running_loop():
            self._loop.call_soon_threadsafe(self.abort, why)
            return
        self._end(LinkError(why))
        if self._transport is not None:
            self._transport.abort()

    def lost_error(self) -> LinkError:
        """Why the connection was lost, as an exception of its own for each who waits."""
        why = self.lost.result()
        return LinkError(why.detail, reason_code=why.reason_code)

    # How it works.

    def _usable(self) -> Connack:
        if self.lost.done():
            raise self.lost_error()
        if self._broker is None:
            raise LinkError("The broker has not answered CONNECT yet")
        return self._broker

    def _unwrap(self, websocket: WebSocket, data: bytes) -> bytes:
        was_open = websocket.opened
        data = websocket.receive(data)
        if self._transport is not None and (pongs := websocket.take_pongs()):
            self._transport.write(pongs)
        if websocket.opened and not was_open:
            self._write(self._connect_packet, now=True)
        return data

    def _take(self, packet: Packet) -> None:
        if self.lost.done():
            return
        if isinstance(packet, Puback):
            self._acknowledged(packet)
        elif isinstance(packet, Connack):
            if self._broker is not None:
                raise MalformedPacketError("CONNACK came twice")
            self._broker = packet
            self.connack.set_result(packet)
        elif self._broker is None:
            raise MalformedPacketError("something else came before CONNACK")
        elif isinstance(packet, Incoming):
            if self._receive is not None:
                self._receive(packet)
            if packet.qos:
                self._write(encode.puback(packet.mid))
        elif isinstance(packet, Suback | Unsuback):
            self._answered(packet)
        elif isinstance(packet, Disconnect):
            self._end(
                LinkError(f"The broker disconnected: {reason_name(packet.reason)}", reason_code=packet.reason)
            )
            cast("asyncio.Transport", self._transport).abort()
        else:
            self._pinged_at = None

    def _acknowledged(self, packet: Puback) -> None:
        answer, _ = self._in_flight.pop(packet.packet_id, (None, 0.0))
        if answer is None:
            raise MalformedPacketError("PUBACK names a message that does not wait for it")
        if not answer.done():
            answer.set_result(packet.reason)
        if self._waiting:
            self._send_waiting()

    def _answered(self, packet: Suback | Unsuback) -> None:
        nothing = (None, 0.0, Pingresp, 0)
        answer, _, answered_by, count = self._requests.get(packet.packet_id, nothing)
        if answer is None or not isinstance(packet, answered_by) or len(packet.reasons) != count:
            raise MalformedPacketError(f"{type(packet).__name__.upper()} answers nothing that was asked")
        del self._requests[packet.packet_id]
        if not answer.done():
            answer.set_result(packet.reasons)

    def _send(self, answer: Answer, asked_at: float, before: bytes, after: bytes) -> None:
        packet_id = self._next_id()
        alone = not self._in_flight
        self._in_flight[packet_id] = answer, asked_at
        self._write(b"%b%b%b" % (before, uint16(packet_id), after), now=alone)

    def _send_waiting(self) -> None:
        if self.lost.done():
            return
        room = self._usable().receive_maximum
        while self._waiting and not self._paused and len(self._in_flight) < room:
            answer, asked_at, before, after = self._waiting.popleft()
            if not answer.done():
                self._send(answer, asked_at, before, after)

    def _next_id(self) -> int:
        while True:
            self._last_id = self._last_id % 65_535 + 1
            if self._last_id not in self._in_flight and self._last_id not in self._requests:
                return self._last_id

    def _write(self, packet: bytes, *, now: bool = False) -> None:
        # What is sent in one turn of the loop goes out together, for a system call costs more than all else.
        # A message that is alone in flight has nothing to wait for.
        self._unsent.append(packet)
        if now:
            self._flush()
        elif len(self._unsent) == 1:
            self._loop.call_soon(self._flush)

    def _flush(self) -> None:
        if self._unsent and self._transport is not None:
            self._spoke = True
            data = b"".join(self._unsent)
            self._unsent.clear()
            self._transport.write(data if self._websocket is None else self._websocket.frame(data))

    def _watch_from(self, now: float) -> None:
        # One timer for all who wait: one for each would cost about as much as the publish itself.
        if self._watch is None:
            self._watch = self._loop.call_at(now + self._timeout, self._look_at_waits)

    def _look_at_waits(self) -> None:
        """Give the connection up if an answer is overdue. Messages go out in order, so the first tells."""
        self._watch = None
        since = [asked_at for _, asked_at in _first(self._in_flight)]
        since += [asked_at for _, asked_at, *_ in _first(self._requests)]
        if self._pinged_at is not None:
            since.append(self._pinged_at)
        if not since:
            return
        if min(since) + self._timeout <= self._loop.time():
            self.abort(f"The broker did not answer within {self._timeout:g} s")
        else:
            self._watch_from(min(since))

    async def _keep_alive(self, seconds: int) -> None:
        try:
            while seconds:
                self._spoke = False
                # Looking twice as often keeps the longest silence below what was promised (3.1.2.10).
                await asyncio.sleep(seconds / 2)
                if not self._spoke:
                    self._write(encode.PINGREQ)
                    self._pinged_at = self._loop.time()
                    self._watch_from(self._pinged_at)
            await self._loop.create_future()
        finally:
            # ``asyncio.run`` cancels what is left before it closes its loop. Afterwards nobody could close
            # the socket.
            self.abort()

    def _end(self, error: LinkError) -> None:
        if self.lost.done():
            return
        self.lost.set_result(error)
        if not self.connack.done():
            self.connack.set_exception(error)
            self.connack.exception()  # Nobody may be waiting any more.
        waits: list[tuple[Any, ...]] = [*self._in_flight.values(), *self._requests.values(), *self._waiting]
        for answer, *_ in waits:
            if not answer.done():
                answer.set_result(None)
        self._in_flight.clear()
        self._requests.clear()
        self._waiting.clear()
        if self._watch is not None:
            self._watch.cancel()
        if self._keeping_alive is not None:
            self._keeping_alive.cancel()


def _first(waits: dict[int, Any]) -> list[Any]:
    return [next(iter(waits.values()))] if waits else []


def _running_loop() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None
