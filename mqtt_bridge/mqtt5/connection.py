"""A connection of the functions to the broker: MQTT 5, every wait bounded and every reason code kept.

A connection is used once. After it is lost, make another and send again what was not acknowledged; with a
clean start there is no session to resume, so such a message is no duplicate to the broker (MQTT 5, 4.4).
"""

import asyncio
import os
import ssl
from collections.abc import Callable, Iterable
from functools import cache, partial
from pathlib import Path
from typing import Any, Self

from mqtt_bridge.broker_url import BrokerUrl
from mqtt_bridge.errors import LinkError, LinkRefusedError, PublishRefusedError
from mqtt_bridge.incoming import Incoming
from mqtt_bridge.timing import seconds
from mqtt_bridge.topics import Subscription

from . import encode
from .decode import Suback, Unsuback
from .protocol import MAX_PACKET, Answer, Mqtt5Protocol
from .reasons import NO_LISTENERS, QOS_NOT_SUPPORTED, REFUSED, Listeners, reason_name
from .websocket import WebSocket


class Connection:
    """An open connection. Belongs to the event loop in which it was opened.

    ``lost`` is done as soon as the connection has ended, for whatever reason; its result says why.
    """

    def __init__(self, protocol: Mqtt5Protocol, timeout: float) -> None:
        self._protocol = protocol
        self._timeout = timeout
        self.lost = protocol.lost

    @classmethod
    async def open(
        cls,
        broker: BrokerUrl,
        *,
        client_id: str,
        username: str | None = None,
        password: str | None = None,
        keepalive: int,
        timeout: float,  # noqa: ASYNC109  # bounds every later wait too
        ca_file: Path | None = None,
        on_message: Callable[[Incoming], None] | None = None,
        clock: Callable[[], float] = seconds,
    ) -> Self:
        """Connect, with a clean start and a session that ends with the connection.

        ``timeout``, in seconds, bounds this and each later wait. ``on_message`` is called in the event loop
        for each message, in order, and must not raise; afterwards the message is acknowledged.

        Raises LinkRefusedError when the broker refuses, else LinkError.
        """
        # The Host header has no brackets for names, and the port always: MQTT is rarely on the default one.
        host = f"[{broker.host}]" if ":" in broker.host else broker.host
        protocol = Mqtt5Protocol(
            encode.connect(
                client_id=client_id,
                username=username,
                password=password,
                keepalive=keepalive,
                maximum_packet_size=MAX_PACKET,
            ),
            timeout=timeout,
            clock=clock,
            websocket=WebSocket(f"{host}:{broker.port}", broker.path)
            if broker.transport == "websockets"
            else None,
            on_message=on_message,
        )
        connected = False
        try:
            async with asyncio.timeout(timeout):
                await _dial(broker, protocol, timeout, ca_file)
                connack = await protocol.connack
            if connack.reason >= REFUSED:
                raise LinkRefusedError(
                    f"{broker} refused: {reason_name(connack.reason)}", reason_code=connack.reason
                )
            if not connack.maximum_qos:
                raise LinkRefusedError(f"{broker} refuses QoS 1", reason_code=QOS_NOT_SUPPORTED)
            connected = True
        except TimeoutError as exc:
            raise LinkError(f"No answer from {broker} within {timeout:g} s") from exc
        except LinkRefusedError:
            raise
        except LinkError as exc:
            raise LinkError(f"Cannot connect to {broker}: {exc.detail}", reason_code=exc.reason_code) from exc
        # ValueError: a host name that cannot be one.
        except (OSError, ValueError) as exc:
            raise LinkError(f"Cannot connect to {broker}: {_reason(exc)}") from exc
        finally:
            if not connected:
                protocol.abort()
        protocol.keep_alive(keepalive if connack.server_keep_alive is None else connack.server_keep_alive)
        return cls(protocol, timeout)

    @property
    def heard_at(self) -> float:
        """When the broker last said something, by ``clock``."""
        return self._protocol.heard_at

    async def publish(
        self, topic: str, payload: bytes, *, retain: bool = False, expiry: int | None = None
    ) -> Listeners:
        """Publish at QoS 1 and wait for the broker's PUBACK. ``expiry`` is in seconds.

        The message is queued before the first wait: what is published later goes out later.

        Raises PublishRefusedError when the broker refused the message, LinkError when no PUBACK came.
        """
        reason = await self._protocol.publish_soon(topic, payload, retain=retain, expiry=expiry)
        if reason is None:
            raise self._protocol.lost_error()
        if reason >= REFUSED:
            raise PublishRefusedError(topic, reason, reason_name(reason))
        return "none" if reason == NO_LISTENERS else "some"

    async def subscribe(
        self, subscriptions: Iterable[Subscription], *, identifier: int | None = None
    ) -> None:
        """Subscribe to all, in this order, in one packet.

        The broker puts the ``identifier`` (1 to 268,435,455) on every message that it sends for them.

        Raises LinkRefusedError naming the first filter that was refused, or LinkError when no SUBACK came.
        """
        wanted = list(subscriptions)
        packet = partial(encode.subscribe, subscriptions=wanted, identifier=identifier)
        reasons = await self._answer(self._protocol.request_soon(packet, Suback, len(wanted)))
        for subscription, reason in zip(wanted, reasons, strict=True):
            if reason >= REFUSED:
                raise LinkRefusedError(
                    f"The broker refused to subscribe {subscription.filter}: {reason_name(reason)}",
                    reason_code=reason,
                )

    async def unsubscribe(self, filters: Iterable[str]) -> None:
        """End these subscriptions. Raises LinkError when no UNSUBACK came."""
        unwanted = list(filters)
        packet = partial(encode.unsubscribe, filters=unwanted)
        await self._answer(self._protocol.request_soon(packet, Unsuback, len(unwanted)))

    async def close(self) -> None:
        """Say DISCONNECT and close, or just close when the connection cannot even take that."""
        try:
            self._protocol.disconnect_soon(0)
            async with asyncio.timeout(self._timeout):
                await asyncio.shield(self.lost)
        except (LinkError, TimeoutError):
            pass  # The broker will find out by itself.
        finally:
            self.abort()

    def abort(self) -> None:
        """Close without a word. May be called at any time, in any loop."""
        self._protocol.abort()

    async def _answer(self, answer: Answer) -> tuple[int, ...]:
        reasons: tuple[int, ...] | None = await answer
        if reasons is None:
            raise self._protocol.lost_error()
        return reasons


async def _dial(broker: BrokerUrl, protocol: Mqtt5Protocol, timeout: float, ca_file: Path | None) -> None:  # noqa: ASYNC109  # for TLS too
    # The host name goes along as SNI, and must stand in the certificate. At the end of the connection, TLS
    # would wait half a minute for a peer that vanished.
    secured: dict[str, Any] = (
        {
            "ssl": _tls_context(ca_file),
            "ssl_handshake_timeout": timeout,
            "ssl_shutdown_timeout": timeout,
        }
        if broker.tls
        else {}
    )
    # Not with happy_eyeballs_delay: in Python 3.11, cancelling that leaves the socket open.
    await asyncio.get_running_loop().create_connection(lambda: protocol, broker.host, broker.port, **secured)


def _reason(exc: OSError | ValueError) -> str:
    if isinstance(exc, ConnectionError) and exc.errno:
        # asyncio names the call and the address where others name the reason.
        return os.strerror(exc.errno)
    return str(exc)


@cache
def _tls_context(ca_file: Path | None) -> ssl.SSLContext:
    # Kept: reading the system's authorities takes 20 ms.
    return ssl.create_default_context(cadata=ca_file.read_text() if ca_file else None)
