"""The device client: keeps one device in step, for as long as it runs.

>>> async with SyncClient(http_session(url, token), device=device) as client:  # doctest: +SKIP
...     async for event in client:
...         match event:
...             case Event(message=ShootProgressMessage(data=progress)):
...                 show(progress)
...             case Resync():
...                 refetch()
"""

import asyncio
import logging
from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Literal, Self

from .attachment import Attachment, History, OutbidError, SignedOutError
from .backoff import full_jitter
from .errors import (
    BridgeError,
    LinkError,
    LinkRefusedError,
    PublishError,
    PublishRefusedError,
    SessionRefusedError,
    SessionUnavailableError,
)
from .events import ClientEvent, Stopped, StopReason
from .inbound import DropReason, Inbound
from .lease import Lease
from .mailbox import Mailbox
from .messages import ShootProgress
from .progress_queue import Delivery
from .session import SessionAnswer, SessionRequest
from .timing import Timing
from .uplink_sender import UplinkSender

GetSession = Callable[[SessionRequest], Awaitable[SessionAnswer | None]]
"""Fetches a session. None, or SessionRefusedError: there is none to be had, and the client stops. Whatever
else it raises, it is asked again later."""

MAX_BACKOFF = 30.0
"""Seconds: the longest wait between two tries to connect."""
MAX_REFUSED_BACKOFF = 300.0
"""Seconds: the longest wait when the broker refuses even a fresh token."""
STABLE_AFTER = 30.0
"""Seconds that a connection must have held for the next wait to start short again."""
SESSION_TIMEOUT = 30.0
"""Seconds that fetching a session may take."""
UNAVAILABLE = frozenset({0x88, 0x89, 0x97, 0x9F})
"""CONNACK reasons that are about the broker's load and not about this client (MQTT 5, 3.2.2.2)."""

logger = logging.getLogger(__name__)


