"""Every message on the wire, as pydantic models. The one place where wire types are written.

JSON Schemas, the AsyncAPI and OpenAPI pages and the TypeScript types are generated from here.
"""

import os
import time
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator
from pydantic.alias_generators import to_camel

from .topics import DEVICE_ID_PATTERN, ID_PATTERN

SAFE_INTEGER = 2**53 - 1
"""The largest integer that a JavaScript number holds exactly (ECMA-262, Number.MAX_SAFE_INTEGER)."""

UserId = Annotated[str, Field(pattern=ID_PATTERN, examples=["ada"])]
ShootId = Annotated[str, Field(pattern=ID_PATTERN, examples=["wedding-17"])]
DeviceId = Annotated[str, Field(pattern=DEVICE_ID_PATTERN, examples=["mac-1"])]
MessageId = Annotated[str, Field(pattern=r"^[!-~]{1,128}$", examples=["5e0c9b8f6d0f4c5f9a1b2c3d4e5f6071"])]
Epoch = Annotated[str, Field(pattern=r"^[!-~]{1,128}$")]
Count = Annotated[int, Field(ge=0, le=SAFE_INTEGER)]
Milliseconds = Annotated[int, Field(ge=0, le=SAFE_INTEGER, examples=[1_790_000_000_000])]
"""Milliseconds since 1970-01-01 UTC."""

ShootStatus = Literal["queued", "processing", "completed", "failed"]
Platform = Literal["iphone", "ipad", "mac", "web", "windows", "android", "worker"]
DisconnectReason = Literal["lost", "closed", "signed-out", "broker-restart"]


def _is_none(value: object) -> bool:
    return value is None


Absent = Field(default=None, exclude_if=_is_none)
"""For an optional field of ``data``: left out on the wire when it has no value."""


class WireModel(BaseModel):
    """Base of all wire types: frozen, camelCase, no conversions ("5" is no number), no NaN or infinity.

    Unknown fields are ignored, so that a newer sender does not break an older receiver. The HTTP edge
    refuses them with ``extra="forbid"`` instead: there a typo must not vanish.
    """

    model_config = ConfigDict(
        frozen=True,
        strict=True,
        extra="ignore",
        alias_generator=to_camel,
        validate_by_name=True,
        validate_by_alias=True,
        serialize_by_alias=True,
        allow_inf_nan=False,
    )


class ShootProgress(WireModel):
    """How far a shoot is. State: each message stands for itself, and the newest is enough."""

    shoot_id: ShootId
    status: ShootStatus
    processed_count: Count
    total_count: Count
    current_image: Annotated[str, Field(max_length=1024)] | None = Absent
    """Name of the image being worked on."""
    eta: Annotated[float, Field(ge=0, le=SAFE_INTEGER)] | None = Absent
    """Seconds until the shoot is expected to finish."""
    provider: Annotated[str, Field(max_length=200)] | None = Absent
    """Who culls: a model or a service, as shown to the user."""
    error: Annotated[str, Field(max_length=2000)] | None = Absent
    """Why the shoot failed, as shown to the user."""
    run: Count = 0
    """Counts the attempts of a shoot; a higher run replaces everything of a lower one."""
    sequence: Count | None = Absent
    """Orders the updates of a run: milliseconds since 1970, made strictly growing by the producer."""

    @field_validator("total_count")
    @classmethod
    def _processed_within_total(cls, total_count: int, info: ValidationInfo) -> int:
        # On a field and not on the model, so that the error names one.
        if total_count < info.data.get("processed_count", 0):
            raise ValueError("processedCount must not exceed totalCount")
        return total_count

    @property
    def finished(self) -> bool:
        """Whether nothing more will happen in this run."""
        return self.status in ("completed", "failed")


class CreditUpdate(WireModel):
    """The balance changed; receivers show the new balance and may fetch the ledger, which is the truth."""

    new_balance: Count
    """Credits after the change: state, so a receiver that missed the last one is right again."""
    change: Annotated[int, Field(ge=-SAFE_INTEGER, le=SAFE_INTEGER)]
    """What was added (positive) or spent (negative)."""
    reason: Annotated[str, Field(max_length=200)]
    sequence: Count | None = Absent
    """The ledger's version; a balance with a lower one than is known is dropped.

    Always send it or never: without it the function's clock fills it, beside which every version is low."""


class PromptChange(WireModel):
    """Prompts of the marketplace changed; receivers refetch what they show."""

    prompt_id: Annotated[str, Field(min_length=1, max_length=128)] | None = Absent
    """The prompt; absent when many changed."""
    action: Literal["created", "updated", "deleted"]
    title: Annotated[str, Field(max_length=300)] | None = Absent


class DeviceConnected(WireModel):
    """A device's birth: it is online in this session."""

    device_id: DeviceId
    name: Annotated[str, Field(min_length=1, max_length=100)]
    platform: Platform
    app_version: Annotated[str, Field(max_length=50)] | None = Absent
    session: Count
    """Orders a device's presence: new for every CONNECT, growing."""
    epoch: Epoch
    """The boot id of the broker that the device is connected to."""


