"""One connection of a device: catching up, announcing itself, staying in step, leaving."""

import asyncio
import logging
import re
from collections import deque
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .catch_up import CatchUp
from .connection import Connection, Incoming
from .errors import BridgeError, LinkError, PublishError
from .events import DeviceRemoved, Resync
from .inbound import Inbound, state_of
from .lease import Lease
from .mailbox import Mailbox
from .messages import (
    SAFE_INTEGER,
    DeviceConnectedMessage,
    DeviceDisconnectedMessage,
    DisconnectReason,
    Message,
)
from .presence import read_own_presence
from .timing import Timing
from .topics import UplinkKind
from .uplink_sender import UplinkSender

CONNECT_TIMEOUT = 10.0
"""Seconds that connecting, and each answer of the broker, may take."""
EPOCH_TIMEOUT = 5.0
"""Seconds that the epoch may take after the last SUBACK."""
REFRESH_EVERY = 300.0
"""Seconds between two resubscriptions. They bring the retained present, of which a broker drops copies for a
reader that is slow."""
TICK = 15.0
"""Seconds between two looks at the clock."""
ASLEEP = 10.0
"""Seconds that a tick may take too long before this machine is thought to have slept."""
GOODBYE_TIMEOUT = 3.0
"""Seconds that saying goodbye may take."""

_MAX_SUBSCRIPTION_ID = 268_435_455
_EPOCH = re.compile(rb"[!-~]{1,128}\Z")

logger = logging.getLogger(__name__)


class SignedOutError(BridgeError):
    """Somebody signed this device out."""


class OutbidError(LinkError):
    """This device's presence bears a higher session number than this connection; another must be had."""

    def __init__(self, session: int) -> None:
        self.session = session
        super().__init__("Another connection announced this device with a higher session number")


@dataclass
class History:
    """What a device remembers from one connection to the next."""

    last_session: int | None
    """The highest session number that is known of this device."""
    first_session: int = SAFE_INTEGER
    """The first one since it was started; until then none is above it."""
    announced: deque[int] = field(default_factory=lambda: deque(maxlen=4096))
    """The session numbers since it was started."""
    epoch: str | None = None
    """The boot id of the broker, as it was told last."""

    def add(self, session: int) -> None:
        """Note the number of a CONNECT."""
        self.last_session = session
        self.first_session = min(self.first_session, session)
        self.announced.append(session)


