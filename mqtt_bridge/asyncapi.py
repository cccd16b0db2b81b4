"""The contract as an AsyncAPI 3.0 document, generated from ``topics.py`` and ``messages.py``."""

from dataclasses import fields
from typing import Any

from .messages import MESSAGES
from .schemas import data_model, message_schemas
from .topics import (
    DEVICE_ID_PATTERN,
    ID_PATTERN,
    SHARDS,
    AllPromptsTopic,
    CreditsTopic,
    EpochTopic,
    InboxTopic,
    PresenceTopic,
    PromptsTopic,
    ShootTopic,
    Topic,
    UplinkTopic,
    device_subscriptions,
)

_CHANNELS: dict[str, type[Topic]] = {
    "shoot": ShootTopic,
    "credits": CreditsTopic,
    "prompts": PromptsTopic,
    "allPrompts": AllPromptsTopic,
    "epoch": EpochTopic,
    "presence": PresenceTopic,
    "inbox": InboxTopic,
    "uplinkPing": UplinkTopic,
    "uplinkUpdateProgress": UplinkTopic,
}
_UPLINK_TYPES = {
    "uplinkPing": ("ping", "PING"),
    "uplinkUpdateProgress": ("update-progress", "UPDATE_PROGRESS"),
}
_DEVICE_SENDS = ("presence", *_UPLINK_TYPES)

_PARAMETERS = {
    "user": {"description": f"The user. {ID_PATTERN}"},
    "shoot": {"description": f"The shoot. {ID_PATTERN}"},
    "device": {"description": f"The device. {DEVICE_ID_PATTERN}"},
    "shard": {"description": "First hex digit of SHA-256(user).", "enum": list(SHARDS)},
}


def document(version: str) -> dict[str, Any]:
    """The AsyncAPI document, from the view of a device. ``version`` is that of the package."""
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "kull-sync",
            "version": version,
            "description": "What crosses between a user's devices and the broker. "
            "The rules around it are in mqtt_bridge/PROTOCOL.md.",
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": "application/json",
        "servers": {
            "websocket": _server("wss", "MQTT 5 over WebSocket (subprotocol mqtt)."),
            "tcp": _server("mqtts", "MQTT 5 over TCP, for native clients."),
        },
        "channels": {name: _channel(name, topic) for name, topic in _CHANNELS.items()},
        "operations": {**_receives(), **_sends()},
        "components": {
            "messages": {name: _message(name) for name in MESSAGES},
            "schemas": message_schemas("#/components/schemas/{model}"),
            "securitySchemes": {
                "brokerToken": {
                    "type": "userPassword",
                    "description": "User name: the user id. Password: the token of POST /api/sync/session.",
                }
            },
        },
    }


def _server(protocol: str, description: str) -> dict[str, Any]:
    return {
        "host": "broker.example.com",
        "protocol": protocol,
        "protocolVersion": "5.0",
        "description": description,
        "security": [{"$ref": "#/components/securitySchemes/brokerToken"}],
    }


def _channel(name: str, topic: type[Topic]) -> dict[str, Any]:
    address = topic.template
    types = sorted(topic.types)
    parameters = [field.name for field in fields(topic)]
    if name in _UPLINK_TYPES:
        kind, message_type = _UPLINK_TYPES[name]
        address = address.replace("{kind}", kind)
        types = [message_type]
        parameters = ["shard", "user", "device"]
    channel: dict[str, Any] = {
        "address": address,
        "description": _first_line(topic),
        "messages": {type_: {"$ref": f"#/components/messages/{type_}"} for type_ in types},
        "parameters": {parameter: _PARAMETERS[parameter] for parameter in parameters},
    }
    if topic is EpochTopic:
        channel["messages"] = {
            "epoch": {
                "contentType": "text/plain",
                "payload": {"type": "string", "minLength": 1, "maxLength": 128},
            }
        }
    return channel


def _first_line(described: type) -> str:
    return (described.__doc__ or "").partition("\n")[0]


def _message(name: str) -> dict[str, Any]:
    model = MESSAGES[name]
    return {
        "name": name,
        "summary": _first_line(data_model(model)),
        "payload": {"$ref": f"#/components/schemas/{model.__name__}"},
    }


def _receives() -> dict[str, Any]:
    names = ("shoot", "presence", "credits", "prompts", "inbox", "allPrompts", "epoch")
    return {
        f"receive{name[0].upper()}{name[1:]}": {
            "action": "receive",
            "channel": {"$ref": f"#/channels/{name}"},
            "bindings": {"mqtt": {"qos": subscription.qos, "bindingVersion": "0.2.0"}},
        }
        for name, subscription in zip(names, device_subscriptions("u", "d"), strict=True)
    }


def _sends() -> dict[str, Any]:
    operations = {}
    for name in _DEVICE_SENDS:
        topic = _CHANNELS[name]
        mqtt: dict[str, Any] = {"qos": 1, "retain": topic.retain, "bindingVersion": "0.2.0"}
        if topic.expiry is not None:
            mqtt["messageExpiryInterval"] = topic.expiry
        operations[f"send{name[0].upper()}{name[1:]}"] = {
            "action": "send",
            "channel": {"$ref": f"#/channels/{name}"},
            "bindings": {"mqtt": mqtt},
        }
    return operations
