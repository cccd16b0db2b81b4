"""The message models: what is a message, and what it looks like on the wire."""

import json
from typing import Any

import pytest
from pydantic import ValidationError

from mqtt_bridge.messages import (
    Ack,
    AckMessage,
    CreditUpdate,
    DeviceConnected,
    Error,
    PromptChange,
    PromptChangeMessage,
    ShootProgress,
    ShootProgressMessage,
)

PROGRESS = {"shootId": "s", "status": "processing", "processedCount": 1, "totalCount": 2}
CREDITS = {"newBalance": 10, "change": -5, "reason": "culled"}
PROMPT = {"action": "updated"}
BIRTH = {"deviceId": "mac-1", "name": "Mac", "platform": "mac", "session": 1, "epoch": "e"}
ERROR = {"code": "invalid", "detail": "no", "retryable": False}


def test_wire_form() -> None:
    """The envelope is spelled out, nulls included; optional data without a value is left out."""
    message = ShootProgressMessage(
        id="i",
        timestamp=1,
        user_id="ada",
        data=ShootProgress(shoot_id="s", status="queued", processed_count=0, total_count=3, eta=1.5),
    )

    assert json.loads(message.to_json()) == {
        "type": "SHOOT_PROGRESS",
        "id": "i",
        "timestamp": 1,
        "userId": "ada",
        "deviceId": None,
        "data": {
            "shootId": "s",
            "status": "queued",
            "processedCount": 0,
            "totalCount": 3,
            "eta": 1.5,
            "run": 0,
        },
    }


def test_ids_are_fresh() -> None:
    """Two messages made alike are two events."""
    first, second = (AckMessage(user_id="ada", data=Ack(in_reply_to="i")) for _ in range(2))

    assert first.id != second.id


def test_message_for_everyone_says_so() -> None:
    """A null user is written, not left out."""
    message = PromptChangeMessage(user_id=None, data=PromptChange(action="created"))

    assert json.loads(message.to_json())["userId"] is None


@pytest.mark.parametrize(
    ("model", "valid", "changes", "field"),
    [
        pytest.param(
            ShootProgress, PROGRESS, {"processedCount": 3}, "processedCount", id="more done than there is"
        ),
        pytest.param(ShootProgress, PROGRESS, {"processedCount": -1}, "processedCount", id="negative count"),
        pytest.param(
            ShootProgress, PROGRESS, {"totalCount": 2**53}, "totalCount", id="beyond a JavaScript integer"
        ),
        pytest.param(ShootProgress, PROGRESS, {"totalCount": "2"}, "totalCount", id="number in a string"),
        pytest.param(ShootProgress, PROGRESS, {"totalCount": 2.5}, "totalCount", id="half an image"),
        pytest.param(ShootProgress, PROGRESS, {"totalCount": True}, "totalCount", id="a boolean count"),
        pytest.param(ShootProgress, PROGRESS, {"status": "done"}, "status", id="unknown status"),
        pytest.param(ShootProgress, PROGRESS, {"shootId": "a/b"}, "shootId", id="shoot id with a level"),
        pytest.param(ShootProgress, PROGRESS, {"shootId": "a\n"}, "shootId", id="shoot id with a line break"),
        pytest.param(ShootProgress, PROGRESS, {"eta": -1}, "eta", id="negative eta"),
        pytest.param(ShootProgress, PROGRESS, {"run": -1}, "run", id="negative run"),
        pytest.param(ShootProgress, PROGRESS, {"error": "x" * 2001}, "error", id="error too long"),
        pytest.param(CreditUpdate, CREDITS, {"newBalance": -1}, "newBalance", id="negative balance"),
        pytest.param(CreditUpdate, CREDITS, {"change": None}, "change", id="no change"),
        pytest.param(CreditUpdate, CREDITS, {"reason": "x" * 201}, "reason", id="reason too long"),
        pytest.param(PromptChange, PROMPT, {"action": "renamed"}, "action", id="unknown action"),
        pytest.param(PromptChange, PROMPT, {"promptId": ""}, "promptId", id="empty prompt id"),
        pytest.param(DeviceConnected, BIRTH, {"platform": "amiga"}, "platform", id="unknown platform"),
        pytest.param(DeviceConnected, BIRTH, {"deviceId": "a:b"}, "deviceId", id="device id with a colon"),
        pytest.param(DeviceConnected, BIRTH, {"name": ""}, "name", id="nameless device"),
        pytest.param(Error, ERROR, {"code": "Not A Code"}, "code", id="code with spaces"),
    ],
)
def test_invalid_field_is_refused_by_name(
    model: Any, valid: dict[str, Any], changes: dict[str, Any], field: str
) -> None:
    """Each wrong value is refused, and the error leads to its field."""
    model.model_validate_json(json.dumps(valid))

    with pytest.raises(ValidationError) as refusal:
        model.model_validate_json(json.dumps(valid | changes))

    error = refusal.value.errors()[0]
    assert field in (*error["loc"], *error["msg"].replace(",", " ").split())


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999"])
def test_no_number_without_a_value(number: str) -> None:
    """JSON has no NaN and no infinity (RFC 8259, 6); neither do the messages."""
    body = json.dumps(PROGRESS)[:-1] + f', "eta": {number}}}'

    with pytest.raises(ValidationError):
        ShootProgress.model_validate_json(body)


def test_unknown_field_is_ignored_on_receipt_and_refused_at_the_edge() -> None:
    """A newer server must not break an older app; a caller's typo must not vanish."""
    body = json.dumps(PROGRESS | {"mood": "good"})

    assert ShootProgress.model_validate_json(body).shoot_id == "s"
    with pytest.raises(ValidationError, match="mood"):
        ShootProgress.model_validate_json(body, extra="forbid")


def test_messages_cannot_be_changed() -> None:
    """A handler that got a message cannot change it under another's hands."""
    with pytest.raises(ValidationError, match="frozen"):
        ShootProgress.model_validate_json(json.dumps(PROGRESS)).status = "failed"  # type: ignore[misc]  # the test


@pytest.mark.parametrize(
    ("status", "finished"), [("queued", False), ("processing", False), ("completed", True), ("failed", True)]
)
def test_finished(status: str, finished: bool) -> None:
    """Completed and failed end a run."""
    progress = ShootProgress.model_validate_json(json.dumps(PROGRESS | {"status": status}))

    assert progress.finished is finished