class Attachment:
    """One connection, from its CONNECT on."""

    def __init__(
        self,
        lease: Lease,
        *,
        history: History,
        inbound: Inbound,
        mailbox: Mailbox,
        uplink: UplinkSender,
        timing: Timing,
    ) -> None:
        self._lease = lease
        self._history = history
        self._inbound = inbound
        self._mailbox = mailbox
        self._uplink = uplink
        self._timing = timing
        self._known_epoch = history.epoch
        self._session = lease.next_session()
        history.add(self._session)
        self._catch_up = CatchUp(queue_limit=lease.answer.queue_limit)
        self._subscribed = asyncio.Event()
        self._told = False
        self._announce_again = asyncio.Event()
        self._over: asyncio.Future[BridgeError] = asyncio.get_running_loop().create_future()
        self._link: Connection | None = None

    @property
    def caught_up(self) -> bool:
        """Whether the connection is up, and the app knows whether it missed anything."""
        return self._told and self._link is not None and not self._link.lost.done()

    async def connect(self, *, ca_file: Path | None) -> None:
        """Connect into the device's session at the broker. Raises LinkRefusedError or LinkError."""
        answer = self._lease.answer
        self._link = await Connection.open(
            self._lease.url,
            client_id=answer.client_id,
            username=answer.username,
            password=answer.token,
            keepalive=answer.keepalive,
            timeout=CONNECT_TIMEOUT,
            session_expiry=answer.session_expiry,
            will=self._lease.will(self._session),
            ca_file=ca_file,
            on_message=self._hear,
        )

    async def hold(self) -> None:
        """Stay in step until the end, and raise why it came: LinkError, PublishError or SignedOutError."""
        link = self._connected()
        tasks = {
            asyncio.create_task(self._stay_in_step(link)),
            asyncio.create_task(self._announce(link)),
            asyncio.create_task(self._send_uplink(link)),
        }
        ends: set[asyncio.Future[Any]] = {*tasks, self._over, link.lost}
        try:
            done, _ = await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
            if self._over in done:
                raise self._over.result()
            for task in tasks & done:
                task.result()
            raise link.lost.result()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def leave(self, reason: DisconnectReason | None) -> None:
        """Say goodbye with ``reason`` (None: somebody said it already) and end the broker's session.

        When that takes too long, the will says that this device was lost.
        """
        link = self._connected()
        try:
            async with asyncio.timeout(GOODBYE_TIMEOUT):
                if reason is not None:
                    goodbye = self._lease.will_template.message.fill(session=self._session, reason=reason)
                    await self._publish_presence(link, goodbye)
                await link.close(session_expiry=0)
        except (LinkError, PublishError, TimeoutError) as exc:
            logger.info("Left without a goodbye: %s", exc)
            link.abort()

    def abort(self) -> None:
        """Drop the connection without a word."""
        self._connected().abort()

    def _connected(self) -> Connection:
        if self._link is None:
            raise LinkError("Not connected")
        return self._link

    async def _stay_in_step(self, link: Connection) -> None:
        await self._subscribe(link)
        self._subscribed.set()
        await self._wait_for_epoch()
        cause = self._catch_up.resync_cause(
            session_present=link.session_present,
            known_epoch=self._known_epoch,
            announced=self._history.announced,
        )
        if cause is not None:
            self._mailbox.put(Resync(cause))
        self._told = True
        while True:
            await self._wait_for_refresh()
            await self._subscribe(link)

    async def _subscribe(self, link: Connection) -> None:
        await link.subscribe(self._lease.answer.subscriptions, identifier=self._subscription_id)

    @property
    def _subscription_id(self) -> int:
        # Tells this connection's marker from one that was still queued from the connection before.
        return 1 + self._session % _MAX_SUBSCRIPTION_ID

    async def _wait_for_epoch(self) -> None:
        timer = asyncio.create_task(self._timing.sleep(EPOCH_TIMEOUT))
        ends: set[asyncio.Future[Any]] = {timer, self._catch_up.epoch}
        try:
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        finally:
            timer.cancel()

    async def _wait_for_refresh(self) -> None:
        due = self._timing.now() + REFRESH_EVERY
        while (before := self._timing.now()) < due:
            await self._timing.sleep(TICK)
            if self._timing.now() - before > TICK + ASLEEP:
                # The subscription also finds out whether the connection outlived the sleep.
                return

    async def _announce(self, link: Connection) -> None:
        epoch = await self._catch_up.epoch
        self._history.epoch = epoch
        while True:
            self._announce_again.clear()
            await self._publish_presence(link, self._lease.birth.fill(session=self._session, epoch=epoch))
            await self._announce_again.wait()

    async def _send_uplink(self, link: Connection) -> None:
        # Not before: nobody would hear the answers.
        await self._subscribed.wait()
        topics = {"ping": self._lease.topics.ping, "update-progress": self._lease.topics.update_progress}

        async def publish(kind: UplinkKind, payload: bytes, expiry: int) -> None:
            await link.publish(topics[kind], payload, expiry=expiry)

        await self._uplink.run(publish)

    async def _publish_presence(
        self, link: Connection, message: DeviceConnectedMessage | DeviceDisconnectedMessage
    ) -> None:
        await link.publish(
            self._lease.topics.presence,
            message.to_json(),
            retain=True,
            expiry=self._lease.will_template.expiry,
        )

    def _hear(self, incoming: Incoming) -> None:
        if incoming.topic == self._lease.topics.epoch:
            self._hear_epoch(incoming)
            return
        if incoming.qos and not incoming.retain:
            self._catch_up.count_queued()
        message = self._inbound.read(incoming)
        if message is None or self._uplink.heard(message):
            return
        if incoming.topic == self._lease.topics.presence:
            self._hear_of_itself(message, incoming)
        resumed = self._link is None or self._link.session_present
        replayed = resumed and not incoming.retain and not self._catch_up.complete
        news = self._inbound.news(message, incoming, replayed=replayed)
        if news is not None:
            self._mailbox.put(news, state=state_of(incoming.topic))

    def _hear_epoch(self, incoming: Incoming) -> None:
        ours = not incoming.subscription_ids or self._subscription_id in incoming.subscription_ids
        if incoming.retain and ours and _EPOCH.match(incoming.payload):
            self._catch_up.mark(incoming.payload.decode("ascii"))

    def _hear_of_itself(self, message: Message | DeviceRemoved, incoming: Incoming) -> None:
        if not isinstance(message, DeviceConnectedMessage | DeviceDisconnectedMessage):
            return
        if incoming.retain and not self._catch_up.complete:
            self._catch_up.own_session = message.data.session
        match read_own_presence(message, session=self._session, first_session=self._history.first_session):
            case "announce-again":
                self._announce_again.set()
            case "outbid":
                self._end(OutbidError(message.data.session))
            case "signed-out":
                self._end(SignedOutError("This device was signed out"))

    def _end(self, why: BridgeError) -> None:
        if not self._over.done():
            self._over.set_result(why)
