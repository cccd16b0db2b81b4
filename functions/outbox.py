"""Publishes what a caller posted, under the event id that its idempotency key stands for."""

from dataclasses import dataclass
from typing import Literal

from mqtt_bridge.errors import PublishError
from mqtt_bridge.messages import MessageId, WireModel, new_id
from mqtt_bridge.publisher import Publisher

from . import deadline, logs, metrics
from .auth import Caller
from .bodies import Update
from .idempotency import event_id
from .publishing import Counts


class Accepted(WireModel):
    """The broker acknowledged the message."""

    id: MessageId
    """Names the event. A retry with the same ``Idempotency-Key`` and body has the same."""
    listeners: Literal["none", "some"]
    """``none`` when not even a sleeping device of the user would get it."""


@dataclass(slots=True)
class Outbox:
    """Where one request's updates go out."""

    publisher: Publisher
    counts: Counts
    caller: Caller
    route: str
    key: str | None

    async def publish(self, update: Update, *, index: int | None = None) -> Accepted:
        """Publish and wait for the broker's acknowledgement. ``index`` is the place in a batch.

        Raises 403, PublishError or PublishRefusedError.
        """
        update.authorise(self.caller)
        event = self._event_id(update, index)
        if index is None:
            logs.note(user=update.user_id, event=event)
        else:
            logs.note_each("events", user=update.user_id, event=event)
        try:
            publication = self.publisher.publish(update.topic(), update.message(event))
            receipt = await deadline.publication(publication)
        except PublishError:
            self.counts.failed += 1
            metrics.count("Failed")
            raise
        self.counts.published += 1
        metrics.count("Published")
        return Accepted(id=receipt.id, listeners=receipt.listeners)

    def _event_id(self, update: Update, index: int | None) -> str:
        if self.key is None:
            return new_id()
        return event_id(
            caller=self.caller.subject,
            route=self.route,
            user=update.user_id,
            key=self.key,
            index=index,
            body=update.model_dump(mode="json"),
        )
