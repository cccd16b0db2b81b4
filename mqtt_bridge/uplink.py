"""What the bridge makes of one message that a device published. Nothing is sent from here."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal, cast

from .dedup import Recent
from .errors import UnknownTypeError, UnreadableMessageError
from .messages import (
    Ack,
    AckMessage,
    Envelope,
    Error,
    ErrorMessage,
    PingMessage,
    Pong,
    PongMessage,
    ShootProgressMessage,
    UpdateProgressMessage,
    now_ms,
)
from .receive import receive
from .sequence import Clock
from .shoot_book import ShootBook
from .topics import InboxTopic, ShootTopic, UplinkTopic, uplink_sender

RETRY_AFTER = 5_000
"""Milliseconds that a device waits when the fault is not its own."""

Kind = Literal["UPDATE_PROGRESS", "PING", "unknown"]
Outcome = Literal[
    "published", "superseded", "answered", "invalid", "too-many-shoots", "not-published", "internal"
]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What to do about a message: first publish, then reply."""

    kind: Kind
    outcome: Outcome
    inbox: InboxTopic | None
    """Of the device that sent it, where it can be named."""
    message_id: str | None
    """Where it could be read."""
    reply: Envelope | None
    publish: tuple[ShootTopic, ShootProgressMessage] | None = None


class Uplink:
    """Judges what devices publish. Call it in the order of arrival."""

    def __init__(self, *, now: Callable[[], int] = now_ms, book: ShootBook | None = None) -> None:
        """``now`` gives milliseconds since 1970."""
        self._now = now
        self._book = ShootBook() if book is None else book
        self._clock = Clock(now)
        self._given: Recent[int] = Recent()

    def judge(self, topic: UplinkTopic, payload: bytes) -> Verdict:
        """The verdict on a message from a device. Whatever it carries, this does not raise."""
        inbox = InboxTopic(topic.user, topic.device)
        kind = _kind(topic)
        try:
            # These two are all that an uplink topic lets through.
            message = cast("UpdateProgressMessage | PingMessage", receive(topic, payload))
        except UnreadableMessageError as exc:
            code = "unknown-type" if isinstance(exc, UnknownTypeError) else "invalid"
            return _invalid(kind, inbox, code, exc)
        if isinstance(message, UpdateProgressMessage):
            return self._update(inbox, message)
        pong = PongMessage(
            user_id=inbox.user,
            device_id=inbox.device,
            data=Pong(sent_at=message.data.sent_at, received_at=self._now()),
        )
        return Verdict(kind, "answered", inbox, message.id, pong)

    def misplaced(self, topic: str) -> Verdict:
        """The verdict on a message under the uplink whose topic is none of the contract."""
        fault = UnreadableMessageError("not a topic of this contract", field="topic")
        return _invalid("unknown", uplink_sender(topic), "invalid", fault)

    def not_published(self, verdict: Verdict) -> Verdict:
        """The verdict after the broker refused the publication."""
        if verdict.publish is not None:
            topic, progress = verdict.publish
            self._book.strike(topic.user, topic.shoot, progress.id)
        return _failed(verdict, "not-published", "The broker did not take it")

    def _update(self, inbox: InboxTopic, message: UpdateProgressMessage) -> Verdict:
        now = self._now()
        progress = ShootProgressMessage(
            # The same id: when this is published twice, after a resend or a crash, receivers drop the second.
            id=message.id,
            # A clock that is ahead would show what has not happened yet.
            timestamp=min(message.timestamp, now),
            user_id=inbox.user,
            device_id=inbox.device,
            data=message.data.model_copy(update={"sequence": self._sequence(inbox, message)}),
        )
        verdict = Verdict(
            "UPDATE_PROGRESS", "published", inbox, message.id, _reply(inbox, Ack(in_reply_to=message.id))
        )
        match self._book.enter(inbox.user, progress, now=now):
            case "newest":
                topic = ShootTopic(inbox.user, progress.data.shoot_id)
                return replace(verdict, publish=(topic, progress))
            case "superseded":
                return replace(verdict, outcome="superseded")
            case "too-many":
                return _failed(
                    verdict,
                    "too-many-shoots",
                    "Too many shoots of this user were updated today",
                    field="data.shootId",
                    retry_after=self._book.until_tomorrow(now),
                )

    def _sequence(self, inbox: InboxTopic, message: UpdateProgressMessage) -> int:
        if message.data.sequence is not None:
            return message.data.sequence
        # A resend must not come out as newer than what was published after the first one.
        key = f"{inbox.user}/{inbox.device}/{message.id}"
        sequence = self._given.get(key) or self._clock.next()
        self._given.put(key, sequence)
        return sequence


def internal_fault(topic: UplinkTopic) -> Verdict:
    """The verdict when the bridge itself is at fault."""
    verdict = Verdict(_kind(topic), "internal", InboxTopic(topic.user, topic.device), None, None)
    return _failed(verdict, "internal", "The bridge failed")


def _kind(topic: UplinkTopic) -> Kind:
    return "PING" if topic.kind == "ping" else "UPDATE_PROGRESS"


def _reply(inbox: InboxTopic, data: Ack) -> AckMessage:
    return AckMessage(user_id=inbox.user, device_id=inbox.device, data=data)


def _invalid(kind: Kind, inbox: InboxTopic | None, code: str, fault: UnreadableMessageError) -> Verdict:
    error = Error(
        code=code,
        detail=fault.detail[:1000],
        field=fault.field[:200] if fault.field else None,
        in_reply_to=fault.message_id,
        retryable=False,
    )
    return Verdict(kind, "invalid", inbox, fault.message_id, _error(inbox, error))


def _failed(
    verdict: Verdict,
    outcome: Literal["too-many-shoots", "not-published", "internal"],
    detail: str,
    *,
    field: str | None = None,
    retry_after: int = RETRY_AFTER,
) -> Verdict:
    error = Error(
        code=outcome,
        detail=detail,
        field=field,
        in_reply_to=verdict.message_id,
        retryable=True,
        retry_after_ms=retry_after,
    )
    return replace(verdict, outcome=outcome, publish=None, reply=_error(verdict.inbox, error))


def _error(inbox: InboxTopic | None, error: Error) -> ErrorMessage | None:
    if inbox is None:
        return None
    return ErrorMessage(user_id=inbox.user, device_id=inbox.device, data=error)
