"""A connection of the functions, against servers that do what a real broker does not do on request."""

import asyncio
import gc
import logging
import socket
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mqtt_bridge.broker_url import BrokerUrl
from mqtt_bridge.errors import LinkError, LinkRefusedError, PublishRefusedError
from mqtt_bridge.incoming import Incoming
from mqtt_bridge.mqtt5.connection import Connection
from mqtt_bridge.topics import Subscription

from .servers import (
    CONNACK,
    CONNACK_BUSY,
    CONNACK_NOT_AUTHORIZED,
    CONNACK_RECEIVE_MAXIMUM_2,
    DISCONNECT_TAKEN_OVER,
    PATIENCE,
    Handler,
    Serve,
    Server,
    serve,
)

__all__ = ["serve"]

MALFORMED = b"\xe0\x01\x81"
"""DISCONNECT with reason 0x81."""


async def connect(url: BrokerUrl, **how: Any) -> Connection:
    how = {"client_id": "$functions:f", "keepalive": 1200, "timeout": PATIENCE, **how}
    return await Connection.open(url, **how)


def answers(*packets: bytes) -> Handler:
    """A server that says this after CONNECT, and waits for the end."""

    async def handler(server: Server) -> None:
        await server.packet()
        server.say(b"".join(packets))
        await server.hang_up()

    return handler


async def silent(server: Server) -> None:
    await server.hang_up()


async def slams_the_door(server: Server) -> None:
    await server.packet()


def puback(publish: bytes, reason: int = 0) -> bytes:
    """For a PUBLISH to a topic of one character."""
    return b"\x40\x03" + publish[5:7] + bytes([reason])


@pytest.mark.parametrize(
    ("handler", "patience", "error"),
    [
        pytest.param(silent, 0.2, "No answer from mqtt://.* within 0.2 s", id="no answer"),
        pytest.param(slams_the_door, PATIENCE, "Cannot connect to mqtt://.* hung up", id="closed at once"),
        pytest.param(answers(b"HTTP/1.1 400 Bad Request\r\n\r\n"), PATIENCE, "begins with 0x48", id="HTTP"),
        pytest.param(answers(b"\x20\x02\x00\x00"), PATIENCE, "middle of a field", id="MQTT 3.1.1"),
        pytest.param(answers(b"\xd0\x00"), PATIENCE, "before CONNACK", id="answer to another question"),
        pytest.param(answers(b"\xe0\x01\x8b"), PATIENCE, "before CONNACK", id="DISCONNECT first"),
    ],
)
async def test_no_connection_is_an_error_in_time(
    serve: Serve, handler: Handler, patience: float, error: str
) -> None:
    """Whatever the other side does, connecting ends, with an error of this package that says why."""
    url = await serve(handler)

    async with asyncio.timeout(PATIENCE):
        with pytest.raises(LinkError, match=error):
            await connect(url, timeout=patience)


@pytest.mark.parametrize(
    ("url", "error"),
    [
        pytest.param("mqtt://127.0.0.1:{port}", "Connection refused", id="nobody listens"),
        pytest.param("mqtt://no-such-host.invalid", "Cannot connect", id="unknown host"),
        pytest.param("mqtt://a..b", "Cannot connect", id="no host name"),
    ],
)
async def test_no_way_to_the_broker(url: str, error: str) -> None:
    """Names the reason, as the operator of the functions would look for it."""
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        with pytest.raises(LinkError, match=error):
            await connect(BrokerUrl.parse(url.format(port=nobody.getsockname()[1])))


@pytest.mark.parametrize("scheme", ["mqtts", "ws", "wss"])
async def test_handshake_that_never_ends(serve: Serve, scheme: Any) -> None:
    """Of TLS or WebSocket: who waits for it is let go in time, and the socket is closed."""
    url = await serve(silent)

    async with asyncio.timeout(PATIENCE):
        with pytest.raises(LinkError, match=r"within 0\.2 s"):
            await connect(BrokerUrl(scheme, url.host, url.port, "/mqtt"), timeout=0.2)


