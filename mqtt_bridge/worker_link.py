"""One connection of a bridge worker: takes what devices sent, answers, and only then acknowledges."""

import asyncio
import logging
import secrets
from collections.abc import Coroutine, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Self, TypedDict, Unpack

from .broker_url import BrokerUrl
from .connection import Connection, Incoming
from .errors import InvalidTopicError, LinkError, PublishRefusedError
from .in_order import Arrival, InOrder
from .log_limit import LogLimit
from .logs import log_unexpected
from .messages import Envelope
from .metrics import BridgeMetrics
from .session import SessionAnswer
from .sweeper import Sweeper
from .timing import Timing
from .topics import EPOCH, EpochTopic, PresenceTopic, Subscription, Topic, UplinkTopic, parse, user_devices
from .uplink import Uplink, Verdict, internal_fault

TIMEOUT = 10.0
"""Seconds that connecting, and each answer of the broker, may take."""
IN_FLIGHT = 100
"""Messages of devices at a time (MQTT 5 Receive Maximum): a worker's memory, whatever devices send."""

ASK_AGAIN = 5.0
"""Seconds after which the epoch is asked for again. Mosquitto keeps it back when it comes behind some 15,000
retained messages, and sends it after the next acknowledgement."""

_MAX_SUBSCRIPTION_ID = 268_435_455
_EPOCH = Subscription(str(EPOCH), 1)

logger = logging.getLogger(__name__)


class Parts(TypedDict):
    """What lives longer than a connection."""

    uplink: Uplink
    sweeper: Sweeper
    metrics: BridgeMetrics
    timing: Timing
    log_limit: LogLimit


