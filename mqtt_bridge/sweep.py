"""Ghosts: devices that were online when the broker crashed, which fires no wills, and did not come back."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass

from .errors import UnreadableMessageError
from .messages import DeviceConnectedMessage, DeviceDisconnected, DeviceDisconnectedMessage
from .receive import receive
from .topics import PresenceTopic

SWEEP_AFTER = 90.0
"""Seconds that devices have to come back after a new epoch shows: over twice the longest backoff.

A worker that starts later than the broker waits as long from when it first sees the epoch: it cannot know
when that began, and a device that is shown online for longer harms less than one that is shown as lost.
"""


@dataclass(frozen=True, slots=True)
class Ghost:
    """A retained birth from before the broker's last start."""

    topic: PresenceTopic
    session: int
    epoch: str
    """Of the birth."""

    def farewell(self, epoch: str) -> DeviceDisconnectedMessage:
        """What ends it, once ``epoch`` is the present one.

        It bears the session of the birth, so that a birth with a higher one stands against it. Whoever sweeps
        the same ghost comes to the same id.
        """
        name = "/".join((self.topic.user, self.topic.device, str(self.session), epoch))
        return DeviceDisconnectedMessage(
            id=hashlib.sha256(name.encode()).hexdigest()[:32],
            user_id=self.topic.user,
            device_id=self.topic.device,
            data=DeviceDisconnected(
                device_id=self.topic.device, session=self.session, reason="broker-restart"
            ),
        )


class Births:
    """The retained births of the users that this worker owns, as they were last written."""

    def __init__(self, owns: Callable[[str], bool]) -> None:
        """``owns`` says whether a user is this worker's."""
        self._owns = owns
        self._births: dict[tuple[str, str], tuple[int, str]] = {}

    def __len__(self) -> int:
        return len(self._births)

    def saw(self, topic: PresenceTopic, payload: bytes) -> None:
        """A presence message arrived. What replaces a birth, even by nonsense or by nothing, ends it."""
        if not self._owns(topic.user):
            return
        key = topic.user, topic.device
        birth = _birth(topic, payload)
        if birth is None:
            self._births.pop(key, None)
        else:
            self._births[key] = birth.data.session, birth.data.epoch

    def ghosts(self, epoch: str) -> list[Ghost]:
        """Every birth of another epoch."""
        return [
            Ghost(PresenceTopic(user, device), session, birth_epoch)
            for (user, device), (session, birth_epoch) in self._births.items()
            if birth_epoch != epoch
        ]

    def is_still_there(self, ghost: Ghost) -> bool:
        """Whether nothing was written over it meanwhile."""
        return self._births.get((ghost.topic.user, ghost.topic.device)) == (ghost.session, ghost.epoch)

    def swept(self, ghost: Ghost) -> None:
        """The broker took its farewell."""
        if self.is_still_there(ghost):
            del self._births[ghost.topic.user, ghost.topic.device]


def _birth(topic: PresenceTopic, payload: bytes) -> DeviceConnectedMessage | None:
    try:
        message = receive(topic, payload)
    except UnreadableMessageError:
        return None
    return message if isinstance(message, DeviceConnectedMessage) else None
