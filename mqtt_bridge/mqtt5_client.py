"""aiomqtt 2.5.1, mended: PUBACK and SUBACK reasons, CONNACK flags, and no wait outlives the connection.

It overrides private methods, hence the exact pin of aiomqtt. Only ``connection.py`` uses it.
"""

import asyncio
import logging
import socket
import ssl
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import aiomqtt
from paho.mqtt.client import Client as PahoClient
from paho.mqtt.client import ConnectFlags, DisconnectFlags, MQTTMessage, _WebsocketWrapper
from paho.mqtt.enums import MQTTErrorCode
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

from .broker_url import BrokerUrl
from .errors import LinkError, LinkRefusedError
from .incoming import Incoming

if TYPE_CHECKING:
    from paho.mqtt.client import SocketLike

# paho pings after one such share of the keepalive without traffic, and gives up after a second one.
_PING_SHARE = 0.7

# What paho logs as errors arrives here as exceptions. To see every packet, set this logger to DEBUG.
_paho_logger = logging.getLogger("mqtt_bridge.paho")
_paho_logger.setLevel(logging.CRITICAL)


@dataclass(frozen=True, slots=True)
class Will:
    """What the broker publishes, retained, when the connection ends without a goodbye."""

    topic: str
    payload: bytes
    delay: int
    """Seconds that the broker waits first."""
    expiry: int
    """Seconds that the will stays retained, from when it fired."""


