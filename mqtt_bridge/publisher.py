"""Publishing to the broker from request handlers: what a publisher is, and the one that does it."""

import asyncio
import logging
import secrets
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeVar

from . import tokens
from .broker_url import BrokerUrl
from .errors import LinkError, LinkRefusedError, PublishError, PublishRefusedError
from .hearing import Hearing
from .messages import Envelope
from .mqtt5.connection import Connection
from .mqtt5.reasons import NOT_AUTHORIZED, Listeners
from .retained_presence import PresenceReading, RetainedPresence
from .rights import functions_rights
from .sign_out import RevokeOrder
from .timing import seconds
from .tokens import SigningKey
from .topics import FUNCTIONS, REVOKE, PresenceTopic, Topic, UserTopic, client_id, user_devices
from .user_events import retained_events

KEEPALIVE = 1200
"""Seconds. Long, because nothing runs, and so nothing pings, between two invocations of a function."""
MAX_IDLE = 300
"""Seconds without an answer after which a connection counts as dead. NAT gateways drop at 350, silently."""
TRUSTED = 0.02
"""Seconds after the broker's last word for which a connection needs no look whether it ended."""
TURNS_TO_NOTICE = 4
"""Turns of the event loop until an end that waits in the socket is known: one finds the socket readable, TCP
and TLS each pass an error on a turn later, and in each turn who waits comes first."""
RENEW_AT = 0.8
"""Share of the token's life after which a new connection is made; the broker cuts the old one at its end."""
LISTING_TIMEOUT = 5.0
"""Seconds that an attempt to read many retained messages may take."""
QUEUE_LIMIT = 1000
"""The broker's ``max_queued_messages``."""

logger = logging.getLogger(__name__)

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Receipt:
    """The broker acknowledged the message."""

    id: str
    """The message's id."""
    listeners: Listeners
    """``none`` when not even a sleeping session subscribes (MQTT 5 PUBACK reason 0x10)."""


@dataclass(frozen=True, slots=True)
class DeviceList:
    """What the broker retains of a user's devices."""

    devices: list[RetainedPresence]
    """By device id."""
    device_ids: list[str]
    """Also those whose presence cannot be read."""
    complete: bool
    """False: there are more devices than the broker delivers at once, and some may be missing."""


class Publisher(Protocol):
    """What the functions ask of the broker. Shared by concurrent requests.

    Everything but ``aclose`` raises PublishError when the broker does not answer in time, and may be done
    again; and PublishRefusedError when it refuses.
    """

    async def publish(self, topic: Topic, message: Envelope) -> Receipt:
        """Publish with the topic's retain flag and expiry, and return once the broker acknowledged.

        Raises PublishError when it did not: the message may have been published all the same, and may be sent
        again with the same id. Raises PublishRefusedError when the broker refused it.
        """
        ...

    async def clear(self, topic: Topic) -> None:
        """Have the broker forget what it retains on a topic."""
        ...

    async def revoke(self, order: RevokeOrder) -> None:
        """Have the broker end a device's sessions, and return once it will not forget that."""
        ...

    async def read_device(self, topic: PresenceTopic) -> RetainedPresence | None:
        """The last state of one device; None: the broker knows of none."""
        ...

    async def list_devices(self, user: str) -> DeviceList:
        """The last state of each of a user's devices."""
        ...

    async def list_events(self, user: str) -> list[UserTopic]:
        """Where progress and credits of a user are retained: many, but perhaps not all of them at once."""
        ...

    async def round_trip(self) -> float:
        """Seconds that a message takes to the broker and back to here."""
        ...

    async def aclose(self) -> None:
        """End the connection, where there is one. The next use makes another."""
        ...


@dataclass(eq=False)
class _Link:
    """A connection, and what decides whether it may still be used."""

    connection: Connection
    device: str
    loop: asyncio.AbstractEventLoop
    renew_at: float
    expires: float
    """When its token ends for the broker, whatever our ``clock`` did meanwhile: seconds since 1970."""
    hearing: Hearing
    in_use: int = 0
    retired: bool = False


