"""Who is online: presence is ordered by session, never by arrival and never by id."""

from typing import Literal

from .dedup import Recent
from .messages import DeviceConnectedMessage, DeviceDisconnectedMessage
from .tokens import MAX_CLOCK_SKEW

PresenceMessage = DeviceConnectedMessage | DeviceDisconnectedMessage

OwnPresence = Literal["fine", "announce-again", "outbid", "signed-out"]


def presence_rank(message: PresenceMessage) -> tuple[int, bool]:
    """Orders the presence of one device: the higher session, and at equal session the end of it."""
    return message.data.session, isinstance(message, DeviceDisconnectedMessage)


def is_newer_presence(new: PresenceMessage, known: PresenceMessage | None) -> bool:
    """Whether ``new`` replaces what is known of its device. A late will of an older session does not."""
    return known is None or presence_rank(new) > presence_rank(known)


class Devices:
    """What is known of the devices of one user."""

    def __init__(self) -> None:
        self._known: Recent[PresenceMessage] = Recent()

    def take(self, message: PresenceMessage) -> bool:
        """Take a message, and say whether there is something to tell.

        A device that is shown online and announces itself again, as it does when it renews its token, is no
        news.
        """
        known = self._known.get(message.data.device_id)
        if not is_newer_presence(message, known):
            return False
        self._known.put(message.data.device_id, message)
        return not (isinstance(known, DeviceConnectedMessage) and isinstance(message, DeviceConnectedMessage))

    def remove(self, device: str) -> bool:
        """Forget a device, and say whether it was known."""
        known = device in self._known
        self._known.discard(device)
        return known


def read_own_presence(message: PresenceMessage, *, session: int, first_session: int) -> OwnPresence:
    """What a device does about a message on its own presence topic.

    It is connected with ``session``; ``first_session`` is the first that it had since it was started. A
    sign-out from before that is over: somebody signed in again. One from after that is obeyed also when it is
    read late, because the broker cuts the connection before the message is there to read.

    A session number more than a day ahead is nonsense and cannot be outbid (``tokens.next_session``).
    """
    ended = isinstance(message, DeviceDisconnectedMessage)
    if message.data.session > session + MAX_CLOCK_SKEW:
        return "fine"
    if (
        isinstance(message, DeviceDisconnectedMessage)
        and message.data.reason == "signed-out"
        and message.data.session >= first_session
    ):
        return "signed-out"
    if message.data.session > session or (ended and message.data.session == session):
        # Nobody would believe a birth with this number: a higher one is needed.
        return "outbid"
    return "announce-again" if ended else "fine"
