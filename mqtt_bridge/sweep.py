"""Ghosts: devices that were online when the broker crashed, which fires no wills, and did not come back."""

import hashlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
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


_ByDevice = dict[str, tuple[int, str]]
"""Session and epoch of births, by device."""


class Births:
    """The retained births of the users that this worker serves, as they were last written."""

    def __init__(self, serves: Callable[[str], bool]) -> None:
        """``serves`` says whether a user is this worker's."""
        self._serves = serves
        self._users: dict[str, _ByDevice] = {}

    def __len__(self) -> int:
        return sum(len(devices) for devices in self._users.values())

    def saw(self, topic: PresenceTopic, payload: bytes) -> None:
        """A presence message arrived. What replaces a birth, be it nonsense or nothing, ends it."""
        if not self._serves(topic.user):
            return
        birth = _birth(topic, payload)
        if birth is not None:
            self._users.setdefault(topic.user, {})[topic.device] = birth.data.session, birth.data.epoch
        elif devices := self._users.get(topic.user):
            devices.pop(topic.device, None)
            if not devices:
                del self._users[topic.user]

    def haunted(self, epoch: str) -> list[str]:
        """The users with births of another epoch."""
        return [
            user
            for user, devices in self._users.items()
            if any(birth_epoch != epoch for _, birth_epoch in devices.values())
        ]

    def ghosts(self, user: str, epoch: str) -> list[Ghost]:
        """A user's births of another epoch."""
        return [
            Ghost(PresenceTopic(user, device), session, birth_epoch)
            for device, (session, birth_epoch) in self._users.get(user, {}).items()
            if birth_epoch != epoch
        ]

    @contextmanager
    def anew(self, users: Iterable[str]) -> Iterator[None]:
        """Forget these users, to hear of them anew within the block; when it fails, remember them again."""
        before = {user: self._users.pop(user) for user in users if user in self._users}
        try:
            yield
        except BaseException:
            for user, devices in before.items():
                self._users[user] = devices | self._users.get(user, {})
            raise


def _birth(topic: PresenceTopic, payload: bytes) -> DeviceConnectedMessage | None:
    try:
        message = receive(topic, payload)
    except UnreadableMessageError:
        return None
    return message if isinstance(message, DeviceConnectedMessage) else None