class Mqtt5Client(aiomqtt.Client):
    """aiomqtt's client, with its callbacks replaced where they lose what is needed."""

    def __init__(
        self,
        broker: BrokerUrl,
        *,
        client_id: str,
        username: str | None,
        password: str | None,
        keepalive: int,
        session_expiry: int,
        will: Will | None,
        ca_file: Path | None,
        manual_ack: bool,
        receive_maximum: int | None = None,
        on_message: Callable[[Incoming], None] | None,
        timeout: float,
    ) -> None:
        super().__init__(
            broker.host,
            broker.port,
            username=username,
            password=password,
            identifier=client_id,
            protocol=aiomqtt.ProtocolVersion.V5,
            transport=broker.transport,
            keepalive=keepalive,
            clean_start=session_expiry == 0,
            properties=_properties(
                PacketTypes.CONNECT, SessionExpiryInterval=session_expiry, ReceiveMaximum=receive_maximum
            ),
            will=_will(will),
            timeout=timeout,
            logger=_paho_logger,
        )
        self._client._create_socket = self._open_socket  # type: ignore[method-assign]  # no other way in
        self._client.manual_ack_set(manual_ack)
        self._thread = threading.get_ident()
        self._broker = broker
        self._ca_file = ca_file
        self._receive = on_message
        self._answers: dict[int, asyncio.Future[Any]] = {}
        self.session_present = False
        self.lost: asyncio.Future[LinkError] = self._loop.create_future()
        # aiomqtt ends this future when reading or writing raises, and leaves the socket open.
        self._disconnected.add_done_callback(self._broke)

    async def dial(self) -> None:
        """Connect within ``timeout`` seconds. Raises LinkRefusedError or LinkError."""
        dialled = self._loop.run_in_executor(None, self._client_connect)
        connected = False
        try:
            async with asyncio.timeout(self.timeout):
                await asyncio.shield(dialled)
                await self._connected
            connected = True
        except aiomqtt.MqttCodeError as exc:
            code = exc.rc.value if isinstance(exc.rc, ReasonCode) else None
            raise LinkRefusedError(f"{self._broker} refused: {exc.rc}", reason_code=code) from exc
        except TimeoutError as exc:
            raise LinkError(f"No answer from {self._broker} within {self.timeout:g} s") from exc
        # ValueError and IndexError: host names and WebSocket answers that paho cannot read.
        except (aiomqtt.MqttError, OSError, ValueError, IndexError) as exc:
            raise LinkError(f"Cannot connect to {self._broker}: {exc}") from exc
        finally:
            if not connected:
                # The thread may still be about to open a socket.
                dialled.add_done_callback(self._hang_up)

    def publish_soon(
        self, topic: str, payload: bytes, *, retain: bool, expiry: int | None
    ) -> asyncio.Future[ReasonCode | None]:
        """Queue a QoS 1 message. Its PUBACK's reason code is the result, or None when the link was lost."""
        self._raise_if_lost()
        properties = _publish_properties(expiry)
        info = self._client.publish(topic, payload, qos=1, retain=retain, properties=properties)
        return self._await_answer(info.rc, info.mid)

    def subscribe_soon(
        self, wanted: list[tuple[str, SubscribeOptions]], identifier: int | None
    ) -> asyncio.Future[list[ReasonCode] | None]:
        self._raise_if_lost()
        properties = _properties(PacketTypes.SUBSCRIBE, SubscriptionIdentifier=identifier)
        rc, mid = self._client.subscribe(wanted, properties=properties)
        return self._await_answer(rc, mid)

    def unsubscribe_soon(self, filters: list[str]) -> asyncio.Future[list[ReasonCode] | None]:
        self._raise_if_lost()
        rc, mid = self._client.unsubscribe(filters)
        return self._await_answer(rc, mid)

    def disconnect_soon(self, reason: int, session_expiry: int | None) -> None:
        """Queue a DISCONNECT; ``lost`` is done when it is sent."""
        self._raise_if_lost()
        properties = _properties(PacketTypes.DISCONNECT, SessionExpiryInterval=session_expiry)
        self._client.disconnect(ReasonCode(PacketTypes.DISCONNECT, identifier=reason), properties)

    def silence(self) -> float:
        return time.monotonic() - self._client._last_bytes_received

    def ack(self, message: Incoming) -> None:
        self._client.ack(message.mid, message.qos)

    def abort(self) -> None:
        """Close at once. Not from within ``on_message``."""
        if self._loop.is_closed():
            # Nothing is left to unregister from.
            self._client.on_socket_close = None
            self._client.on_socket_unregister_write = None
        else:
            self._end(LinkError("The connection was closed"))
        self._client._sock_close()

    def lost_error(self) -> LinkError:
        """Why the connection was lost, as an exception of its own for each who waits."""
        why = self.lost.result()
        return LinkError(why.detail, reason_code=why.reason_code)

    def _raise_if_lost(self) -> None:
        if self.lost.done():
            raise self.lost_error()

    def _await_answer(self, rc: MQTTErrorCode, mid: int | None) -> asyncio.Future[Any]:
        if rc != MQTTErrorCode.MQTT_ERR_SUCCESS or mid is None:
            raise LinkError(f"The message could not be queued: {rc.name}")
        answer = self._loop.create_future()
        self._answers[mid] = answer
        answer.add_done_callback(lambda _: self._answers.pop(mid, None))
        return answer

    def _answered(self, mid: int, answer: Any) -> None:
        waiting = self._answers.get(mid)
        if waiting is not None and not waiting.done():
            waiting.set_result(answer)

    def _end(self, error: LinkError) -> None:
        if self.lost.done():
            return
        self.lost.set_result(error)
        for mid in list(self._answers):
            self._answered(mid, None)
        if not self._connected.done():
            self._connected.set_exception(aiomqtt.MqttError(error.detail))
            self._connected.exception()  # Nobody may be waiting any more.

    def _broke(self, disconnected: asyncio.Future[None]) -> None:
        self._end(LinkError(f"The connection broke: {disconnected.exception()!r}"))
        self._client._sock_close()

    def _hang_up(self, dialled: asyncio.Future[None]) -> None:
        dialled.exception()  # Told already, or nobody waits for it any more.
        self.abort()

    def _open_socket(self) -> "SocketLike":
        # In place of paho's own, which leaks the socket when the handshake of TLS or WebSocket fails.
        broker = self._broker
        sock = socket.create_connection((broker.host, broker.port), timeout=self.timeout)
        try:
            # Else small packets wait for the acknowledgement of the one before.
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if broker.tls:
                sock = _tls_context(self._ca_file).wrap_socket(sock, server_hostname=broker.host)
            if broker.transport == "tcp":
                return sock
            host = f"[{broker.host}]" if ":" in broker.host else broker.host
            return _WebsocketWrapper(sock, host, broker.port, broker.tls, broker.path, None)
        except BaseException:
            sock.close()
            raise

    async def _misc_loop(self) -> None:
        while self._client.loop_misc() == MQTTErrorCode.MQTT_ERR_SUCCESS:  # noqa: ASYNC110  # as in aiomqtt
            await asyncio.sleep(min(1.0, 0.05 * self._client.keepalive))

    def _on_connect(
        self,
        client: PahoClient,
        userdata: Any,
        flags: ConnectFlags,
        reason_code: ReasonCode,
        properties: Properties | None = None,
    ) -> None:
        self.session_present = flags.session_present
        # Told to the broker as it is; for pinging, less, so that a dead link shows within 1.5 times of it.
        client._keepalive = max(1, int(client._keepalive * _PING_SHARE))
        # The broker cuts off who exceeds its receive maximum (MQTT 5, 3.3.4); paho's default is a guess.
        client._max_inflight_messages = getattr(properties, "ReceiveMaximum", 65_535)
        super()._on_connect(client, userdata, flags, reason_code, properties)

    def _on_disconnect(
        self,
        client: PahoClient,
        userdata: Any,
        flags: DisconnectFlags,
        reason_code: ReasonCode,
        properties: Properties | None = None,
    ) -> None:
        if flags.is_disconnect_packet_from_server:
            self._end(LinkError(f"The broker disconnected: {reason_code}", reason_code=reason_code.value))
        else:
            self._end(LinkError(f"The connection ended: {reason_code}"))

    def _on_publish(
        self, client: PahoClient, userdata: Any, mid: int, reason_code: ReasonCode, properties: Properties
    ) -> None:
        self._answered(mid, reason_code)

    def _on_subscribe(
        self,
        client: PahoClient,
        userdata: Any,
        mid: int,
        reason_codes: list[ReasonCode],
        properties: Properties | None = None,
    ) -> None:
        self._answered(mid, reason_codes)

    _on_unsubscribe = _on_subscribe

    def _on_message(self, client: PahoClient, userdata: Any, message: MQTTMessage) -> None:
        if self._receive is not None:
            self._receive(
                Incoming(
                    topic=message.topic,
                    payload=bytes(message.payload),
                    qos=message.qos,
                    retain=message.retain,
                    expires_in=getattr(message.properties, "MessageExpiryInterval", None),
                    mid=message.mid,
                    subscription_ids=tuple(getattr(message.properties, "SubscriptionIdentifier", ())),
                )
            )

    def _on_socket_register_write(self, client: PahoClient, userdata: Any, sock: Any) -> None:
        # aiomqtt has the socket watched, by its number, a turn later; by then the number can be another
        # connection's. And it wakes the loop through a pipe, which only the thread that dials must.
        if threading.get_ident() == self._thread:
            self._loop.call_soon(self._write_now, sock)
        else:
            self._loop.call_soon_threadsafe(self._write_now, sock)

    def _write_now(self, sock: Any) -> None:
        if self._client.socket() is not sock:
            return
        self._write()
        # Packets are small and go out at once. Only a socket that is full is worth watching.
        rest = self._client.socket()
        if rest is not None and self._client.want_write():
            self._loop.add_writer(rest.fileno(), self._write)

    def _write(self) -> None:
        try:
            self._client.loop_write()
        except Exception as exc:  # paho raises what it likes; whatever it is, the stream is broken
            self._end(LinkError(f"The connection broke: {exc!r}"))
            self._client._sock_close()


def _properties(packet_type: int, **values: int | None) -> Properties:
    properties = Properties(packet_type)  # type: ignore[no-untyped-call]  # paho has no type there
    for name, value in values.items():
        if value is not None:
            setattr(properties, name, value)
    return properties


@lru_cache(maxsize=64)
def _publish_properties(expiry: int | None) -> Properties:
    # Building them takes paho longer than sending the message. They are only read.
    return _properties(PacketTypes.PUBLISH, MessageExpiryInterval=expiry)


def _will(will: Will | None) -> aiomqtt.Will | None:
    if will is None:
        return None
    properties = _properties(
        PacketTypes.WILLMESSAGE, WillDelayInterval=will.delay, MessageExpiryInterval=will.expiry
    )
    return aiomqtt.Will(will.topic, will.payload, qos=1, retain=True, properties=properties)


@cache
def _tls_context(ca_file: Path | None) -> ssl.SSLContext:
    # Kept: reading the system's authorities takes 20 ms.
    return ssl.create_default_context(cadata=ca_file.read_text() if ca_file else None)
