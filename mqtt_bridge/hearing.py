"""What a connection of the functions hears: itself, and the retained presence that it asks for."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from typing import Any

from .errors import LinkError
from .incoming import Incoming
from .messages import new_id
from .mqtt5.connection import Connection
from .topics import FunctionsInboxTopic, Subscription

AT_ONCE = 25
"""Single topics that are read at a time. With their markers they must fit beside a listing into what the
broker keeps for a client: what it has sent and not heard of yet (100), and its queue (1,000)."""

Take = Callable[[Incoming], None]


class Hearing:
    """Markers, and readings that end with one.

    Mosquitto queues all that is retained before it answers a SUBSCRIBE, and sends QoS 1 in order: so a
    message to the own inbox that is published after the SUBACK arrives behind the last retained copy. At
    QoS 0 the marker would overtake copies of QoS 1, and copies would be dropped while the socket is busy.

    Readings are told apart by subscription identifiers (MQTT 5, 3.8.2.1.2): several of the same topics
    neither mix nor end each other, because each has its copies as of its SUBACK.
    """

    def __init__(self, device: str) -> None:
        """``device`` is that of the connection."""
        self._inbox = FunctionsInboxTopic(device)
        self._hears_itself = False
        self._markers: dict[bytes, asyncio.Future[None]] = {}
        self._takers: dict[int, Take] = {}
        self._identifiers = itertools.count(1)
        self._listing = asyncio.Lock()
        self._single = asyncio.Semaphore(AT_ONCE)
        self._leaving: set[asyncio.Task[None]] = set()

    def hear(self, message: Incoming) -> None:
        """A message arrived."""
        marker = self._markers.get(message.payload)
        if marker is not None and not marker.done():
            marker.set_result(None)
        for identifier in message.subscription_ids:
            if take := self._takers.get(identifier):
                take(message)

    async def round_trip(self, connection: Connection) -> None:
        """Send a message to the own inbox, and return when it is back. Raises LinkError."""
        if not self._hears_itself:
            await connection.subscribe([Subscription(str(self._inbox), 1)])
            self._hears_itself = True
        payload = new_id().encode()
        marker = self._markers[payload] = asyncio.get_running_loop().create_future()
        try:
            await connection.publish(str(self._inbox), payload, expiry=self._inbox.expiry)
            ends: set[asyncio.Future[Any]] = {marker, connection.lost}
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
            if not marker.done():
                raise LinkError(connection.lost.result().detail)
        finally:
            del self._markers[payload]

    async def read(self, connection: Connection, topic: str, take: Take) -> None:
        """Give ``take`` what is retained on a topic. Raises LinkError."""
        await self._read(connection, topic, take, self._single)

    async def list(self, connection: Connection, topic_filter: str, take: Take) -> None:
        """Give ``take`` what is retained under a filter. Raises LinkError.

        As many messages as the broker queues for a client may mean that it dropped some.
        """
        # One at a time: two would share the broker's queue, and could fill it without either noticing.
        await self._read(connection, topic_filter, take, self._listing)

    async def _read(
        self, connection: Connection, topic_filter: str, take: Take, turn: AbstractAsyncContextManager[object]
    ) -> None:
        async with turn, self._taking(take) as identifier:
            try:
                await connection.subscribe([Subscription(topic_filter, 1)], identifier=identifier)
                await self.round_trip(connection)
            finally:
                # By a task of its own, so that a caller who gives up leaves no subscription behind.
                leaving = asyncio.create_task(_leave(connection, topic_filter))
                self._leaving.add(leaving)
                leaving.add_done_callback(self._leaving.discard)
            await asyncio.shield(leaving)

    @asynccontextmanager
    async def _taking(self, take: Take) -> AsyncIterator[int]:
        identifier = next(self._identifiers)
        self._takers[identifier] = take
        try:
            yield identifier
        finally:
            del self._takers[identifier]


async def _leave(connection: Connection, topic_filter: str) -> None:
    # Where the connection was lost, the subscription ended with it.
    with suppress(LinkError):
        await connection.unsubscribe([topic_filter])
