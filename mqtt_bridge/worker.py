"""The bridge worker: validates and answers what devices publish, for its share of the users."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .backoff import full_jitter
from .broker_url import BrokerUrl
from .errors import BridgeError, LinkError, LinkRefusedError, SessionRefusedError, SessionUnavailableError
from .lease import RENEW_FROM, RENEW_TO
from .log_limit import LogLimit
from .metrics import BridgeMetrics
from .session import SessionAnswer
from .sweeper import Sweeper
from .timing import Timing
from .topics import shard, shards_of_worker
from .uplink import Uplink
from .worker_link import WorkerLink

GetSession = Callable[[], Awaitable[SessionAnswer]]
"""Fetches the worker's session. SessionRefusedError: not with these credentials. Whatever else it raises, it
is asked again later."""

MAX_BACKOFF = 30.0
"""Seconds: the longest wait between two tries."""
STABLE_AFTER = 30.0
"""Seconds that a connection must have held for the next wait to start short again."""
SESSION_TIMEOUT = 30.0
"""Seconds that fetching a session may take."""
DRAIN_TIMEOUT = 10.0
"""Seconds that messages in flight have to finish before a connection is closed."""
TAKEN_OVER = 0x8E
"""DISCONNECT reason "Session taken over" (MQTT 5, 3.14.2.1)."""
_LONG = 10
"""A number of failures after which waits are as long as they get."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Ticket:
    """A session answer in use."""

    answer: SessionAnswer
    urls: list[BrokerUrl]
    renew_at: float
    """By the clock of ``Timing``."""