@pytest.mark.parametrize(
    ("connack", "code"),
    [
        (CONNACK_NOT_AUTHORIZED, 0x87),
        (CONNACK_BUSY, 0x89),
        pytest.param(bytes.fromhex("20 05 00 00 02 24 00"), 0x9B, id="no QoS 1"),
    ],
)
async def test_refusal_tells_its_reason(serve: Serve, connack: bytes, code: int) -> None:
    """So that a wrong token is told from a broker that has too much to do, or is none for us."""
    url = await serve(answers(connack))

    with pytest.raises(LinkRefusedError) as refused:
        await connect(url)

    assert refused.value.reason_code == code


async def test_no_secret_is_told(serve: Serve, caplog: pytest.LogCaptureFixture) -> None:
    """The token is in no text that an error, an object or asyncio's debug log shows."""
    url = await serve(answers(CONNACK_NOT_AUTHORIZED))
    asyncio.get_running_loop().set_debug(True)

    with caplog.at_level(logging.DEBUG), pytest.raises(LinkRefusedError) as refused:
        await connect(url, username="$functions", password="top-secret")
    connection = await connect(await serve(answers(CONNACK)), password="top-secret")

    shown = f"{refused.value!r} {connection!r} {connection._protocol!r} {caplog.text}"
    assert "top-secret" not in shown
    await connection.close()


@pytest.mark.parametrize("scheme", ["mqtt", "mqtts", "ws", "wss"])
async def test_who_stops_waiting_leaves_no_socket(serve: Serve, scheme: Any) -> None:
    """Cancelled in any turn of the loop, connecting closes what it opened; else the server waits for ever."""
    url = await serve(silent)
    for turns in range(15):
        connecting = asyncio.create_task(connect(BrokerUrl(scheme, url.host, url.port, "/mqtt")))
        for _ in range(turns):
            await asyncio.sleep(0)
        connecting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await connecting


async def test_small_packets_go_out_at_once(serve: Serve) -> None:
    """Without TCP_NODELAY a publish would wait for the acknowledgement of the one before."""
    connection = await connect(await serve(answers(CONNACK)))
    transport = connection._protocol._transport
    assert transport is not None

    assert transport.get_extra_info("socket").getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
    await connection.close()


async def test_loss_ends_every_wait_at_once(serve: Serve) -> None:
    """Whatever waits learns why the connection ended; each gets an error of its own."""

    async def take_over(server: Server) -> None:
        await server.packet()
        server.say(CONNACK_RECEIVE_MAXIMUM_2)
        for _ in range(4):
            await server.packet()
        server.say(DISCONNECT_TAKEN_OVER)

    connection = await connect(await serve(take_over), timeout=3600)
    async with asyncio.timeout(PATIENCE):
        outcomes = await asyncio.gather(
            *(connection.publish("a", b"") for _ in range(3)),
            connection.subscribe([Subscription("b", 1)]),
            connection.unsubscribe(["b"]),
            return_exceptions=True,
        )
        lost = await connection.lost

    assert [type(outcome) for outcome in outcomes] == [LinkError] * 5
    assert len({id(outcome) for outcome in outcomes}) == 5
    assert [getattr(outcome, "reason_code", None) for outcome in [*outcomes, lost]] == [0x8E] * 6
    for call in (connection.publish("a", b""), connection.subscribe([Subscription("b", 1)])):
        with pytest.raises(LinkError, match="Session taken over"):
            await call
    await connection.close()


@pytest.mark.parametrize(
    "ask",
    [
        pytest.param(lambda on: on.publish("a", b""), id="publish"),
        pytest.param(lambda on: on.subscribe([Subscription("a", 1)]), id="subscribe"),
        pytest.param(lambda on: on.unsubscribe(["a"]), id="unsubscribe"),
    ],
)
async def test_silence_ends_the_connection(serve: Serve, ask: Any) -> None:
    """One answer that does not come in time, and nothing more is expected of the connection."""
    connection = await connect(await serve(answers(CONNACK)), timeout=0.2)

    async with asyncio.timeout(PATIENCE):
        with pytest.raises(LinkError, match=r"did not answer within 0\.2 s"):
            await ask(connection)
        await connection.lost


async def test_old_answers_do_not_excuse_a_missing_one(serve: Serve) -> None:
    """The one timer of a connection looks at who waits now, and again until nobody does."""

    async def answer_one(server: Server) -> None:
        await server.packet()
        server.say(CONNACK)
        server.say(puback(await server.packet()))
        await server.hang_up()

    connection = await connect(await serve(answer_one), timeout=0.3)
    async with asyncio.timeout(PATIENCE):
        await connection.publish("a", b"")
        await asyncio.sleep(0.2)
        with pytest.raises(LinkError, match="did not answer"):
            await connection.publish("a", b"")


