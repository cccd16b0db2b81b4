"""One connection of a bridge worker: takes what devices sent, answers, and only then acknowledges."""

import asyncio
import logging
import secrets
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

from .broker_url import BrokerUrl
from .connection import Connection, Incoming
from .errors import InvalidTopicError, LinkError, PublishRefusedError
from .in_order import Arrival, InOrder
from .logs import log_unexpected
from .messages import Envelope
from .metrics import BridgeMetrics
from .session import SessionAnswer
from .sweeper import Sweeper
from .timing import Timing
from .topics import EpochTopic, PresenceTopic, Topic, UplinkTopic, parse
from .uplink import Uplink, Verdict, internal_fault

TIMEOUT = 10.0
"""Seconds that connecting, and each answer of the broker, may take."""
IN_FLIGHT = 100
"""Messages of devices at a time (MQTT 5 Receive Maximum): a worker's memory, whatever devices send."""

_MAX_SUBSCRIPTION_ID = 268_435_455

logger = logging.getLogger(__name__)


class WorkerLink:
    """A connection into the worker's session at the broker.

    Everything is published over this one connection, in the order in which its causes arrived: so the updates
    of a user keep their order without waiting for each other. What was not acknowledged when the connection
    ends is delivered again on the next one.
    """

    def __init__(self, uplink: Uplink, sweeper: Sweeper, *, metrics: BridgeMetrics, timing: Timing) -> None:
        self._uplink = uplink
        self._sweeper = sweeper
        self._metrics = metrics
        self._timing = timing
        self._arrivals: asyncio.Queue[Incoming] = asyncio.Queue()
        self._subscription_id = 1 + secrets.randbelow(_MAX_SUBSCRIPTION_ID)
        self._connection: Connection | None = None
        self._unacknowledged = InOrder(self._acknowledge)
        self._answering: set[asyncio.Task[None]] = set()
        self._sweeping: asyncio.Task[None] | None = None
        self._subscribed = False

    @property
    def in_flight(self) -> int:
        """Messages of devices that the broker still waits to hear about."""
        return len(self._unacknowledged)

    @property
    def ready(self) -> bool:
        """Whether it is subscribed and the connection is up."""
        return self._subscribed and self._connection is not None and not self._connection.lost.done()

    def silence(self) -> float | None:
        """Seconds since the broker was last heard; None: not yet."""
        return None if self._connection is None else self._connection.silence()

    async def connect(self, url: BrokerUrl, answer: SessionAnswer, *, ca_file: Path | None) -> None:
        """Connect and subscribe. Raises LinkRefusedError or LinkError."""
        self._connection = await Connection.open(
            url,
            client_id=answer.client_id,
            username=answer.username,
            password=answer.token,
            keepalive=answer.keepalive,
            timeout=TIMEOUT,
            session_expiry=answer.session_expiry,
            ca_file=ca_file,
            manual_ack=True,
            receive_maximum=IN_FLIGHT,
            # Handled once subscribed: what waited in the session comes before the SUBACK.
            on_message=self._arrivals.put_nowait,
        )
        await self._connection.subscribe(answer.subscriptions, identifier=self._subscription_id)
        self._subscribed = True

    async def hold(self) -> None:
        """Handle what arrives until the connection ends, and raise why. Cancelled, it takes nothing more."""
        connection = self._open_connection()
        taking = asyncio.create_task(self._take_all())
        ends: set[asyncio.Future[Any]] = {taking, connection.lost}
        try:
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
            if taking.done():
                taking.result()
            raise connection.lost.result()
        finally:
            self._subscribed = False
            tasks = [taking] if self._sweeping is None else [taking, self._sweeping]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def drain(self, timeout: float) -> None:  # noqa: ASYNC109  # what is left then, is left
        """Finish what was taken, for ``timeout`` seconds at most."""
        if self._answering:
            await asyncio.wait(self._answering, timeout=timeout)
        if self.in_flight:
            logger.warning("%d messages are left for the next connection", self.in_flight)

    async def close(self) -> None:
        """End the connection; the broker keeps the session."""
        if self._connection is not None:
            await self._connection.close()
        for task in self._answering:
            task.cancel()
        await asyncio.gather(*self._answering, return_exceptions=True)

    def _open_connection(self) -> Connection:
        if self._connection is None:
            raise LinkError("Not connected")
        return self._connection

    async def _take_all(self) -> None:
        while True:
            self._take(await self._arrivals.get())

    def _take(self, message: Incoming) -> None:
        topic = _parse(message.topic)
        match topic:
            case PresenceTopic():
                self._sweeper.saw(topic, message.payload)
            case EpochTopic():
                self._unacknowledged.done(self._unacknowledged.arrived(message))
                # A copy that was still queued from an earlier connection would bring back an old boot.
                if message.retain and message.subscription_ids in ((), (self._subscription_id,)):
                    self._sweep(message.payload.decode("ascii", "replace"))
            case _:
                arrival = self._unacknowledged.arrived(message)
                verdict = self._judge(topic, message)
                self._start(self._answer(arrival, verdict, self._timing.now()))

    def _judge(self, topic: Topic | None, message: Incoming) -> Verdict:
        if not isinstance(topic, UplinkTopic):
            return self._uplink.misplaced(message.topic)
        try:
            return self._uplink.judge(topic, message.payload)
        except Exception as exc:
            # A fault of ours must not stop the others' messages, nor come back with each delivery.
            log_unexpected(logger, exc)
            return internal_fault(topic)

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._answering.add(task)
        task.add_done_callback(self._answering.discard)

    async def _answer(self, arrival: Arrival, verdict: Verdict, arrived_at: float) -> None:
        # No wait before the first publish: tasks start in the order in which they were made, and so the
        # updates go out as they came.
        try:
            verdict = await self._publish_progress(verdict)
            await self._reply(verdict)
        except LinkError as exc:
            # Nothing is acknowledged any more: the broker delivers it again.
            logger.warning("Not published: %s", exc, extra={"fields": _ids(verdict)})
            self._open_connection().abort()
            return
        self._unacknowledged.done(arrival)
        self._metrics.messages.labels(verdict.kind, verdict.outcome).inc()
        self._metrics.seconds.labels(verdict.kind).observe(self._timing.now() - arrived_at)
        level = logging.DEBUG if verdict.outcome in ("published", "superseded", "answered") else logging.INFO
        logger.log(level, "%s %s", verdict.kind, verdict.outcome, extra={"fields": _ids(verdict)})

    async def _publish_progress(self, verdict: Verdict) -> Verdict:
        if verdict.publish is None:
            return verdict
        topic, progress = verdict.publish
        try:
            await self._publish(topic, progress)
        except PublishRefusedError as exc:
            logger.error("%s", exc, extra={"fields": _ids(verdict)})
            return self._uplink.not_published(verdict, topic)
        return verdict

    async def _reply(self, verdict: Verdict) -> None:
        if verdict.inbox is None or verdict.reply is None:
            return
        try:
            await self._publish(verdict.inbox, verdict.reply)
        except PublishRefusedError as exc:
            # The device sends it again, and is answered then.
            logger.error("%s", exc, extra={"fields": _ids(verdict)})

    async def _publish(self, topic: Topic, message: Envelope) -> None:
        await self._open_connection().publish(
            str(topic), message.to_json(), retain=topic.retain, expiry=topic.expiry
        )

    def _acknowledge(self, message: Incoming) -> None:
        self._open_connection().ack(message)

    def _sweep(self, epoch: str) -> None:
        if self._sweeping is None:
            self._sweeping = asyncio.create_task(self._sweeper.sweep(epoch, self._publish))
            self._sweeping.add_done_callback(_log_failure)


def _parse(topic: str) -> Topic | None:
    try:
        return parse(topic)
    except InvalidTopicError:
        return None


def _ids(verdict: Verdict) -> dict[str, str | None]:
    return {
        "user": verdict.inbox.user if verdict.inbox else None,
        "device": verdict.inbox.device if verdict.inbox else None,
        "message_id": verdict.message_id,
        "outcome": verdict.outcome,
    }


def _log_failure(sweeping: asyncio.Task[None]) -> None:
    if not sweeping.cancelled() and (exc := sweeping.exception()) is not None:
        logger.warning("Not all ghosts were swept; the next connection goes on: %s", exc)
