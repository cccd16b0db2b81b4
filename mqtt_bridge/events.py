"""What a device client tells its app."""

from dataclasses import dataclass
from typing import Literal

from .messages import Message

ResyncCause = Literal["no-session", "new-epoch", "no-epoch", "queue-full", "foreign-session", "overflow"]
"""Why something may have been missed.

- ``no-session``: the broker had none for this device, so it queued nothing. So it is at the first connect.
- ``new-epoch``: the broker was started anew, and may have lost what it had.
- ``no-epoch``: the broker did not say which boot of it this is.
- ``queue-full``: as many messages were queued as the broker keeps; it drops the rest.
- ``foreign-session``: somebody else was this device in between: an earlier run of the app, as a rule.
- ``overflow``: the app did not take the events as fast as they came.
"""

StopReason = Literal["unauthorized", "signed-out"]


@dataclass(frozen=True, slots=True)
class Event:
    """A message for this device."""

    message: Message
    own: bool = False
    """It began at this device: an echo."""
    replayed: bool = False
    """It was sent while this device was away, and the broker kept it."""
    retained: bool = False
    """The present as the broker keeps it, not news."""
    expires_in: int | None = None
    """Seconds until the broker forgets the message; None: never. Tells the age of a retained will."""


@dataclass(frozen=True, slots=True)
class DeviceRemoved:
    """A device was removed for good; show it no more."""

    device_id: str


@dataclass(frozen=True, slots=True)
class Resync:
    """Something may have been missed: fetch what is shown again.

    Wait a random 0 to 10 s first, and merge: every device may have been told at once.
    """

    cause: ResyncCause


@dataclass(frozen=True, slots=True)
class Stopped:
    """The last event: the client does not come back by itself.

    ``unauthorized``: there was no session to be had. ``signed-out``: somebody signed this device out.
    """

    reason: StopReason
    detail: str


ClientEvent = Event | DeviceRemoved | Resync | Stopped
