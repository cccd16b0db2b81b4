"""A proxy in front of a broker, to lose what a network loses, and to speak TLS."""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Callable


class Proxy:
    """Forwards TCP to a port of this machine. Made by ``proxied``."""

    def __init__(self, target: int) -> None:
        self.port = 0
        self.connections = 0
        """How many connections were made so far."""
        self.hung_up = 0
        """How many of them the broker ended so far, whoever wanted it."""
        self.said = bytearray()
        """What clients sent so far."""
        self.hold_when: bytes | None = None
        """Hold, once, as soon as a client says this, and before the broker hears it."""
        self._target = target
        self._hold_new = False
        self._gates: set[asyncio.Event] = set()
        self._ways_in: set[asyncio.Event] = set()
        self._open: set[asyncio.StreamWriter] = set()

    def hold(self, *, new_ones_too: bool = False) -> None:
        """Keep back what the broker says from now on; what clients say still gets through."""
        self._hold_new = new_ones_too
        for gate in self._gates:
            gate.clear()

    def lose(self) -> None:
        """From now on nothing gets through, in either direction, on the connections that there are."""
        for gate in self._gates | self._ways_in:
            gate.clear()

    def release(self) -> None:
        """Hand out what was kept back, and keep back nothing more."""
        self._hold_new = False
        for gate in self._gates | self._ways_in:
            gate.set()

    def cut(self) -> None:
        """Reset every connection, as a router that forgot them does. What was kept back is lost."""
        for writer in self._open:
            writer.transport.abort()
        self.release()

    def hear(self, data: bytes) -> None:
        """A client says this."""
        self.said += data
        if self.hold_when is not None and self.hold_when in data:
            self.hold_when = None
            self.hold()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Forward one connection until both sides have ended it."""
        self.connections += 1
        try:
            broker_reader, broker_writer = await asyncio.open_connection("127.0.0.1", self._target)
        except OSError:
            writer.transport.abort()
            return
        gate, way_in = asyncio.Event(), asyncio.Event()
        way_in.set()
        if not self._hold_new:
            gate.set()
        self._open |= {writer, broker_writer}
        self._gates.add(gate)
        self._ways_in.add(way_in)

        def hung_up() -> None:
            self.hung_up += 1

        try:
            await asyncio.gather(
                _forward(reader, broker_writer, way_in, hear=self.hear),
                _forward(broker_reader, writer, gate, ended=hung_up),
            )
        finally:
            self._open -= {writer, broker_writer}
            self._gates.discard(gate)
            self._ways_in.discard(way_in)


async def _forward(
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    gate: asyncio.Event,
    *,
    hear: Callable[[bytes], None] | None = None,
    ended: Callable[[], None] | None = None,
) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(65_536):
            await gate.wait()
            if hear is not None:
                hear(data)
            writer.write(data)
            await writer.drain()
    if ended is not None:
        ended()
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()


@contextlib.asynccontextmanager
async def proxied(target: int, *, tls: ssl.SSLContext | None = None) -> AsyncIterator[Proxy]:
    """A proxy to this port, on a free port of its own."""
    proxy = Proxy(target)
    tasks: set[asyncio.Task[None]] = set()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(proxy.serve(reader, writer))
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    server = await asyncio.start_server(accept, "127.0.0.1", 0, ssl=tls)
    proxy.port = server.sockets[0].getsockname()[1]
    try:
        yield proxy
    finally:
        server.close()
        proxy.cut()
        await asyncio.gather(*tasks, return_exceptions=True)
        await server.wait_closed()
