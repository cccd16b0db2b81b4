"""One connection to the broker: MQTT 5, with every wait bounded and every reason code kept.

A connection is used once. After it is lost, make another: paho would send what it still has queued late and
out of order.
"""

import asyncio
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Self, TypeVar

from paho.mqtt.subscribeoptions import SubscribeOptions

from .broker_url import BrokerUrl
from .errors import LinkError, LinkRefusedError, PublishRefusedError
from .incoming import Incoming
from .mqtt5.reasons import NO_LISTENERS, Listeners
from .mqtt5_client import Mqtt5Client, Will
from .topics import Subscription

__all__ = ["DISCONNECT_WITH_WILL", "Connection", "Incoming", "Listeners", "Will"]

DISCONNECT_WITH_WILL = 0x04
"""DISCONNECT reason that lets the will speak (MQTT 5, 3.14.2.1)."""

_T = TypeVar("_T")


class Connection:
    """An open connection. Belongs to the event loop in which it was opened.

    ``lost`` is done as soon as the connection has ended, for whatever reason; its result says why.
    """

    def __init__(self, client: Mqtt5Client, timeout: float) -> None:
        self._client = client
        self._timeout = timeout
        self.lost: asyncio.Future[LinkError] = client.lost
        self.session_present = client.session_present
        """Whether the broker still had this client's session (CONNACK)."""

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
        session_expiry: int = 0,
        will: Will | None = None,
        ca_file: Path | None = None,
        manual_ack: bool = False,
        receive_maximum: int | None = None,
        on_message: Callable[[Incoming], None] | None = None,
    ) -> Self:
        """Connect. ``timeout``, in seconds, bounds this and each later wait.

        With a ``session_expiry`` (seconds) of 0 the session starts clean and ends with the connection.
        ``on_message`` is called in the event loop for each message, in order, and must not raise.
        ``manual_ack``: QoS 1 messages are acknowledged by ``ack`` and not before ``on_message`` is called.
        ``receive_maximum``: as many QoS 1 messages may be unacknowledged at a time; None: the broker decides.

        Raises LinkRefusedError when the broker refuses, else LinkError.
        """
        client = Mqtt5Client(
            broker,
            client_id=client_id,
            username=username,
            password=password,
            keepalive=keepalive,
            session_expiry=session_expiry,
            will=will,
            ca_file=ca_file,
            manual_ack=manual_ack,
            receive_maximum=receive_maximum,
            on_message=on_message,
            timeout=timeout,
        )
        await client.dial()
        return cls(client, timeout)

    def silence(self) -> float:
        """Seconds since the last packet from the broker, answers to pings included."""
        return self._client.silence()

    async def publish(
        self, topic: str, payload: bytes, *, retain: bool = False, expiry: int | None = None
    ) -> Listeners:
        """Publish at QoS 1 and wait for the broker's PUBACK. ``expiry`` is in seconds.

        The message is queued before the first wait: what is published later goes out later.

        Raises PublishRefusedError when the broker refused the message, LinkError when no PUBACK came.
        """
        code = await self._answer(self._client.publish_soon(topic, payload, retain=retain, expiry=expiry))
        if code.is_failure:
            raise PublishRefusedError(topic, code.value, str(code))
        return "none" if code.value == NO_LISTENERS else "some"

    async def subscribe(
        self, subscriptions: Iterable[Subscription], *, identifier: int | None = None
    ) -> None:
        """Subscribe to all, in this order, in one packet.

        The broker puts the ``identifier`` (1 to 268,435,455) on every message that it sends for them.

        Raises LinkRefusedError naming the first filter that was refused, or LinkError when no SUBACK came.
        """
        wanted = [(each.filter, SubscribeOptions(qos=each.qos)) for each in subscriptions]
        codes = await self._answer(self._client.subscribe_soon(wanted, identifier))
        for (topic_filter, _), code in zip(wanted, codes, strict=True):
            if code.is_failure:
                raise LinkRefusedError(
                    f"The broker refused to subscribe {topic_filter}: {code}", reason_code=code.value
                )

    async def unsubscribe(self, filters: Iterable[str]) -> None:
        """End these subscriptions. Raises LinkError when no UNSUBACK came."""
        await self._answer(self._client.unsubscribe_soon(list(filters)))

    def ack(self, message: Incoming) -> None:
        """Acknowledge a message that was received with ``manual_ack``."""
        self._client.ack(message)

    async def close(self, *, reason: int = 0, session_expiry: int | None = None) -> None:
        """Say DISCONNECT and close, or just close when the connection cannot even take that.

        ``reason`` 0 discards the will. ``session_expiry`` replaces the one that was agreed on (seconds).
        """
        try:
            self._client.disconnect_soon(reason, session_expiry)
            async with asyncio.timeout(self._timeout):
                await asyncio.shield(self.lost)
        except (LinkError, TimeoutError):
            pass  # The broker will find out by itself.
        finally:
            self.abort()

    def abort(self) -> None:
        """Close without a word; the broker lets the will speak. May be called at any time, in any loop."""
        self._client.abort()

    async def _answer(self, answer: asyncio.Future[_T | None]) -> _T:
        try:
            async with asyncio.timeout(self._timeout):
                received = await answer
        except TimeoutError:
            raise LinkError(f"The broker did not answer within {self._timeout:g} s") from None
        if received is None:
            raise self._client.lost_error()
        return received
