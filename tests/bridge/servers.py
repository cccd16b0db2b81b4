"""Servers that treat a connection as a test tells them to."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from mqtt_bridge.broker_url import BrokerUrl

PATIENCE = 20.0
"""Seconds that a test waits for what must happen."""

CONNACK = bytes.fromhex("20 03 00 00 00")
CONNACK_RECEIVE_MAXIMUM_2 = bytes.fromhex("20 06 00 00 03 21 00 02")
CONNACK_NOT_AUTHORIZED = bytes.fromhex("20 03 00 87 00")
CONNACK_BUSY = bytes.fromhex("20 03 00 89 00")
DISCONNECT_TAKEN_OVER = bytes.fromhex("e0 02 8e 00")

Handler = Callable[["Server"], Awaitable[None]]
Serve = Callable[[Handler], Awaitable[BrokerUrl]]


class Server:
    """The server's end of one connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def packet(self) -> bytes:
        """The next MQTT packet; each is shorter than 128 bytes here."""
        head = await self.reader.readexactly(2)
        return head + await self.reader.readexactly(head[1])

    def say(self, data: bytes) -> None:
        self.writer.write(data)

    async def hang_up(self) -> None:
        """Wait until the client has ended the connection."""
        while await self.reader.read(1024):
            pass


@pytest.fixture
async def serve() -> AsyncIterator[Serve]:
    """Starts a server that treats each connection as told; failures in it fail the test."""
    servers: list[asyncio.Server] = []
    tasks: list[asyncio.Task[None]] = []

    async def start(handler: Handler) -> BrokerUrl:
        async def treat(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            try:
                await handler(Server(reader, writer))
            finally:
                writer.close()

        def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            tasks.append(asyncio.create_task(treat(reader, writer)))

        server = await asyncio.start_server(accept, "127.0.0.1", 0)
        servers.append(server)
        return BrokerUrl.parse(f"mqtt://127.0.0.1:{server.sockets[0].getsockname()[1]}")

    yield start
    for server in servers:
        server.close()
    async with asyncio.timeout(PATIENCE):
        await asyncio.gather(*tasks)