class SyncClient:
    """One device, connected for as long as its ``async with`` block runs; an iterator of its events.

    It connects in the background and comes back by itself, for ever, after whatever went wrong. It stops, and
    the iteration ends, when it is closed; or with a ``Stopped`` event when no session is to be had any more
    or the device was signed out.

    The first ``Resync`` comes at the first connect. An app that takes events slowly gets of each state only
    the newest, and a ``Resync`` when other events had to be dropped. On Windows it needs an event loop that
    watches sockets (``asyncio.WindowsSelectorEventLoopPolicy``), as aiomqtt does.
    """

    def __init__(
        self,
        get_session: GetSession,
        *,
        device: SessionRequest,
        ca_file: Path | None = None,
        timing: Timing | None = None,
    ) -> None:
        """``ca_file`` is a PEM file with the authority of the broker's certificate; None: the system's.

        ``device`` may bear the ``session`` of an earlier run as ``last_session``.
        """
        self._get_session = get_session
        self._device = device
        self._ca_file = ca_file
        self._timing = timing or Timing()
        self._inbound = Inbound(device.device_id)
        self._mailbox = Mailbox()
        self._uplink = UplinkSender(device.user_id, device.device_id, timing=self._timing)
        self._lease: Lease | None = None
        self._attachment: Attachment | None = None
        self._task: asyncio.Task[None] | None = None
        self._entered = False
        self._history = History(device.last_session)
        self._failures = 0
        self._refusals = 0

    @property
    def connected(self) -> bool:
        """Whether the device is connected and has caught up."""
        return self._attachment is not None and self._attachment.caught_up

    @property
    def session(self) -> int | None:
        """The session number of the newest connect, for the ``last_session`` of the next run."""
        return self._history.last_session

    @property
    def dropped(self) -> Counter[DropReason]:
        """How many messages were dropped, by reason; what was merely known already does not count."""
        return self._inbound.dropped + Counter({"overflow": self._mailbox.dropped})

    async def __aenter__(self) -> Self:
        if self._entered:
            raise RuntimeError("A SyncClient runs once; make another")
        self._entered = True
        self._task = asyncio.create_task(self._run(), name=f"sync {self._device.device_id}")
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self.close()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> ClientEvent:
        return await self._mailbox.get()

    def update_progress(self, progress: ShootProgress) -> asyncio.Future[Delivery]:
        """Report how far a shoot is to the user's other devices, through the bridge. Returns at once.

        Connected or not: the update is kept, and sent until the bridge has taken it, over however many
        connections. Per shoot one is on its way; of those that come meanwhile only the newest is sent, so
        call this as often as there is something to tell. Without a ``sequence`` it gets the next one.

        >>> client.update_progress(ShootProgress(...))  # doctest: +SKIP
        >>> await client.update_progress(ShootProgress(..., status="completed"))  # doctest: +SKIP

        Await what it returns where the outcome matters, as it does for the last update before closing:
        ``acknowledged``, when the bridge has taken it and the broker has the result; ``replaced``, when a
        newer one was sent in its place. Or it raises UpdateRefusedError, when the bridge will never take it,
        and ClientClosedError, when this client ended before. So does this method itself after the end.
        """
        return self._uplink.update_progress(progress)

    async def ping(self, *, timeout: float = 10.0) -> float:  # noqa: ASYNC109  # without one, it could wait for ever
        """Seconds to the bridge and back: the whole way that an update goes.

        Raises TimeoutError without an answer within ``timeout`` seconds, be it that there is no connection or
        no bridge; ClientClosedError when this client has ended.
        """
        async with asyncio.timeout(timeout):
            return await self._uplink.ping()

    async def close(self, reason: Literal["closed", "signed-out"] = "closed") -> None:
        """Say goodbye, so that the other devices see this one leave at once, and end the broker's session.

        Takes a few seconds at most. Events that wait can still be taken. Does nothing the second time.
        """
        task, self._task = self._task, None
        if task is None:
            return
        task.cancel()
        await asyncio.wait({task})
        # Here too: a task that is cancelled before its first step runs nothing.
        self._uplink.close()
        await self._leave(reason)
        self._mailbox.close()

    async def _run(self) -> None:
        try:
            await self._stay_connected()
        except SessionRefusedError as exc:
            await self._leave("signed-out")
            self._stop("unauthorized", str(exc))
        except SignedOutError as exc:
            # The goodbye is said already, by who signed this device out.
            await self._leave(None)
            self._stop("signed-out", str(exc))
        except Exception as exc:
            # A fault of this package: the app must not wait for ever for events that cannot come.
            await self._leave("closed")
            self._mailbox.close(exc)
        finally:
            self._uplink.close()

    def _stop(self, reason: StopReason, detail: str) -> None:
        logger.warning("Stopped: %s", detail)
        self._mailbox.put(Stopped(reason, detail), state="stopped")
        self._mailbox.close()

    async def _leave(self, reason: Literal["closed", "signed-out"] | None) -> None:
        attachment, self._attachment = self._attachment, None
        if attachment is not None:
            await attachment.leave(reason)

    async def _stay_connected(self) -> None:
        while True:
            try:
                if self._lease is None or self._lease.is_spent(self._timing.now()):
                    self._lease = await self._ask_for_session()
                attachment = await self._connect(self._lease)
                await self._hold(attachment, self._lease)
            except (SessionUnavailableError, LinkError, PublishRefusedError) as exc:
                delay = self._delay_after(exc)
                logger.warning("Not connected, next try in %.1f s: %s", delay, exc)
                await self._timing.sleep(delay)

    async def _connect(self, lease: Lease) -> Attachment:
        attachment = Attachment(
            lease,
            history=self._history,
            inbound=self._inbound,
            mailbox=self._mailbox,
            uplink=self._uplink,
            timing=self._timing,
        )
        try:
            await attachment.connect(ca_file=self._ca_file)
        except LinkError:
            lease.try_next_url()
            raise
        # The new connection took over the broker's session; what the old one has not read yet comes again.
        old, self._attachment = self._attachment, attachment
        if old is not None:
            old.abort()
        return attachment

    async def _hold(self, attachment: Attachment, lease: Lease) -> None:
        """Raise why the connection ended, or return when there is a new lease to connect with."""
        since = self._timing.now()
        tasks = {asyncio.create_task(attachment.hold()), asyncio.create_task(self._renew(lease))}
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        except (LinkError, PublishError):
            # Also when it is up: without this device's birth, or a subscription, it is of no use.
            attachment.abort()
            raise
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            if self._timing.now() - since > STABLE_AFTER:
                self._failures = self._refusals = 0

    async def _renew(self, lease: Lease) -> None:
        await self._timing.sleep(max(0.0, lease.renew_at - self._timing.now()))
        attempt = 0
        while True:
            try:
                self._lease = await self._ask_for_session()
            except SessionUnavailableError as exc:
                # The connection is good until the token expires; then the broker ends it.
                delay = self._jitter(attempt, MAX_BACKOFF)
                logger.warning("The token is not renewed, next try in %.1f s: %s", delay, exc)
                await self._timing.sleep(delay)
                attempt += 1
            else:
                return

    def _delay_after(self, exc: BridgeError) -> float:
        if isinstance(exc, OutbidError):
            self._history.last_session = exc.session
            self._lease = None
        if _is_refusal(exc) and self._lease is not None:
            fresh = self._lease.connects == 1
            self._lease = None
            if fresh:
                self._refusals += 1
                return self._jitter(self._refusals, MAX_REFUSED_BACKOFF)
        self._failures += 1
        return self._jitter(self._failures - 1, MAX_BACKOFF)

    def _jitter(self, attempt: int, cap: float) -> float:
        return full_jitter(attempt, cap=cap, random=self._timing.random())

    async def _ask_for_session(self) -> Lease:
        asked_at = self._timing.now()
        request = self._device.model_copy(update={"last_session": self._history.last_session})
        try:
            async with asyncio.timeout(SESSION_TIMEOUT):
                answer = await self._get_session(request)
        except (SessionRefusedError, SessionUnavailableError):
            raise
        except Exception as exc:
            # The text of a foreign error may quote a token; its type does not.
            raise SessionUnavailableError(f"No session: {type(exc).__name__}") from exc
        if answer is None:
            raise SessionRefusedError("Nobody is signed in")
        return Lease(answer, asked_at=asked_at, random=self._timing.random())


def _is_refusal(exc: BridgeError) -> bool:
    """Whether the broker refused this token, which another one may cure."""
    if isinstance(exc, LinkRefusedError):
        return exc.reason_code not in UNAVAILABLE
    return isinstance(exc, PublishRefusedError)
