"""From what the broker delivers to what the app is told: once, newest state only, never backwards."""

import logging
from collections import Counter
from typing import Literal

from .connection import Incoming
from .dedup import Recent, SeenIds
from .errors import InvalidTopicError, UnknownTypeError, UnreadableMessageError
from .events import DeviceRemoved, Event
from .messages import (
    CreditUpdateMessage,
    DeviceConnectedMessage,
    DeviceDisconnectedMessage,
    Message,
    ShootProgressMessage,
)
from .ordering import is_newer_balance, is_newer_progress
from .presence import Devices
from .receive import receive
from .topics import PresenceTopic, ShootTopic, parse

DropReason = Literal["unreadable", "unknown-type", "overflow"]

logger = logging.getLogger(__name__)


class Inbound:
    """What one device has received, over all its connections."""

    def __init__(self, device: str) -> None:
        self._device = device
        self._seen = SeenIds()
        self._shoots: Recent[ShootProgressMessage] = Recent()
        self._balance: CreditUpdateMessage | None = None
        self._devices = Devices()
        self.dropped: Counter[DropReason] = Counter()

    def read(self, incoming: Incoming) -> Message | DeviceRemoved | None:
        """The message, or None when it is none of the contract: then it is counted and logged."""
        try:
            topic = parse(incoming.topic)
            if isinstance(topic, PresenceTopic) and not incoming.payload:
                return DeviceRemoved(topic.device)
            return receive(topic, incoming.payload)
        except UnknownTypeError:
            self._drop("unknown-type", incoming, "sent by a newer version")
        except (UnreadableMessageError, InvalidTopicError) as exc:
            self._drop("unreadable", incoming, str(exc))
        return None

    def news(
        self, message: Message | DeviceRemoved, incoming: Incoming, *, replayed: bool
    ) -> Event | DeviceRemoved | None:
        """What to tell the app, or None when it knows."""
        if isinstance(message, DeviceRemoved):
            return message if self._devices.remove(message.device_id) else None
        if not self._is_news(message):
            return None
        return Event(
            message,
            own=self._device in (message.device_id, getattr(message.data, "device_id", None)),
            replayed=replayed,
            retained=incoming.retain,
            expires_in=incoming.expires_in,
        )

    def _is_news(self, message: Message) -> bool:
        if isinstance(message, DeviceConnectedMessage | DeviceDisconnectedMessage):
            return self._devices.take(message)
        if not self._seen.is_new(message.id):
            return False
        if isinstance(message, ShootProgressMessage):
            if not is_newer_progress(message, self._shoots.get(message.data.shoot_id)):
                return False
            self._shoots.put(message.data.shoot_id, message)
        elif isinstance(message, CreditUpdateMessage):
            if not is_newer_balance(message, self._balance):
                return False
            self._balance = message
        return True

    def _drop(self, reason: DropReason, incoming: Incoming, why: str) -> None:
        self.dropped[reason] += 1
        # The first one loudly: a publisher that is broken sends more of them. Never the payload.
        level = logging.WARNING if self.dropped[reason] == 1 else logging.DEBUG
        logger.log(level, "Dropped a message on %s: %s", incoming.topic, why)


def state_of(topic: str) -> str | None:
    """The thing whose newest value a message on this topic is; None: each message counts."""
    try:
        return topic if isinstance(parse(topic), ShootTopic | PresenceTopic) else None
    except InvalidTopicError:
        return None