@pytest.mark.parametrize(
    ("reason", "outcome"),
    [
        (0x00, "some"),
        (0x10, "none"),
        (0x80, "Unspecified error"),
        (0x87, "Not authorized"),
        (0x90, "Topic Name invalid"),
        (0x97, "Quota exceeded"),
        (0x99, "Payload format invalid"),
        (0xFF, "Unknown reason"),
    ],
)
async def test_reason_of_a_puback_is_kept(serve: Serve, reason: int, outcome: str) -> None:
    """3.4.2.1: a refusal is an error with the topic and the reason; nobody listening is told."""

    async def answer(server: Server) -> None:
        await server.packet()
        server.say(CONNACK)
        server.say(puback(await server.packet(), reason))
        await server.hang_up()

    connection = await connect(await serve(answer))
    if reason < 0x80:
        assert await connection.publish("a", b"") == outcome
    else:
        with pytest.raises(PublishRefusedError, match=outcome) as refused:
            await connection.publish("a", b"")
        assert (refused.value.topic, refused.value.reason_code) == ("a", reason)
    assert not connection.lost.done()
    await connection.close()


async def test_refused_subscription_is_named(serve: Serve) -> None:
    """One of two: the error names it, and its reason."""

    async def refuse(server: Server) -> None:
        await server.packet()
        server.say(CONNACK)
        subscribe = await server.packet()
        server.say(b"\x90\x05" + subscribe[2:4] + b"\x00\x01\x87")
        await server.hang_up()

    connection = await connect(await serve(refuse))
    with pytest.raises(LinkRefusedError, match="subscribe c: Not authorized") as refused:
        await connection.subscribe([Subscription("b", 1), Subscription("c", 1)])

    assert refused.value.reason_code == 0x87
    await connection.close()


async def test_receive_maximum_is_kept(serve: Serve) -> None:
    """A client that sends more at once than the broker allows is cut off (3.3.4)."""
    order: list[bytes] = []

    async def count(server: Server) -> None:
        await server.packet()
        server.say(CONNACK_RECEIVE_MAXIMUM_2)
        in_flight = [await server.packet(), await server.packet()]
        while in_flight:
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.05):
                    await server.reader.read(1)
            first = in_flight.pop(0)
            order.append(first[-1:])
            server.say(puback(first))
            if len(order) + len(in_flight) < 5:
                in_flight.append(await server.packet())
        await server.hang_up()

    connection = await connect(await serve(count))
    async with asyncio.timeout(PATIENCE):
        told = await asyncio.gather(*(connection.publish("a", bytes([number])) for number in range(5)))

    assert told == ["some"] * 5
    assert order == [bytes([number]) for number in range(5)]
    await connection.close()


async def test_message_that_was_given_up(serve: Serve) -> None:
    """In flight it still takes its place until the PUBACK came; one that waits for a place never goes out."""
    seen: list[bytes] = []

    async def late(server: Server) -> None:
        await server.packet()
        server.say(CONNACK_RECEIVE_MAXIMUM_2)
        seen.extend([await server.packet(), await server.packet()])
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await server.reader.read(1)
        server.say(puback(seen[0]) + puback(seen[1]))
        seen.append(await server.packet())
        server.say(puback(seen[2]))
        await server.hang_up()

    connection = await connect(await serve(late))
    publishing = [asyncio.create_task(connection.publish("a", bytes([number]))) for number in range(4)]
    await asyncio.sleep(0)
    publishing[0].cancel()
    publishing[2].cancel()
    async with asyncio.timeout(PATIENCE):
        await asyncio.gather(*publishing, return_exceptions=True)

    assert [packet[-1] for packet in seen] == [0, 1, 3]
    await connection.close()


async def test_maximum_packet_size_is_kept(serve: Serve) -> None:
    """3.2.2.3.6: what is larger is refused here, for the broker would end the connection over it."""
    sizes: list[int] = []

    async def small(server: Server) -> None:
        await server.packet()
        server.say(bytes.fromhex("20 08 00 00 05 27 00000040"))
        packet = await server.packet()
        sizes.append(len(packet))
        server.say(puback(packet))
        await server.hang_up()

    connection = await connect(await serve(small))
    with pytest.raises(PublishRefusedError, match="Packet too large"):
        await connection.publish("a", b"x" * 57)
    await connection.publish("a", b"x" * 56)

    assert sizes == [64]
    await connection.close()