class Worker:
    """Worker ``index`` of ``count``: serves the users whose shard s has s mod count = index.

    The workers share the users between them; two with the same number push each other out. What a worker
    knows is in memory and may be lost: whatever is not done, the broker keeps in the worker's session.
    """

    def __init__(
        self,
        get_session: GetSession,
        *,
        index: int,
        count: int,
        metrics: BridgeMetrics,
        broker: BrokerUrl | None = None,
        ca_file: Path | None = None,
        drain_timeout: float = DRAIN_TIMEOUT,
        timing: Timing | None = None,
    ) -> None:
        """``broker``: where to connect; None: to the URLs in the session answer, in turn.

        Raises ValueError when there is no such worker.
        """
        self._shards = frozenset(shards_of_worker(index, count))
        self._get_session = get_session
        self._metrics = metrics
        self._broker = broker
        self._ca_file = ca_file
        self._drain_timeout = drain_timeout
        self._timing = timing or Timing()
        self._uplink = Uplink()
        self._log_limit = LogLimit(self._timing.now)
        self._sweeper = Sweeper(self.serves, timing=self._timing, count=metrics.swept.inc)
        self._stopping = asyncio.Event()
        self._ticket: _Ticket | None = None
        self._link: WorkerLink | None = None
        self._last_heard: float | None = None
        self._failures = 0
        metrics.watch(
            in_flight=lambda: self._link.in_flight if self._link else 0,
            is_ready=lambda: self.ready,
            silence=self._silence,
        )

    @property
    def ready(self) -> bool:
        """Whether it is connected and subscribed, and takes messages."""
        return self._link is not None and self._link.ready

    def serves(self, user: str) -> bool:
        """Whether a user is among this worker's."""
        return shard(user) in self._shards

    def stop(self) -> None:
        """Let ``run`` finish what it has taken, and return."""
        self._stopping.set()

    async def run(self) -> None:
        """Serve until ``stop``, through whatever happens to the broker and to the functions.

        Raises SessionRefusedError when the functions refuse the first session: that is configuration.
        """
        # Startup.
        await self._unless_stopped(self._start())
        # The loop.
        try:
            await self._unless_stopped(self._serve())
        finally:
            # Shutdown. What arrives from here on waits at the broker.
            await self._leave()

    async def _unless_stopped(self, work: Coroutine[Any, Any, None]) -> None:
        if self._stopping.is_set():
            work.close()
            return
        working = asyncio.create_task(work)
        stopping = asyncio.create_task(self._stopping.wait())
        try:
            await asyncio.wait({working, stopping}, return_when=asyncio.FIRST_COMPLETED)
            if working.done():
                working.result()
        finally:
            await _cancel(working, stopping)

    async def _start(self) -> None:
        self._ticket = await self._new_ticket(forgive=SessionUnavailableError)

    async def _serve(self) -> None:
        while True:
            began = self._timing.now()
            try:
                if self._ticket is None:
                    self._ticket = await self._ask()
                link = await self._connect(self._ticket)
                began = self._timing.now()
                self._ticket = await self._hold(link, self._ticket)
                await self._leave()
                reason = "renewal"
            except (LinkError, SessionUnavailableError, SessionRefusedError) as exc:
                if self._timing.now() - began > STABLE_AFTER:
                    self._failures = 0
                reason = self._note_failure(exc)
                await self._abandon()
                await self._pause(self._failures, exc)
                self._failures += 1
            self._metrics.reconnects.labels(reason).inc()

    async def _connect(self, ticket: _Ticket) -> WorkerLink:
        url = ticket.urls[self._failures % len(ticket.urls)]
        self._link = await WorkerLink.open(
            url,
            ticket.answer,
            ca_file=self._ca_file,
            uplink=self._uplink,
            sweeper=self._sweeper,
            metrics=self._metrics,
            timing=self._timing,
            log_limit=self._log_limit,
        )
        logger.info("Connected to %s", url, extra={"fields": {"client": ticket.answer.client_id}})
        return self._link

    async def _hold(self, link: WorkerLink, ticket: _Ticket) -> _Ticket:
        """Work until the token is to be renewed, and return the next. Raises LinkError."""
        holding = asyncio.create_task(link.hold())
        renewing = asyncio.create_task(self._renew(ticket))
        ends: set[asyncio.Future[Any]] = {holding, renewing}
        try:
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
            if holding.done():
                holding.result()
            return renewing.result()
        finally:
            await _cancel(holding, renewing)

    async def _renew(self, ticket: _Ticket) -> _Ticket:
        await self._timing.sleep(max(0.0, ticket.renew_at - self._timing.now()))
        return await self._new_ticket(forgive=(SessionUnavailableError, SessionRefusedError))

    async def _new_ticket(self, *, forgive: type[BridgeError] | tuple[type[BridgeError], ...]) -> _Ticket:
        attempt = 0
        while True:
            try:
                return await self._ask()
            except forgive as exc:
                await self._pause(attempt, exc)
                attempt += 1

    async def _ask(self) -> _Ticket:
        asked_at = self._timing.now()
        try:
            async with asyncio.timeout(SESSION_TIMEOUT):
                answer = await self._get_session()
            urls = [self._broker] if self._broker else [BrokerUrl.parse(url) for url in answer.urls]
        except BridgeError:
            raise
        except Exception as exc:
            # The text of a foreign error may quote a token; its type does not.
            raise SessionUnavailableError(f"No session: {type(exc).__name__}") from exc
        share = RENEW_FROM + self._timing.random() * (RENEW_TO - RENEW_FROM)
        # Counted from before the request, so never later than the broker counts.
        return _Ticket(answer, urls, renew_at=asked_at + share * answer.expires_in)

    def _note_failure(self, exc: BridgeError) -> str:
        if isinstance(exc, LinkRefusedError):
            # The token may be at fault: spent, or signed with a key that the broker does not know any more.
            self._ticket = None
            return "refused"
        if isinstance(exc, LinkError) and exc.reason_code == TAKEN_OVER:
            logger.error("Another process runs as this worker: each pushes the other out. Stop one of them.")
            self._failures = max(self._failures, _LONG)
            return "taken-over"
        return "lost" if isinstance(exc, LinkError) else "no-session"

    async def _pause(self, attempt: int, exc: BridgeError) -> None:
        delay = full_jitter(attempt, cap=MAX_BACKOFF, random=self._timing.random())
        logger.warning("Not connected, next try in %.1f s: %s", delay, exc)
        await self._timing.sleep(delay)

    async def _leave(self) -> None:
        """Finish what was taken, and end the connection, if there is one."""
        if self._link is not None:
            await self._link.drain(self._drain_timeout)
        await self._abandon()

    async def _abandon(self) -> None:
        link, self._link = self._link, None
        if link is not None:
            self._last_heard = time.monotonic() - link.silence()
            await link.close()

    def _silence(self) -> float | None:
        """Seconds since the broker was last heard, on this connection or the one before; None: never."""
        if self._link is not None:
            return self._link.silence()
        return None if self._last_heard is None else time.monotonic() - self._last_heard


async def _cancel(*tasks: asyncio.Task[Any]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