class DeviceDisconnected(WireModel):
    """A device left, or was lost."""

    device_id: DeviceId
    session: Count
    """The session that ended. A receiver that knows a higher one ignores this message."""
    reason: DisconnectReason


class Ping(WireModel):
    """Asks the bridge for a PONG, to measure the whole way and back."""

    sent_at: Milliseconds
    """The device's clock."""


class Pong(WireModel):
    """The answer to a PING."""

    sent_at: Milliseconds
    """As in the PING."""
    received_at: Milliseconds
    """The bridge's clock."""


class Ack(WireModel):
    """The bridge took the message and the broker acknowledged its republication."""

    in_reply_to: MessageId


class Error(WireModel):
    """The bridge did not take the message."""

    code: Annotated[str, Field(pattern=r"^[a-z][a-z-]{0,63}$", examples=["invalid"])]
    detail: Annotated[str, Field(max_length=1000)]
    field: Annotated[str, Field(max_length=200)] | None = Absent
    """Path of the wrong field, e.g. ``data.totalCount``."""
    in_reply_to: MessageId | None = None
    """The message that this answers; null when its id could not be read."""
    retryable: bool
    """False: the same message will be refused again."""
    retry_after_ms: Count | None = Absent


def new_id() -> str:
    """A fresh message id: 128 random bits in hex."""
    return os.urandom(16).hex()


def now_ms() -> int:
    """The present in milliseconds since 1970 UTC."""
    return time.time_ns() // 1_000_000


class Envelope(WireModel):
    """What every message carries around its ``data``."""

    type: str
    id: MessageId = Field(default_factory=new_id)
    """Names the event. Receivers drop an id that they have seen."""
    timestamp: Milliseconds = Field(default_factory=now_ms)
    """When it happened, for display; nothing is ordered by it."""
    user_id: UserId | None
    """Null: for everyone."""
    device_id: DeviceId | None = None
    """The device it came from, where one is known."""
    data: Any

    def to_json(self) -> bytes:
        """The message as UTF-8 JSON. Optional fields without a value are left out of ``data``."""
        return self.model_dump_json().encode()


class ShootProgressMessage(Envelope):
    """How far a shoot is."""

    type: Literal["SHOOT_PROGRESS"] = "SHOOT_PROGRESS"
    data: ShootProgress


class CreditUpdateMessage(Envelope):
    """A user's balance changed."""

    type: Literal["CREDIT_UPDATE"] = "CREDIT_UPDATE"
    data: CreditUpdate


class PromptChangeMessage(Envelope):
    """Prompts changed, for one user or for everyone."""

    type: Literal["PROMPT_CHANGE"] = "PROMPT_CHANGE"
    data: PromptChange


class DeviceConnectedMessage(Envelope):
    """A device is online."""

    type: Literal["DEVICE_CONNECTED"] = "DEVICE_CONNECTED"
    data: DeviceConnected


class DeviceDisconnectedMessage(Envelope):
    """A device left, or was lost."""

    type: Literal["DEVICE_DISCONNECTED"] = "DEVICE_DISCONNECTED"
    data: DeviceDisconnected


class UpdateProgressMessage(Envelope):
    """A device says how far a shoot is; the bridge makes it a SHOOT_PROGRESS."""

    type: Literal["UPDATE_PROGRESS"] = "UPDATE_PROGRESS"
    data: ShootProgress


class PingMessage(Envelope):
    """A device asks for a PONG."""

    type: Literal["PING"] = "PING"
    data: Ping


class PongMessage(Envelope):
    """The bridge answers a PING."""

    type: Literal["PONG"] = "PONG"
    data: Pong


class AckMessage(Envelope):
    """The bridge took an UPDATE_PROGRESS."""

    type: Literal["ACK"] = "ACK"
    data: Ack


class ErrorMessage(Envelope):
    """The bridge did not take a message."""

    type: Literal["ERROR"] = "ERROR"
    data: Error


Message = (
    ShootProgressMessage
    | CreditUpdateMessage
    | PromptChangeMessage
    | DeviceConnectedMessage
    | DeviceDisconnectedMessage
    | UpdateProgressMessage
    | PingMessage
    | PongMessage
    | AckMessage
    | ErrorMessage
)

MESSAGES: dict[str, type[Message]] = {
    "SHOOT_PROGRESS": ShootProgressMessage,
    "CREDIT_UPDATE": CreditUpdateMessage,
    "PROMPT_CHANGE": PromptChangeMessage,
    "DEVICE_CONNECTED": DeviceConnectedMessage,
    "DEVICE_DISCONNECTED": DeviceDisconnectedMessage,
    "UPDATE_PROGRESS": UpdateProgressMessage,
    "PING": PingMessage,
    "PONG": PongMessage,
    "ACK": AckMessage,
    "ERROR": ErrorMessage,
}
"""The message model of each type."""