async def test_broker_that_cannot_retain(serve: Serve) -> None:
    """3.2.2.3.5: a retained message is refused here, and another goes out."""

    async def forgetful(server: Server) -> None:
        await server.packet()
        server.say(bytes.fromhex("20 05 00 00 02 25 00"))
        server.say(puback(await server.packet()))
        await server.hang_up()

    connection = await connect(await serve(forgetful))
    with pytest.raises(PublishRefusedError, match="Retain not supported"):
        await connection.publish("a", b"", retain=True)

    assert await connection.publish("a", b"") == "some"
    await connection.close()


@pytest.mark.parametrize(
    ("data", "error"),
    [
        pytest.param(b"\x00\x00", "begins with 0x00", id="no packet"),
        pytest.param(CONNACK, "CONNACK came twice", id="second CONNACK"),
        pytest.param(b"\x40\x02\x00\x09", "PUBACK names a message", id="PUBACK for nothing"),
        pytest.param(b"\x90\x04\x00\x09\x00\x00", "SUBACK answers nothing", id="SUBACK for nothing"),
        pytest.param(b"\xb0\x04\x00\x01\x00\x00", "UNSUBACK answers nothing", id="UNSUBACK for SUBSCRIBE"),
        pytest.param(b"\x90\x05\x00\x01\x00\x00\x00", "SUBACK answers nothing", id="SUBACK for two of one"),
        pytest.param(b"\x30\xff\xff\xff\x7f", "larger than", id="packet of 256 MiB"),
    ],
)
async def test_broker_that_breaks_the_protocol(serve: Serve, data: bytes, error: str) -> None:
    """4.13: told DISCONNECT with a reason, and the connection ends with an error that says why."""
    goodbyes: asyncio.Queue[bytes] = asyncio.Queue()

    async def break_it(server: Server) -> None:
        await server.packet()
        server.say(CONNACK)
        await server.packet()
        server.say(data)
        goodbyes.put_nowait(await server.reader.read(100))
        await server.hang_up()

    connection = await connect(await serve(break_it), timeout=3600)
    async with asyncio.timeout(PATIENCE):
        with pytest.raises(LinkError, match=error):
            await connection.subscribe([Subscription("a", 1)])
        assert await goodbyes.get() == MALFORMED


async def test_messages_are_heard_and_acknowledged(serve: Serve) -> None:
    """In order, once each, and what is QoS 1 is acknowledged after it was heard."""
    heard: list[Incoming] = []

    async def send(server: Server) -> None:
        await server.packet()
        server.say(CONNACK + b"\x30\x05\x00\x01a\x001" + b"\x32\x07\x00\x01b\x00\x07\x002")
        assert await server.packet() == b"\x40\x02\x00\x07"
        assert [message.payload for message in heard] == [b"1", b"2"]

    connection = await connect(await serve(send), on_message=heard.append)
    async with asyncio.timeout(PATIENCE):
        await connection.lost


async def test_pings_when_nothing_is_sent(serve: Serve) -> None:
    """3.1.2.10: never silent for longer than was promised; what is published takes a ping's place."""
    packets: list[int] = []

    async def listen(server: Server) -> None:
        await server.packet()
        server.say(CONNACK)
        while len(packets) < 3:
            packet = await server.packet()
            packets.append(packet[0])
            server.say(puback(packet) if packet[0] == 0x32 else b"\xd0\x00")
        await server.hang_up()

    connection = await connect(await serve(listen), keepalive=1, timeout=0.4)
    async with asyncio.timeout(PATIENCE):
        while len(packets) < 3:
            await asyncio.sleep(0.3)
            if not packets:
                await connection.publish("a", b"")

    assert packets == [0x32, 0xC0, 0xC0]
    assert not connection.lost.done()
    await connection.close()


async def test_ping_that_is_not_answered(serve: Serve) -> None:
    """A peer that vanished: the connection ends by itself, without anybody publishing."""

    async def vanish(server: Server) -> None:
        await server.packet()
        server.say(bytes.fromhex("20 06 00 00 03 13 0001"))
        assert await server.packet() == b"\xc0\x00"
        await server.hang_up()

    # The broker's word counts, 3.1.2.10: one second in place of twenty minutes.
    connection = await connect(await serve(vanish), keepalive=1200, timeout=0.3)
    async with asyncio.timeout(PATIENCE):
        lost = await connection.lost

    assert "did not answer within 0.3 s" in str(lost)


