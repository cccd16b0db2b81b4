"""One MQTT 5 connection, synchronous, that keeps every reason code the broker gives."""

import queue
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Self, TypeVar

from paho.mqtt.client import Client, ConnectFlags, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

T = TypeVar("T")

PATIENCE = 20.0
"""Seconds that a test waits for what must happen, on a machine that is busy with other tests."""

ACCEPTED = 0x00
NO_MATCHING_SUBSCRIBERS = 0x10
UNSPECIFIED_ERROR = 0x80
NOT_AUTHORIZED = 0x87
PACKET_TOO_LARGE = 0x95
ADMINISTRATIVE_ACTION = 0x98

TAKEN = (ACCEPTED, NO_MATCHING_SUBSCRIBERS)
"""What a publish is answered that the broker accepted."""


@dataclass(frozen=True)
class Message:
    topic: str
    payload: bytes
    qos: int
    retain: bool


@dataclass(frozen=True)
class Will:
    topic: str
    payload: bytes = b"gone"
    retain: bool = False
    delay: int = 0


class Link:
    """A connection over ``transport`` ("tcp" or "websockets"); nothing is sent before ``connect``."""

    opened: ClassVar[list["Link"]] = []
    """Every link that the present test made."""

    def __init__(self, host: str, port: int, transport: str, client_id: str) -> None:
        Link.opened.append(self)
        self._host = host
        self._port = port
        self._client = Client(
            CallbackAPIVersion.VERSION2,
            client_id=client_id,
            protocol=MQTTProtocolVersion.MQTTv5,
            transport="websockets" if transport == "websockets" else "tcp",
            reconnect_on_failure=False,
        )
        self._client.max_inflight_messages_set(1000)
        self.session_present = False
        self.messages: queue.Queue[Message] = queue.Queue()
        self._connack: queue.Queue[int] = queue.Queue()
        self._subacks: dict[int, list[int]] = {}
        self._pubacks: dict[int, int] = {}
        self._ended: int | None = None
        self._changed = threading.Condition()
        self._client.on_connect = self._on_connect
        self._client.on_message = self._on_message
        self._client.on_subscribe = self._on_subscribe
        self._client.on_unsubscribe = self._on_subscribe
        self._client.on_publish = self._on_publish
        self._client.on_disconnect = self._on_disconnect

    def connect(
        self,
        username: str | None = None,
        password: str | None = None,
        *,
        keepalive: int = 30,
        clean_start: bool = True,
        session_expiry: int = 0,
        will: Will | None = None,
        **properties: Any,
    ) -> int:
        """CONNECT, and the reason code of the CONNACK; 0x80 when the broker hangs up without one."""
        connect_properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]  # paho has no type there
        connect_properties.SessionExpiryInterval = session_expiry
        for name, value in properties.items():
            setattr(connect_properties, name, value)
        self._client.username_pw_set(username, password)
        if will:
            will_properties = Properties(PacketTypes.WILLMESSAGE)  # type: ignore[no-untyped-call]  # paho has no type there
            will_properties.WillDelayInterval = will.delay
            self._client.will_set(will.topic, will.payload, 1, will.retain, will_properties)
        self._client.connect(
            self._host,
            self._port,
            keepalive=keepalive,
            clean_start=clean_start,
            properties=connect_properties,
        )
        self._client.loop_start()
        return self._connack.get(timeout=PATIENCE)

    def subscribe(self, *filters: str, qos: int = 1) -> list[int]:
        """One SUBSCRIBE, and its reason codes in order."""
        return self.subscribe_each([(topic_filter, qos) for topic_filter in filters])

    def subscribe_each(self, filters: Iterable[tuple[str, int]]) -> list[int]:
        """One SUBSCRIBE of filters with their QoS, and its reason codes in order."""
        _, mid = self._client.subscribe([(name, SubscribeOptions(qos=qos)) for name, qos in filters])
        return self._wait_for(self._subacks, mid)

    def unsubscribe(self, *filters: str) -> list[int]:
        _, mid = self._client.unsubscribe(list(filters))
        return self._wait_for(self._subacks, mid)

    def publish(self, topic: str, payload: bytes | str = b"x", *, retain: bool = False) -> int:
        """PUBLISH at QoS 1, and the reason code of the PUBACK."""
        return self._wait_for(self._pubacks, self.send(topic, payload, retain=retain))

    def send(self, topic: str, payload: bytes | str = b"x", *, retain: bool = False) -> int:
        """PUBLISH at QoS 1 without waiting; the packet id, for ``puback``."""
        return self._client.publish(topic, payload, qos=1, retain=retain).mid

    def pubacks(self, mids: Sequence[int]) -> list[int]:
        """The reason codes of these publishes; fewer when the connection ended before."""
        with self._changed:
            self._changed.wait_for(
                lambda: self._ended is not None or all(mid in self._pubacks for mid in mids), PATIENCE
            )
            return [self._pubacks[mid] for mid in mids if mid in self._pubacks]

    def receive(self, timeout: float = PATIENCE) -> Message:
        """The next message. Raises queue.Empty after ``timeout`` seconds."""
        return self.messages.get(timeout=timeout)

    def received(self) -> list[Message]:
        """What has arrived and was not taken yet, without waiting."""
        taken: list[Message] = []
        while not self.messages.empty():
            taken.append(self.messages.get_nowait())
        return taken

    def wait_until_ended(self) -> int:
        """Wait until the broker ends the connection; the reason code of its DISCONNECT, 0x80 without one."""
        with self._changed:
            assert self._changed.wait_for(lambda: self._ended is not None, PATIENCE), "still connected"
            assert self._ended is not None
            return self._ended

    @property
    def alive(self) -> bool:
        return self._ended is None and self._client.is_connected()

    def drop(self) -> None:
        """End the connection as a dying device does: reset, without DISCONNECT."""
        connection: Any = self._client.socket()
        if connection is not None:
            raw = getattr(connection, "_socket", connection)
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            raw.shutdown(socket.SHUT_RDWR)
        self.wait_until_ended()
        self._close()

    def disconnect(self, reason: int = 0) -> None:
        """DISCONNECT with this reason code, and close. Safe to call twice."""
        codes = ReasonCode(PacketTypes.DISCONNECT, identifier=reason)
        self._client.disconnect(reasoncode=codes)
        self._close()

    def _close(self) -> None:
        self._client.loop_stop()
        # The loop may have stopped before it came to that. paho closes the sockets that wake its loop in
        # __del__, which is too late: the collector may come to the sockets first, and warns.
        self._client._reset_sockets()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.disconnect()

    def _wait_for(self, answers: dict[int, T], mid: int | None) -> T:
        with self._changed:
            assert mid is not None
            assert self._changed.wait_for(lambda: mid in answers or self._ended is not None, PATIENCE), (
                "the broker did not answer"
            )
            assert mid in answers, f"the broker ended the connection (0x{self._ended or 0:02x})"
            return answers[mid]

    def _on_connect(
        self, _client: Client, _userdata: None, flags: ConnectFlags, reason: ReasonCode, _properties: Any
    ) -> None:
        self.session_present = flags.session_present
        self._connack.put(reason.value)

    def _on_message(self, _client: Client, _userdata: None, message: MQTTMessage) -> None:
        self.messages.put(Message(message.topic, bytes(message.payload), message.qos, message.retain))

    def _on_subscribe(
        self, _client: Client, _userdata: None, mid: int, reasons: list[ReasonCode], _properties: Any
    ) -> None:
        with self._changed:
            self._subacks[mid] = [reason.value for reason in reasons]
            self._changed.notify_all()

    def _on_publish(
        self, _client: Client, _userdata: None, mid: int, reason: ReasonCode, _properties: Any
    ) -> None:
        with self._changed:
            self._pubacks[mid] = reason.value
            self._changed.notify_all()

    def _on_disconnect(
        self, _client: Client, _userdata: None, _flags: Any, reason: ReasonCode, _properties: Any
    ) -> None:
        with self._changed:
            self._ended = reason.value
            self._connack.put(reason.value)
            self._changed.notify_all()


def wait_until(condition: Callable[[], bool]) -> None:
    """Wait until something that shows in no answer has happened."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.02)
