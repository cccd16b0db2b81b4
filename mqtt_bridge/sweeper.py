"""Sweeping: ending the presence of ghosts, over whichever connection there is."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import Protocol

from .errors import PublishRefusedError
from .messages import Envelope
from .sweep import SWEEP_AFTER, Births, Ghost
from .timing import Timing
from .topics import PresenceTopic, Topic

AT_ONCE = 20
"""Users that are swept at a time: enough to be quick, and few beside what devices send."""

logger = logging.getLogger(__name__)


class SweptBroker(Protocol):
    """What sweeping needs of a connection. Each raises LinkError when it is lost."""

    async def publish(self, topic: Topic, message: Envelope) -> None:
        """Publish and wait for the acknowledgement. Raises PublishRefusedError."""
        ...

    async def read_presence(self, users: Sequence[str]) -> None:
        """Return once all that is retained for these users has gone through ``Sweeper.saw``."""
        ...


class Sweeper:
    """Remembers births and epochs from one connection to the next."""

    def __init__(self, serves: Callable[[str], bool], *, timing: Timing, count: Callable[[], object]) -> None:
        """``serves`` says whether a user is this worker's; ``count`` is called per swept device."""
        self._births = Births(serves)
        self._timing = timing
        self._count = count
        self._epoch: str | None = None
        self._since = 0.0

    def saw(self, topic: PresenceTopic, payload: bytes) -> None:
        """A presence message arrived."""
        self._births.saw(topic, payload)

    async def sweep(self, epoch: str, broker: SweptBroker) -> None:
        """Wait until devices have had their time to come back to this epoch, then end those that did not.

        Call it on each connection, once the retained presence and the epoch behind it have arrived. What is
        left when the connection breaks is done on the next. Raises LinkError.
        """
        if epoch != self._epoch:
            self._epoch = epoch
            self._since = self._timing.now()
        while (left := self._since + SWEEP_AFTER - self._timing.now()) > 0:
            await self._timing.sleep(left)
        users = self._births.haunted(epoch)
        for start in range(0, len(users), AT_ONCE):
            await self._sweep(users[start : start + AT_ONCE], epoch, broker)

    async def _sweep(self, users: Sequence[str], epoch: str, broker: SweptBroker) -> None:
        # A broker drops QoS 0 for who reads slowly: what was heard may be old, what is read now is not.
        with self._births.anew(users):
            await broker.read_presence(users)
        ghosts = [ghost for user in users for ghost in self._births.ghosts(user, epoch)]
        await asyncio.gather(*(self._end(ghost, epoch, broker) for ghost in ghosts))

    async def _end(self, ghost: Ghost, epoch: str, broker: SweptBroker) -> None:
        where = {"user": ghost.topic.user, "device": ghost.topic.device}
        try:
            await broker.publish(ghost.topic, ghost.farewell(epoch))
        except PublishRefusedError as exc:
            logger.error("A ghost could not be swept: %s", exc, extra={"fields": where})
            return
        self._count()
        logger.info("Swept a device that did not come back", extra={"fields": where})
