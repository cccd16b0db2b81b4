"""The generated pages say what the models do."""

import json
from typing import Any

import jsonschema
import pytest

from mqtt_bridge import asyncapi, schemas, topics
from mqtt_bridge.messages import (
    MESSAGES,
    Error,
    ErrorMessage,
    Message,
    PromptChange,
    PromptChangeMessage,
    ShootProgress,
    ShootProgressMessage,
)
from mqtt_bridge.schemas import field_docs

VALIDATOR = jsonschema.Draft202012Validator(schemas.document())

MESSAGE = ShootProgressMessage(
    user_id="ada",
    data=ShootProgress(shoot_id="s", status="queued", processed_count=0, total_count=1, eta=0.5),
)


@pytest.mark.parametrize(
    "message",
    [
        MESSAGE,
        PromptChangeMessage(user_id=None, data=PromptChange(action="deleted")),
        ErrorMessage(user_id="ada", data=Error(code="invalid", detail="no", retryable=False)),
    ],
    ids=lambda message: message.type,
)
def test_what_is_sent_fits_the_schema(message: Message) -> None:
    """A message of ours passes the schema that other clients validate with."""
    VALIDATOR.validate(json.loads(message.to_json()))


@pytest.mark.parametrize(
    "changes",
    [
        {"type": "SHOOT"},
        {"id": ""},
        {"id": None},
        {"timestamp": "now"},
        {"userId": "a/b"},
        {"data": {}},
        {"data": {"shootId": "s", "status": "queued", "processedCount": -1, "totalCount": 1}},
    ],
    ids=str,
)
def test_schema_refuses_what_the_models_refuse(changes: dict[str, Any]) -> None:
    """The schema is no looser than the models."""
    with pytest.raises(jsonschema.ValidationError):
        VALIDATOR.validate(json.loads(MESSAGE.to_json()) | changes)


@pytest.mark.parametrize("field", ["type", "id", "timestamp", "userId", "deviceId", "data"])
def test_senders_spell_the_envelope_out(field: str) -> None:
    """Every part of the envelope is required of a sender, nulls included."""
    message = json.loads(MESSAGE.to_json())
    del message[field]

    with pytest.raises(jsonschema.ValidationError):
        VALIDATOR.validate(message)


def test_docstrings_become_descriptions() -> None:
    """What the code says of a field, inherited ones included, the page says too."""
    definitions = schemas.message_schemas()

    assert definitions["ShootProgress"]["properties"]["eta"]["description"].startswith("Seconds until")
    assert definitions["AckMessage"]["properties"]["timestamp"]["description"].startswith("When it happened")
    assert "title" not in definitions["ShootProgress"]["properties"]["eta"]
    assert field_docs(ShootProgressMessage)["device_id"] == "The device it came from, where one is known."


def test_every_message_and_topic_is_on_the_asyncapi_page() -> None:
    """No message type is forgotten, every reference resolves, and addresses are those of the topics."""
    page = asyncapi.document("1.2.3")

    def references(node: Any) -> list[str]:
        if isinstance(node, dict):
            own = [node["$ref"]] if "$ref" in node else []
            return own + [ref for child in node.values() for ref in references(child)]
        return [ref for child in node for ref in references(child)] if isinstance(node, list) else []

    def resolve(reference: str) -> Any:
        node = page
        for part in reference.removeprefix("#/").split("/"):
            node = node[part]
        return node

    assert page["info"]["version"] == "1.2.3"
    assert all(resolve(reference) for reference in references(page))
    carried = {name for channel in page["channels"].values() for name in channel["messages"]}
    assert carried == {*MESSAGES, "epoch"}
    address = page["channels"]["uplinkPing"]["address"]
    ids = {"shard": topics.shard("ada"), "user": "ada", "device": "mac-1"}
    assert topics.parse(address.format(**ids)) == topics.UplinkTopic("ada", "mac-1", "ping")


def test_asyncapi_page_tells_qos_and_retain() -> None:
    """Another client's author reads from the page how each topic is subscribed and published."""
    operations = asyncapi.document("1")["operations"]

    assert operations["receiveShoot"]["bindings"]["mqtt"]["qos"] == 0
    assert operations["receiveEpoch"]["bindings"]["mqtt"]["qos"] == 1
    assert operations["sendPresence"]["bindings"]["mqtt"] == {
        "qos": 1,
        "retain": True,
        "messageExpiryInterval": 2_592_000,
        "bindingVersion": "0.2.0",
    }
    assert operations["sendUplinkPing"]["bindings"]["mqtt"]["retain"] is False