async def test_reader_that_is_slow_gets_everything(serve: Serve) -> None:
    """When the socket is full, the rest waits in order, and what is not sent yet does not fill the memory."""
    payloads = [bytes([number]) * 500_000 for number in range(20)]
    full = asyncio.Event()
    received = bytearray()

    async def read_late(server: Server) -> None:
        await server.packet()
        server.say(CONNACK)
        await full.wait()
        while len(received) < sum(map(len, payloads)):
            received.extend(await server.reader.read(65_536))

    connection = await connect(await serve(read_late))
    publishing = []
    for payload in payloads:
        publishing.append(asyncio.create_task(connection.publish("a", payload)))
        await asyncio.sleep(0.01)
    transport = connection._protocol._transport
    assert transport is not None
    assert transport.get_write_buffer_size() <= 1_100_000
    full.set()
    async with asyncio.timeout(PATIENCE):
        await connection.lost
        await asyncio.gather(*publishing, return_exceptions=True)

    parts = [received.find(payload) for payload in payloads]
    assert parts == sorted(parts)
    assert parts[0] > 0


async def test_packet_identifiers_are_used_again(serve: Serve) -> None:
    """2.2.1: from 1 to 65,535 and around, past one that still waits, and never 0."""
    identifiers: list[int] = []

    async def answer(server: Server) -> None:
        await server.packet()
        server.say(CONNACK)
        for _ in range(4):
            packet = await server.packet()
            identifiers.append(int.from_bytes(packet[5:7], "big"))
            if len(identifiers) > 1:
                server.say(puback(packet))
        await server.hang_up()

    connection = await connect(await serve(answer))
    waiting = asyncio.create_task(connection.publish("a", b""))
    await asyncio.sleep(0)
    connection._protocol._last_id = 65_534
    for _ in range(3):
        await connection.publish("a", b"")

    assert identifiers == [1, 65_535, 2, 3]
    waiting.cancel()
    await connection.close()


async def test_closing(serve: Serve) -> None:
    """DISCONNECT goes out; closing and aborting again is no error, and later calls say what happened."""
    goodbyes: asyncio.Queue[bytes] = asyncio.Queue()

    async def listen(server: Server) -> None:
        await server.packet()
        server.say(CONNACK)
        goodbyes.put_nowait(await server.packet())
        await server.hang_up()

    connection = await connect(await serve(listen))
    await connection.close()
    await connection.close()
    connection.abort()

    async with asyncio.timeout(PATIENCE):
        assert await goodbyes.get() == b"\xe0\x00"
    with pytest.raises(LinkError, match="ended"):
        await connection.publish("a", b"")


def test_connection_ends_with_its_loop() -> None:
    """``asyncio.run`` leaves no socket behind, and a connection may be aborted when its loop is gone."""
    ended = False

    async def use() -> Connection:
        async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            nonlocal ended
            await reader.read(100)
            writer.write(CONNACK)
            try:
                ended = await reader.read(100) == b""
            finally:
                writer.close()

        server = await asyncio.start_server(handle, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        connection = await connect(BrokerUrl.parse(f"mqtt://127.0.0.1:{port}"))
        server.close()
        return connection

    connection = asyncio.run(use())
    assert connection.lost.done()
    connection.abort()
    # A socket that was not closed would warn here.
    del connection
    gc.collect()


@given(st.binary(max_size=60), st.booleans())
def test_any_bytes_end_well(data: bytes, connected: bool) -> None:
    """Whatever a server says before or after CONNACK, no wait lasts and no other error comes out."""

    async def talk() -> None:
        async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.read(100)
            writer.write((CONNACK if connected else b"") + data)
            writer.close()

        server = await asyncio.start_server(handle, "127.0.0.1", 0)
        url = BrokerUrl.parse(f"mqtt://127.0.0.1:{server.sockets[0].getsockname()[1]}")
        async with server:
            try:
                connection = await connect(url)
                await connection.publish("a", b"")
                await connection.close()
            except (LinkError, PublishRefusedError):
                pass

    asyncio.run(asyncio.wait_for(talk(), PATIENCE))
