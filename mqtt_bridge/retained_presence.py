"""The presence of a user's devices, as the broker retains it at this moment."""

from dataclasses import dataclass
from typing import cast

from .errors import InvalidTopicError, UnreadableMessageError
from .incoming import Incoming
from .messages import DeviceConnectedMessage, DeviceDisconnectedMessage
from .presence import PresenceMessage
from .receive import receive
from .topics import PresenceTopic, parse


@dataclass(frozen=True, slots=True)
class RetainedPresence:
    """The last state of one device."""

    message: PresenceMessage
    expires_in: int | None
    """Seconds until the broker forgets it; None: never."""

    @property
    def device(self) -> str:
        """The device's id."""
        return self.message.data.device_id

    @property
    def session(self) -> int:
        """The session that began or ended."""
        return self.message.data.session

    @property
    def online(self) -> bool:
        """Whether its last state is a birth.

        The broker retains what came last. The will of an older session that comes late may replace a birth,
        until the device sees it and announces itself again; and a birth that outlived a crash of the broker
        stands until it is swept.
        """
        return isinstance(self.message, DeviceConnectedMessage)

    def since(self, now: int) -> int:
        """When it came to this state; it and ``now`` are milliseconds since 1970.

        For a device that left, the remaining expiry tells: a will's timestamp is that of the CONNECT, and a
        goodbye's is of a clock that may be wrong.
        """
        message = self.message
        if isinstance(message, DeviceDisconnectedMessage) and self.expires_in is not None:
            return now - max(0, PresenceTopic.expiry - self.expires_in) * 1000
        # A device whose clock is ahead has not been in this state since tomorrow.
        return min(message.timestamp, now)


class PresenceReading:
    """Collects what a subscription to the presence of a user's devices brings: retained copies, then news."""

    def __init__(self) -> None:
        self.count = 0
        """Messages so far."""
        self._devices: dict[str, RetainedPresence | None] = {}

    def take(self, incoming: Incoming) -> None:
        """A presence message arrived. The one that came last counts, as it does for the broker."""
        self.count += 1
        try:
            topic = cast("PresenceTopic", parse(incoming.topic))
        except InvalidTopicError:
            # A foreign publisher's; no device of ours can have this id.
            return
        if incoming.payload:
            self._devices[topic.device] = _read(topic, incoming)
        else:
            self._devices.pop(topic.device, None)

    @property
    def devices(self) -> list[RetainedPresence]:
        """What can be read, by device id."""
        return [presence for _, presence in sorted(self._devices.items()) if presence is not None]

    @property
    def device_ids(self) -> list[str]:
        """The devices of whom anything at all is retained, in order."""
        return sorted(self._devices)


def _read(topic: PresenceTopic, incoming: Incoming) -> RetainedPresence | None:
    try:
        # The topic lets no other types through.
        message = cast("PresenceMessage", receive(topic, incoming.payload))
    except UnreadableMessageError:
        return None
    return RetainedPresence(message, incoming.expires_in)