class WorkerLink:
    """A connection into the worker's session at the broker.

    Everything is published over this one connection, in the order in which its causes arrived: so the updates
    of a user keep their order without waiting for each other. What was not acknowledged when the connection
    ends is delivered again on the next one.
    """

    def __init__(
        self,
        connection: Connection,
        arrivals: asyncio.Queue[Incoming],
        *,
        uplink: Uplink,
        sweeper: Sweeper,
        metrics: BridgeMetrics,
        timing: Timing,
        log_limit: LogLimit,
    ) -> None:
        """Made by ``open``."""
        self._connection = connection
        self._arrivals = arrivals
        self._uplink = uplink
        self._sweeper = sweeper
        self._metrics = metrics
        self._timing = timing
        self._log_limit = log_limit
        self._unacknowledged = InOrder(connection.ack)
        self._answering: set[asyncio.Task[None]] = set()
        self._markers: dict[int, asyncio.Future[str]] = {}
        self._caught_up = self._new_marker()
        self._holding = False

    @classmethod
    async def open(
        cls, url: BrokerUrl, answer: SessionAnswer, *, ca_file: Path | None, **parts: Unpack[Parts]
    ) -> Self:
        """Connect and subscribe. Raises LinkRefusedError or LinkError."""
        arrivals: asyncio.Queue[Incoming] = asyncio.Queue()
        connection = await Connection.open(
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
            # Kept until ``hold``: what waited in the session comes before the SUBACK.
            on_message=arrivals.put_nowait,
        )
        link = cls(connection, arrivals, **parts)
        try:
            await connection.subscribe(answer.subscriptions, identifier=link._caught_up)
        except BaseException:
            connection.abort()
            raise
        return link

    @property
    def in_flight(self) -> int:
        """Messages of devices that the broker still waits to hear about."""
        return len(self._unacknowledged)

    @property
    def ready(self) -> bool:
        """Whether it takes messages."""
        return self._holding and not self._connection.lost.done()

    def silence(self) -> float:
        """Seconds since the broker was last heard."""
        return self._connection.silence()

    async def hold(self) -> None:
        """Handle what arrives until the connection ends, and raise why. Cancelled, it takes nothing more."""
        tasks = [asyncio.create_task(self._take_all()), asyncio.create_task(self._sweep())]
        self._holding = True
        try:
            raise await asyncio.shield(self._connection.lost)
        finally:
            self._holding = False
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
        await self._connection.close()
        for task in self._answering:
            task.cancel()
        await asyncio.gather(*self._answering, return_exceptions=True)

    async def _take_all(self) -> None:
        while True:
            message = await self._arrivals.get()
            try:
                self._take(message)
            except Exception as exc:
                # A fault of ours; the next message has nothing to do with it.
                self._log_unexpected(exc)

    def _take(self, message: Incoming) -> None:
        topic = _parse(message.topic)
        match topic:
            case PresenceTopic():
                self._sweeper.saw(topic, message.payload)
            case EpochTopic():
                self._unacknowledged.done(self._unacknowledged.arrived(message))
                self._mark(message)
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
            self._log_unexpected(exc)
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
            self._connection.abort()
            return
        except Exception as exc:
            # A fault of ours. Without an acknowledgement it would hold up all that comes behind it.
            self._log_unexpected(exc)
            verdict = replace(verdict, outcome="internal")
        self._unacknowledged.done(arrival)
        self._metrics.messages.labels(verdict.kind, verdict.outcome).inc()
        self._metrics.seconds.labels(verdict.kind).observe(self._timing.now() - arrived_at)
        outcome = f"{verdict.kind} {verdict.outcome}"
        if verdict.outcome in ("published", "superseded", "answered"):
            logger.debug("%s", outcome, extra={"fields": _ids(verdict)})
        else:
            self._log_refusal(logging.INFO, outcome, verdict, verdict.outcome)

    async def _publish_progress(self, verdict: Verdict) -> Verdict:
        if verdict.publish is None:
            return verdict
        topic, progress = verdict.publish
        try:
            await self.publish(topic, progress)
        except PublishRefusedError as exc:
            self._log_refusal(logging.ERROR, str(exc), verdict, "progress refused")
            return self._uplink.not_published(verdict)
        return verdict

    async def _reply(self, verdict: Verdict) -> None:
        if verdict.inbox is None or verdict.reply is None:
            return
        try:
            await self.publish(verdict.inbox, verdict.reply)
        except PublishRefusedError as exc:
            # The device sends it again, and is answered then.
            self._log_refusal(logging.ERROR, str(exc), verdict, "reply refused")

    def _log_refusal(self, level: int, text: str, verdict: Verdict, what: str) -> None:
        ids = _ids(verdict)
        left_out = self._log_limit.admit(ids["user"], ids["device"], what)
        if left_out is not None:
            logger.log(level, "%s", text, extra={"fields": ids | _count(left_out)})

    def _log_unexpected(self, exc: Exception) -> None:
        left_out = self._log_limit.admit("unexpected", type(exc).__qualname__)
        if left_out is not None:
            log_unexpected(logger, exc, **_count(left_out))

    async def publish(self, topic: Topic, message: Envelope) -> None:
        """Publish, and wait for the acknowledgement. Raises PublishRefusedError or LinkError."""
        await self._connection.publish(
            str(topic), message.to_json(), retain=topic.retain, expiry=topic.expiry
        )

    async def _sweep(self) -> None:
        try:
            await self._sweeper.sweep(await self._marked(self._caught_up), self)
        except LinkError as exc:
            logger.warning("Ghosts are swept on the next connection: %s", exc)
            self._connection.abort()
        except Exception as exc:
            # A fault of ours; what devices send is to be served all the same.
            log_unexpected(logger, exc)

    async def read_presence(self, users: Sequence[str]) -> None:
        """Bring the retained presence of these users, and return once all of it was handled."""
        marker = self._new_marker()
        filters = [user_devices(user) for user in users]
        # The copies of an epoch that is asked for last, at QoS 1, arrive behind all that is retained before.
        wanted = [*(Subscription(each, 0) for each in filters), _EPOCH]
        await self._connection.subscribe(wanted, identifier=marker)
        await self._marked(marker)
        await self._connection.unsubscribe(filters)

    def _new_marker(self) -> int:
        """A subscription identifier; the epoch that bears it ends what its subscription brought."""
        # Random: one that was still queued from an earlier connection must not be taken for ours.
        identifier = 1 + secrets.randbelow(_MAX_SUBSCRIPTION_ID)
        self._markers[identifier] = asyncio.get_running_loop().create_future()
        return identifier

    async def _marked(self, identifier: int) -> str:
        """Wait for a marker, and return the epoch. Raises LinkError."""
        marker = self._markers[identifier]
        while True:
            await asyncio.wait({marker}, timeout=ASK_AGAIN)
            if marker.done():
                del self._markers[identifier]
                return marker.result()
            await self._connection.subscribe([_EPOCH], identifier=identifier)

    def _mark(self, epoch: Incoming) -> None:
        for identifier in epoch.subscription_ids:
            marker = self._markers.get(identifier)
            if marker is not None and not marker.done():
                marker.set_result(epoch.payload.decode("ascii", "replace"))


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


def _count(left_out: int) -> dict[str, int]:
    return {"left_out": left_out} if left_out else {}
