"""One connection, against servers that misbehave in ways that a real broker does not on request."""

import asyncio
from typing import Any

import pytest

from mqtt_bridge.broker_url import BrokerUrl
from mqtt_bridge.connection import Connection, Incoming
from mqtt_bridge.errors import LinkError, LinkRefusedError, PublishRefusedError
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

CONNACK_SESSION_PRESENT = bytes.fromhex("20 03 01 00 00")


async def connect(url: BrokerUrl, **how: Any) -> Connection:
    how = {"client_id": "ada:mac", "keepalive": 30, "timeout": PATIENCE, **how}
    return await Connection.open(url, **how)


async def silent(server: Server) -> None:
    await server.hang_up()


async def slams_the_door(server: Server) -> None:
    await server.packet()


async def babbles(server: Server) -> None:
    await server.packet()
    server.say(b"HTTP/1.1 400 Bad Request\r\n\r\n")


async def refuses(server: Server) -> None:
    await server.packet()
    server.say(CONNACK_NOT_AUTHORIZED)


async def is_busy(server: Server) -> None:
    await server.packet()
    server.say(CONNACK_BUSY)


@pytest.mark.parametrize(
    ("handler", "patience", "error"),
    [
        pytest.param(silent, 0.2, "No answer from mqtt://.* within 0.2 s", id="no answer"),
        pytest.param(slams_the_door, PATIENCE, "Cannot connect", id="closed at once"),
        pytest.param(babbles, PATIENCE, "Cannot connect", id="not MQTT"),
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


async def test_web_socket_that_never_opens(serve: Serve) -> None:
    """The handshake happens in a thread that cannot be stopped; who waits for it is let go in time."""
    url = await serve(silent)

    async with asyncio.timeout(PATIENCE):
        with pytest.raises(LinkError, match=r"within 0\.2 s"):
            await connect(BrokerUrl("ws", url.host, url.port, "/mqtt"), timeout=0.2)


@pytest.mark.parametrize(("handler", "code"), [(refuses, 0x87), (is_busy, 0x89)])
async def test_refusal_tells_its_reason(serve: Serve, handler: Handler, code: int) -> None:
    """So that a wrong token is told from a broker that has too much to do."""
    url = await serve(handler)

    with pytest.raises(LinkRefusedError) as refused:
        await connect(url)

    assert refused.value.reason_code == code


async def test_who_stops_waiting_leaves_no_socket(serve: Serve) -> None:
    """A cancelled connect closes what it opened: the server sees the end, else this test would hang."""
    connected = asyncio.Event()

    async def notice(server: Server) -> None:
        await server.packet()
        connected.set()
        await server.hang_up()

    url = await serve(notice)
    connecting = asyncio.create_task(connect(url))
    async with asyncio.timeout(PATIENCE):
        await connected.wait()
    connecting.cancel()

    with pytest.raises(asyncio.CancelledError):
        await connecting


@pytest.mark.parametrize(("connack", "present"), [(CONNACK, False), (CONNACK_SESSION_PRESENT, True)])
async def test_session_present_is_kept(serve: Serve, connack: bytes, present: bool) -> None:
    """Without this flag nobody knows whether something was missed."""

    async def accept(server: Server) -> None:
        await server.packet()
        server.say(connack)
        await server.hang_up()

    connection = await connect(await serve(accept), session_expiry=60)

    assert connection.session_present is present
    await connection.close()


async def test_loss_ends_every_wait_at_once(serve: Serve) -> None:
    """A publish and a subscribe that wait learn why the connection ended; each gets an error of its own."""

    async def take_over(server: Server) -> None:
        await server.packet()
        server.say(CONNACK)
        for _ in range(2):
            await server.packet()
        server.say(DISCONNECT_TAKEN_OVER)

    connection = await connect(await serve(take_over), timeout=3600)
    async with asyncio.timeout(PATIENCE):
        outcomes = await asyncio.gather(
            connection.publish("a", b""),
            connection.subscribe([Subscription("b", 1)]),
            return_exceptions=True,
        )
        lost = await connection.lost

    assert [type(outcome) for outcome in outcomes] == [LinkError, LinkError]
    assert outcomes[0] is not outcomes[1]
    assert [getattr(outcome, "reason_code", None) for outcome in [*outcomes, lost]] == [0x8E] * 3
    for call in (connection.publish("a", b""), connection.subscribe([Subscription("b", 1)])):
        with pytest.raises(LinkError, match="Session taken over"):
            await call
    await connection.close()


async def test_refusals_of_publish_and_subscribe(serve: Serve) -> None:
    """aiomqtt reports both as success; here each is an error with the broker's reason and the topic."""

    async def refuse(server: Server) -> None:
        await server.packet()
        server.say(CONNACK)
        publish = await server.packet()
        server.say(b"\x40\x04" + publish[5:7] + b"\x97\x00")
        subscribe = await server.packet()
        server.say(b"\x90\x05" + subscribe[2:4] + b"\x00\x01\x87")
        publish = await server.packet()
        server.say(b"\x40\x04" + publish[5:7] + b"\x10\x00")
        await server.hang_up()

    connection = await connect(await serve(refuse))
    with pytest.raises(PublishRefusedError, match="Quota exceeded") as publish:
        await connection.publish("a", b"")
    with pytest.raises(LinkRefusedError, match="subscribe c: Not authorized") as subscribe:
        await connection.subscribe([Subscription("b", 1), Subscription("c", 1)])

    assert (publish.value.topic, publish.value.reason_code) == ("a", 0x97)
    assert subscribe.value.reason_code == 0x87
    assert await connection.publish("a", b"") == "none"
    await connection.close()


async def test_receive_maximum_is_kept(serve: Serve) -> None:
    """A client that sends more at once than the broker allows is cut off (MQTT 5, 3.3.4)."""
    in_flight: list[bytes] = []

    async def count(server: Server) -> None:
        await server.packet()
        server.say(CONNACK_RECEIVE_MAXIMUM_2)
        for _ in range(3):
            in_flight.append(await server.packet())
            if len(in_flight) == 2:
                with pytest.raises(TimeoutError):
                    async with asyncio.timeout(0.2):
                        await server.reader.read(1)
                for publish in in_flight:
                    server.say(b"\x40\x02" + publish[5:7])
        server.say(b"\x40\x02" + in_flight[2][5:7])
        await server.hang_up()

    connection = await connect(await serve(count))
    async with asyncio.timeout(PATIENCE):
        answers = await asyncio.gather(*(connection.publish("a", b"") for _ in range(3)))

    assert answers == ["some"] * 3
    await connection.close()


async def test_dead_link_is_noticed_by_its_silence(
    serve: Serve,
) -> None:
    """A peer that vanished answers no ping: the connection ends by itself, without anybody publishing."""

    async def vanish(server: Server) -> None:
        await server.packet()
        server.say(CONNACK)
        assert await server.packet() == b"\xc0\x00"
        await server.hang_up()

    connection = await connect(await serve(vanish), keepalive=1)
    async with asyncio.timeout(PATIENCE):
        lost = await connection.lost

    assert "Keep alive timeout" in str(lost)


async def test_fault_in_a_receiver_ends_the_connection(
    serve: Serve,
) -> None:
    """Rather than losing the message in silence, or spinning on a socket that stays readable."""

    async def send(server: Server) -> None:
        await server.packet()
        server.say(CONNACK + b"\x30\x04\x00\x01a\x00")
        await server.hang_up()

    def fail(_: Incoming) -> None:
        raise ZeroDivisionError

    connection = await connect(await serve(send), on_message=fail)
    async with asyncio.timeout(PATIENCE):
        lost = await connection.lost

    assert "ZeroDivisionError" in str(lost)


async def test_slow_reader_gets_everything(serve: Serve) -> None:
    """When the socket is full, the rest waits until it is writable again: whole, and in order."""
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
    publishing = [asyncio.create_task(connection.publish("a", payload)) for payload in payloads]
    await asyncio.sleep(0.1)
    full.set()
    async with asyncio.timeout(PATIENCE):
        await connection.lost
        await asyncio.gather(*publishing, return_exceptions=True)

    parts = [received.find(payload) for payload in payloads]
    assert parts == sorted(parts)
    assert parts[0] > 0


async def test_manual_acknowledgement(serve: Serve) -> None:
    """A message counts as received when the work is done, and not when it arrived."""

    async def send(server: Server) -> None:
        await server.packet()
        server.say(CONNACK + b"\x32\x06\x00\x01a\x00\x07\x00")
        assert (await server.packet())[0] >> 4 == 3, "acknowledged before the work was done"
        server.say(b"\x40\x02\x00\x01")
        assert await server.packet() == b"\x40\x02\x00\x07"
        await server.hang_up()

    received: asyncio.Queue[Incoming] = asyncio.Queue()
    connection = await connect(await serve(send), manual_ack=True, on_message=received.put_nowait)
    async with asyncio.timeout(PATIENCE):
        message = await received.get()
        await connection.publish("b", b"")
    connection.ack(message)

    assert (message.topic, message.qos, message.mid) == ("a", 1, 7)
    await connection.close()


async def test_closing(serve: Serve) -> None:
    """DISCONNECT bears the reason and the new session expiry; closing twice is no error."""
    goodbyes: asyncio.Queue[bytes] = asyncio.Queue()

    async def listen(server: Server) -> None:
        await server.packet()
        server.say(CONNACK)
        goodbyes.put_nowait(await server.packet())
        await server.hang_up()

    connection = await connect(await serve(listen), session_expiry=60)
    await connection.close(reason=0x04, session_expiry=0)
    await connection.close()
    connection.abort()

    async with asyncio.timeout(PATIENCE):
        assert await goodbyes.get() == bytes.fromhex("e0 07 04 05 11 00000000")
    assert connection.lost.done()
