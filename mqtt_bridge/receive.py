"""From a topic and a payload to a message that can be trusted, or a reason why not."""

from typing import Any

from pydantic import ValidationError
from pydantic_core import from_json

from .errors import UnknownTypeError, UnreadableMessageError
from .messages import MESSAGES, Message
from .topics import PresenceTopic, ShootTopic, Topic, UplinkTopic, UserTopic

MAX_PAYLOAD = 64 * 1024
"""Bytes. Nothing in the contract comes near it; a larger payload is not even parsed."""


def receive(topic: Topic, payload: bytes) -> Message:
    """Read the message that arrived on ``topic``.

    User, device and shoot come from the topic, which the broker has checked: a payload that names others is
    refused. Raises UnknownTypeError for the type of a newer sender, else UnreadableMessageError.
    """
    raw = _object(payload)
    model = MESSAGES.get(_type(raw))
    if model is None:
        raise UnknownTypeError("a type that this version does not know", field="type", message_id=_id(raw))
    expected = {topic.message_type} if isinstance(topic, UplinkTopic) else topic.types
    if raw["type"] not in expected:
        raise UnreadableMessageError("does not belong on this topic", field="type", message_id=_id(raw))
    for name in ("id", "timestamp"):
        # The models fill these in for a sender; on receipt an absent one must not pass for a fresh one.
        if name not in raw:
            raise UnreadableMessageError("Field required", field=name, message_id=_id(raw))
    try:
        message = model.model_validate_json(payload, by_alias=True, by_name=False)
    except ValidationError as exc:
        raise _unreadable(exc, _id(raw)) from exc
    _check_names(topic, message)
    return message


def _object(payload: bytes) -> dict[str, Any]:
    if len(payload) > MAX_PAYLOAD:
        raise UnreadableMessageError(f"larger than {MAX_PAYLOAD} bytes")
    try:
        raw = from_json(payload, allow_inf_nan=False)
    except ValueError as exc:
        raise UnreadableMessageError("not JSON") from exc
    if not isinstance(raw, dict):
        raise UnreadableMessageError("not a JSON object")
    return raw


def _type(raw: dict[str, Any]) -> str:
    kind = raw.get("type")
    if not isinstance(kind, str):
        raise UnreadableMessageError("must be a string", field="type", message_id=_id(raw))
    return kind


def _id(raw: dict[str, Any]) -> str | None:
    candidate = raw.get("id")
    if isinstance(candidate, str) and 1 <= len(candidate) <= 128 and all("!" <= c <= "~" for c in candidate):
        return candidate
    return None


def _unreadable(exc: ValidationError, message_id: str | None) -> UnreadableMessageError:
    error = exc.errors(include_url=False, include_input=False, include_context=False)[0]
    field = ".".join(str(part) for part in error["loc"]) or None
    return UnreadableMessageError(error["msg"], field=field, message_id=message_id)


def _check_names(topic: Topic, message: Message) -> None:
    def must_be(field: str, value: str | None, expected: str | None) -> None:
        if value != expected:
            raise UnreadableMessageError("is not that of the topic", field=field, message_id=message.id)

    must_be("userId", message.user_id, topic.user if isinstance(topic, UserTopic) else None)
    if isinstance(topic, ShootTopic):
        must_be("data.shootId", _data(message, "shoot_id"), topic.shoot)
    elif isinstance(topic, PresenceTopic):
        must_be("data.deviceId", _data(message, "device_id"), topic.device)
    elif isinstance(topic, UplinkTopic):
        must_be("deviceId", message.device_id, topic.device)


def _data(message: Message, name: str) -> str | None:
    value: str | None = getattr(message.data, name, None)
    return value
