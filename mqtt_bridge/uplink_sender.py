"""The device's side of the uplink: progress until the bridge has taken it, and pings."""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from .errors import ClientClosedError, LinkError, PublishRefusedError
from .events import DeviceRemoved
from .messages import (
    AckMessage,
    ErrorMessage,
    Message,
    Ping,
    PingMessage,
    PongMessage,
    ShootProgress,
    UpdateProgressMessage,
)
from .progress_queue import RETRY_AFTER, Delivery, ProgressQueue, Update
from .sequence import Clock
from .timing import Timing
from .topics import UplinkKind

GAP = 0.025
"""Seconds between two messages. The broker grants a device 50 a second, its presence included."""

Publish = Callable[[UplinkKind, bytes, int], Awaitable[object]]
"""Publishes such a payload with a message expiry in seconds. Raises PublishRefusedError or LinkError."""

logger = logging.getLogger(__name__)


@dataclass(eq=False)
class _Ping:
    message: PingMessage
    pong: asyncio.Future[float]
    """When the answer came."""
    sent: float = 0.0
    """When it was sent: once, or nobody could tell to which one an answer belongs."""


class UplinkSender:
    """What a device has for the bridge, over all its connections."""

    def __init__(self, user: str, device: str, *, timing: Timing) -> None:
        self._user = user
        self._device = device
        self._timing = timing
        self._clock = Clock()
        self._queue = ProgressQueue()
        self._pings: dict[int, _Ping] = {}
        """Those without an answer, by their ``sent_at``."""
        self._unsent: deque[_Ping] = deque()
        self._changed = asyncio.Event()
        self._closed = False

    def update_progress(self, progress: ShootProgress) -> asyncio.Future[Delivery]:
        """Queue an update. Its outcome may be an UpdateRefusedError or a ClientClosedError."""
        self._raise_if_closed()
        if progress.sequence is None:
            progress = progress.model_copy(update={"sequence": self._clock.next()})
        message = UpdateProgressMessage(user_id=self._user, device_id=self._device, data=progress)
        outcome: asyncio.Future[Delivery] = asyncio.get_running_loop().create_future()
        self._queue.put(Update(message, outcome), self._timing.now())
        self._changed.set()
        return outcome

    async def ping(self) -> float:
        """Seconds to the bridge and back. Waits for as long as nobody answers."""
        self._raise_if_closed()
        # A PONG bears no id but the time in its PING, so that must be another for each.
        sent_at = self._clock.next()
        message = PingMessage(user_id=self._user, device_id=self._device, data=Ping(sent_at=sent_at))
        ping = self._pings[sent_at] = _Ping(message, asyncio.get_running_loop().create_future())
        self._unsent.append(ping)
        self._changed.set()
        try:
            return await ping.pong - ping.sent
        finally:
            del self._pings[sent_at]
            with suppress(ValueError):  # it was sent
                self._unsent.remove(ping)

    def heard(self, message: Message | DeviceRemoved) -> bool:
        """Take an answer to what was sent from here. False: the message is none."""
        now = self._timing.now()
        match message:
            case AckMessage():
                # One that is not known answers a message that was sent twice.
                self._queue.acknowledged(message.data.in_reply_to, now)
            case PongMessage():
                ping = self._pings.get(message.data.sent_at)
                if ping is not None and not ping.pong.done():
                    ping.pong.set_result(now)
            case ErrorMessage():
                if not self._queue.refused(message.data, now):
                    return False
                logger.warning("The bridge refused an update: %s", message.data.code)
            case _:
                return False
        self._changed.set()
        return True

    async def run(self, publish: Publish) -> None:
        """Send over this connection, as long as it is there."""
        self._queue.reconnected(self._timing.now())
        async with asyncio.TaskGroup() as publishing:
            while True:
                self._changed.clear()
                message = self._take()
                if message is None:
                    await self._wait()
                else:
                    # In the background: the answer that counts is the bridge's, and it has a time-out.
                    publishing.create_task(self._send(publish, message))
                    await self._timing.sleep(GAP)

    def close(self) -> None:
        """Nothing more is sent; who waits is told so."""
        self._closed = True
        self._queue.close()
        for ping in self._pings.values():
            if not ping.pong.done():
                ping.pong.set_exception(ClientClosedError())

    def _raise_if_closed(self) -> None:
        if self._closed:
            raise ClientClosedError

    def _take(self) -> _Ping | Update | None:
        return self._unsent.popleft() if self._unsent else self._queue.take_due(self._timing.now())

    async def _send(self, publish: Publish, message: _Ping | Update) -> None:
        kind: UplinkKind = "ping" if isinstance(message, _Ping) else "update-progress"
        try:
            if isinstance(message, _Ping):
                message.sent = self._timing.now()
            await publish(kind, message.message.to_json(), RETRY_AFTER)
        except PublishRefusedError as exc:
            logger.warning("The broker refused to pass on a message: %s", exc)
            if isinstance(message, Update):
                self._queue.hold(message, self._timing.now())
        except LinkError:
            # What was not answered is sent again over the next connection.
            pass

    async def _wait(self) -> None:
        """Until something is due, or something changes."""
        waiting: set[asyncio.Future[Any]] = {asyncio.create_task(self._changed.wait())}
        due = self._queue.next_due()
        if due is not None:
            waiting.add(asyncio.create_task(self._timing.sleep(max(0.0, due - self._timing.now()))))
        try:
            await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for each in waiting:
                each.cancel()
