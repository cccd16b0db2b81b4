"""What may be posted: the data of the message and whom it concerns. Unknown fields are refused: typos."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator

from mqtt_bridge.messages import (
    Absent,
    CreditUpdate,
    CreditUpdateMessage,
    DeviceId,
    PromptChange,
    PromptChangeMessage,
    ShootProgress,
    ShootProgressMessage,
    UserId,
)
from mqtt_bridge.topics import ALL_PROMPTS, AllPromptsTopic, CreditsTopic, PromptsTopic, ShootTopic

from .auth import PUBLISH, Caller
from .sequence import next_sequence

ONE_ADDRESSEE: dict[str, Any] = {"oneOf": [{"required": ["userId"]}, {"required": ["everyone"]}]}


def strict(*examples: dict[str, Any], schema: dict[str, Any] | None = None) -> ConfigDict:
    """The rules of a body on top of those of the wire: known fields only, by their wire names only.

    ``schema`` is what to add to its JSON Schema.
    """
    extra = dict(schema or {})
    if examples:
        extra["examples"] = [*examples]
    return ConfigDict(extra="forbid", validate_by_name=False, json_schema_extra=extra)


class ShootProgressBody(ShootProgress):
    """How far a shoot is."""

    model_config = strict(
        {
            "userId": "ada",
            "deviceId": "mac-1",
            "shootId": "wedding-17",
            "status": "processing",
            "processedCount": 250,
            "totalCount": 3000,
            "currentImage": "DSC_0250.NEF",
            "eta": 340,
        }
    )

    user_id: UserId
    """Whose devices are told."""
    device_id: DeviceId | None = Absent
    """The device it came from, by the caller's word."""

    def authorise(self, caller: Caller) -> None:
        """Raise 403 unless the caller is this user, or a service that may publish."""
        caller.require_user(self.user_id, or_scope=PUBLISH)

    def topic(self) -> ShootTopic:
        """Where it is published."""
        return ShootTopic(user=self.user_id, shoot=self.shoot_id)

    def message(self, event: str) -> ShootProgressMessage:
        """The message to publish, under this event id."""
        sequence = next_sequence() if self.sequence is None else self.sequence
        data = _data(self, sequence=sequence)
        return ShootProgressMessage(id=event, user_id=self.user_id, device_id=self.device_id, data=data)


class CreditUpdateBody(CreditUpdate):
    """A user's credit balance changed."""

    model_config = strict(
        {"userId": "ada", "newBalance": 1200, "change": 1000, "reason": "purchase", "sequence": 42}
    )

    user_id: UserId
    """Whose balance it is."""
    device_id: DeviceId | None = Absent
    """The device it came from, by the caller's word."""

    def authorise(self, caller: Caller) -> None:
        """Raise 403 unless the caller is a service that may publish: a user could mint credits on screens."""
        caller.require(PUBLISH)

    def topic(self) -> CreditsTopic:
        """Where it is published."""
        return CreditsTopic(user=self.user_id)

    def message(self, event: str) -> CreditUpdateMessage:
        """The message to publish, under this event id."""
        sequence = next_sequence() if self.sequence is None else self.sequence
        data = _data(self, sequence=sequence)
        return CreditUpdateMessage(id=event, user_id=self.user_id, device_id=self.device_id, data=data)


class PromptChangeBody(PromptChange):
    """Prompts of the marketplace changed, for one user or for everyone."""

    model_config = strict(
        {"userId": "ada", "promptId": "soft-light", "action": "updated", "title": "Soft light"},
        {"everyone": True, "action": "updated"},
        schema=ONE_ADDRESSEE,
    )

    user_id: UserId | None = Absent
    """The user whom it concerns; absent with ``everyone``."""
    everyone: Literal[True] | None = Field(default=None, validate_default=True)
    """``true``: it concerns everyone. Exactly one of this and ``userId`` must be given."""
    device_id: DeviceId | None = Absent
    """The device it came from, by the caller's word."""

    @field_validator("everyone")
    @classmethod
    def _one_addressee(cls, everyone: bool | None, info: ValidationInfo) -> bool | None:
        # A user id that is wrong in itself is missing here, and has its own error already.
        if "user_id" in info.data and (info.data["user_id"] is None) == (everyone is None):
            raise ValueError("exactly one of userId and everyone must be given")
        return everyone

    def authorise(self, caller: Caller) -> None:
        """Raise 403 unless the caller is a service that may publish."""
        caller.require(PUBLISH)

    def topic(self) -> PromptsTopic | AllPromptsTopic:
        """Where it is published."""
        return ALL_PROMPTS if self.user_id is None else PromptsTopic(user=self.user_id)

    def message(self, event: str) -> PromptChangeMessage:
        """The message to publish, under this event id."""
        data = _data(self)
        return PromptChangeMessage(id=event, user_id=self.user_id, device_id=self.device_id, data=data)


Update = ShootProgressBody | CreditUpdateBody | PromptChangeBody


def _data(body: BaseModel, **filled: Any) -> Any:
    """The part of a body that goes into a message, whose model leaves out what is the body's own."""
    # As a dict, which is validated with the message: once for both, and in Rust, as model_construct is not.
    return {**vars(body), **filled}