class MqttPublisher(Publisher):
    """Publishes over one warm connection, made at first use and shared by concurrent requests.

    At most two attempts: a message whose connection turns out to be dead goes out once more, with the same
    id, on a fresh one. Each attempt, connecting included, takes at most ``timeout`` seconds. A message that
    the broker refused is not sent again.

    Messages of one caller that awaits each keep their order. The connection belongs to the running event
    loop; in another loop another one is made. Only one loop at a time may use a publisher.
    """

    def __init__(
        self,
        broker: BrokerUrl,
        *,
        key: SigningKey,
        issuer: str = tokens.ISSUER,
        audience: str = tokens.AUDIENCE,
        timeout: float,
        ca_file: Path | None = None,
        instance: str | None = None,
        token_lifetime: int = tokens.LIFETIME,
        queue_limit: int = QUEUE_LIMIT,
        clock: Callable[[], float] = seconds,
    ) -> None:
        """``timeout`` and ``token_lifetime`` are in seconds; ``clock`` measures them.

        ``queue_limit`` is the broker's ``max_queued_messages``: as many devices may not be all.
        ``instance`` begins the device id of each connection; the rest is random.
        """
        self._broker = broker
        self._key = key
        self._issuer = issuer
        self._audience = audience
        self._timeout = timeout
        self._ca_file = ca_file
        self._instance = instance
        self._token_lifetime = token_lifetime
        self._queue_limit = queue_limit
        self._clock = clock
        self._link: _Link | None = None
        self._connecting: asyncio.Task[_Link] | None = None
        self.connects = 0
        """How many connections were made so far."""
        self.resends = 0
        """How often something was done once more because a connection turned out to be dead."""

    async def publish(self, topic: Topic, message: Envelope) -> Receipt:
        listeners = await self._send(str(topic), message.to_json(), retain=topic.retain, expiry=topic.expiry)
        return Receipt(id=message.id, listeners=listeners)

    async def clear(self, topic: Topic) -> None:
        await self._send(str(topic), b"", retain=True)

    async def revoke(self, order: RevokeOrder) -> None:
        await self._send(REVOKE, order.to_json())

    async def read_device(self, topic: PresenceTopic) -> RetainedPresence | None:
        async def read(link: _Link) -> PresenceReading:
            reading = PresenceReading()
            await link.hearing.read(link.connection, str(topic), reading.take)
            return reading

        devices = (await self._attempt_twice(read)).devices
        return devices[0] if devices else None

    async def list_devices(self, user: str) -> DeviceList:
        topic_filter = user_devices(user)

        async def read(link: _Link) -> PresenceReading:
            reading = PresenceReading()
            await link.hearing.list(link.connection, topic_filter, reading.take)
            return reading

        reading = await self._attempt_twice(read, timeout=LISTING_TIMEOUT)
        return DeviceList(reading.devices, reading.device_ids, complete=reading.count < self._queue_limit)

    async def list_events(self, user: str) -> list[UserTopic]:
        async def read() -> list[UserTopic]:
            return await retained_events(
                self._broker,
                user,
                key=self._key,
                issuer=self._issuer,
                audience=self._audience,
                timeout=LISTING_TIMEOUT,
                ca_file=self._ca_file,
            )

        return await self._twice(read)

    async def round_trip(self) -> float:
        async def echo(link: _Link) -> float:
            started = time.perf_counter()
            await link.hearing.round_trip(link.connection)
            return time.perf_counter() - started

        return await self._attempt_twice(echo)

    async def aclose(self) -> None:
        loop = asyncio.get_running_loop()
        if self._connecting is not None and self._connecting.get_loop() is loop:
            # Let it end by itself, which it does in time: cancelling it would cancel who waits for it.
            await asyncio.wait({self._connecting})
        link, self._link = self._link, None
        if link is not None and link.loop is loop:
            await link.connection.close()
        elif link is not None:
            link.connection.abort()

    def _send(
        self, topic: str, payload: bytes, *, retain: bool = False, expiry: int | None = None
    ) -> Awaitable[Listeners]:
        # No coroutines here: every one that a publish passes through costs it CPU.
        def send(link: _Link) -> Awaitable[Listeners]:
            return link.connection.publish(topic, payload, retain=retain, expiry=expiry)

        def attempt() -> Awaitable[Listeners]:
            link = self._trusted_link()
            # A connection that needs no look bounds the wait for its PUBACK itself.
            return self._attempt(send, self._timeout) if link is None else self._use(link, send)

        return self._twice(attempt)

    async def _twice(self, work: Callable[[], Awaitable[_T]]) -> _T:
        try:
            return await work()
        except LinkRefusedError as exc:
            raise PublishError(str(exc)) from exc
        except LinkError as exc:
            logger.info("Once more on a fresh connection: %s", exc)
            self.resends += 1
        try:
            return await work()
        except LinkError as exc:
            raise PublishError(str(exc)) from exc

    async def _attempt_twice(
        self,
        work: Callable[[_Link], Awaitable[_T]],
        *,
        timeout: float = 0.0,  # noqa: ASYNC109  # of an attempt, where it must be longer than others
    ) -> _T:
        return await self._twice(lambda: self._attempt(work, max(timeout, self._timeout)))

    async def _attempt(self, work: Callable[[_Link], Awaitable[_T]], timeout: float) -> _T:  # noqa: ASYNC109  # handed on
        link: _Link | None = None
        try:
            async with asyncio.timeout(timeout):
                link = await self._usable_link()
                return await self._use(link, work)
        except TimeoutError:
            self._drop(link)
            raise LinkError(f"No answer from {self._broker} within {timeout:g} s") from None

    async def _use(self, link: _Link, work: Callable[[_Link], Awaitable[_T]]) -> _T:
        link.in_use += 1
        try:
            return await work(link)
        except (LinkError, PublishRefusedError) as exc:
            # From the end of its token until it cuts the connection, the broker refuses all that comes on it.
            if exc.reason_code == NOT_AUTHORIZED and time.time() >= link.expires:
                self._drop(link)
                raise LinkError(f"The connection's token has ended: {exc}") from exc
            if isinstance(exc, LinkError):
                self._drop(link)
            raise
        finally:
            link.in_use -= 1
            if link.retired and link.in_use == 0:
                link.connection.abort()

    def _trusted_link(self) -> _Link | None:
        """The connection, where the broker spoke so lately, or must so soon, that no look is worth it."""
        link = self._link
        if link is None or not self._is_alive(link, asyncio.get_running_loop()):
            return None
        now = self._clock()
        if now >= link.renew_at or not (link.in_use or now - link.connection.heard_at <= TRUSTED):
            return None
        return link

    async def _usable_link(self) -> _Link:
        # If the connection died while this process was frozen, its end still waits in the socket.
        for _ in range(TURNS_TO_NOTICE):
            await asyncio.sleep(0)
        loop = asyncio.get_running_loop()
        if self._link is not None:
            if self._is_alive(self._link, loop):
                if self._clock() < self._link.renew_at:
                    return self._link
                self._retire(self._link)
            else:
                self._drop(self._link)
        if self._connecting is None or self._connecting.get_loop() is not loop:
            self._connecting = loop.create_task(self._connect())
            self._connecting.add_done_callback(_retrieve)
        # Shielded: others wait for the same connection.
        return await asyncio.shield(self._connecting)

    def _is_alive(self, link: _Link, loop: asyncio.AbstractEventLoop) -> bool:
        return (
            link.loop is loop
            and not link.connection.lost.done()
            and self._clock() - link.connection.heard_at <= MAX_IDLE
        )

    def _retire(self, link: _Link) -> None:
        """Use it no more, and end it when nobody waits for an answer on it."""
        self._link = None
        link.retired = True
        if link.in_use == 0:
            link.connection.abort()

    def _drop(self, link: _Link | None) -> None:
        if link is None:
            return
        if self._link is link:
            self._link = None
        link.connection.abort()

    async def _connect(self) -> _Link:
        try:
            self._link = await self._open()
            self.connects += 1
            return self._link
        finally:
            if self._connecting is asyncio.current_task():
                self._connecting = None

    async def _open(self) -> _Link:
        now = self._clock()
        expires = int(time.time()) + self._token_lifetime
        # A name of its own for each connection: a new one must not push out one that is still in use.
        device = f"{self._instance}-{secrets.token_hex(4)}" if self._instance else secrets.token_hex(8)
        token = tokens.mint(
            self._key,
            principal=FUNCTIONS,
            device=device,
            rights=functions_rights(device),
            issuer=self._issuer,
            audience=self._audience,
            lifetime=self._token_lifetime,
        )
        hearing = Hearing(device)
        connection = await Connection.open(
            self._broker,
            client_id=client_id(FUNCTIONS, device),
            username=FUNCTIONS,
            password=token,
            keepalive=KEEPALIVE,
            timeout=self._timeout,
            ca_file=self._ca_file,
            on_message=hearing.hear,
            clock=self._clock,
        )
        return _Link(
            connection,
            device,
            loop=asyncio.get_running_loop(),
            renew_at=now + RENEW_AT * self._token_lifetime,
            expires=expires,
            hearing=hearing,
        )


def _retrieve(task: asyncio.Task[_Link]) -> None:
    # Everybody who waited may have run out of time; asyncio would log the error as lost.
    if not task.cancelled():
        task.exception()
