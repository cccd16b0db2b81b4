"""The wire types of the web client: TypeScript interfaces and parsers, from the models."""

import json
from collections.abc import Iterable
from typing import Any

from mqtt_bridge import schemas
from mqtt_bridge.messages import MESSAGES, Envelope
from mqtt_bridge.session import SessionAnswer, SessionRequest, WillTemplate
from mqtt_bridge.topics import DEVICE_ID_PATTERN, ID_PATTERN

RENAMED = {"Error": "ErrorReply", "Subscription": "TopicSubscription"}
"""Names that mean something else in TypeScript or in the client."""

_REQUESTED = "SessionRequest"


def document() -> str:
    """The module ``wire.generated.ts``."""
    definitions = schemas.message_schemas()
    data_types = {kind: schemas.data_model(model).__name__ for kind, model in MESSAGES.items()}
    session = _session_schemas()
    used = {name: definitions[name] for name in dict.fromkeys(data_types.values())} | session
    envelope = definitions[MESSAGES["PING"].__name__]["properties"]
    parts = [
        "// Generated from the models in mqtt_bridge/ by `make generate`. Edit those, not this.",
        f"import {{ {', '.join(_IMPORTS)} }} from './parse.ts'",
        *(_interface(_name(name), schema) for name, schema in used.items()),
        _interface("EnvelopeFields", {"properties": {k: envelope[k] for k in _SHARED}, "required": _SHARED}),
        "/** `data` of each message type. */\nexport interface MessageData {\n"
        + "".join(f"  {kind}: {_name(name)}\n" for kind, name in data_types.items())
        + "}",
        *(_parser(name, schema) for name, schema in used.items() if name != _REQUESTED),
        f"export const parseEnvelope = record<EnvelopeFields>({_fields(_envelope_on_receipt(envelope))})",
        "export const parseData: { readonly [T in keyof MessageData]: Parse<MessageData[T]> } = {\n"
        + "".join(f"  {kind}: parse{_name(name)},\n" for kind, name in data_types.items())
        + "}",
        f"export const ID = {_regex(ID_PATTERN)}\nexport const DEVICE_ID = {_regex(DEVICE_ID_PATTERN)}",
    ]
    return "\n\n".join(parts) + "\n"


_IMPORTS = ["flag", "list", "nullable", "oneOf", "optional", "type Parse", "real", "record", "text", "whole"]
_SHARED = ["id", "timestamp", "userId", "deviceId"]


def _session_schemas() -> dict[str, Any]:
    answer = SessionAnswer.model_json_schema(mode="serialization")
    nested: dict[str, Any] = answer.pop("$defs")
    for schema in nested.values():
        # What a template leaves out is what only the device knows; the rest is always there.
        properties = schema["properties"].items()
        schema["required"] = [name for name, rule in properties if rule.get("default", "") is not None]
    order = ["Subscription", "SessionTopics", "BirthData", "BirthTemplate"]
    order += ["FarewellData", "FarewellTemplate", "WillTemplate"]
    found = {name: nested[name] for name in order}
    found |= {"SessionAnswer": answer, _REQUESTED: SessionRequest.model_json_schema()}
    schemas.describe(found, [SessionAnswer, SessionRequest, WillTemplate])
    return found


def _envelope_on_receipt(envelope: dict[str, Any]) -> dict[str, Any]:
    # Only the device may be left out by a sender (messages.Envelope).
    assert not Envelope.model_fields["device_id"].is_required()  # noqa: S101  # the next line relies on it
    fields = {name: dict(envelope[name]) for name in _SHARED}
    fields["deviceId"]["default"] = None
    return {"properties": fields, "required": ["id", "timestamp", "userId"], "null": ["deviceId"]}


def _name(model: str) -> str:
    return RENAMED.get(model, model)


def _comment(text: str | None, indent: str = "") -> str:
    return f"{indent}/** {' '.join(text.split())} */\n" if text else ""


def _interface(name: str, schema: dict[str, Any]) -> str:
    lines = [f"{_comment(schema.get('description'))}export interface {name} {{"]
    for field, rule in schema["properties"].items():
        # A default is filled in on receipt, so the field is always there.
        there = field in schema.get("required", ()) or rule.get("default") is not None
        optional = "" if there else "?"
        kind = _type(rule if there else _without_null(rule))
        lines.append(f"{_comment(rule.get('description'), '  ')}  readonly {field}{optional}: {kind}")
    return "\n".join([*lines, "}"])


def _type(rule: dict[str, Any]) -> str:
    if "$ref" in rule:
        return _name(rule["$ref"].rpartition("/")[2])
    if "anyOf" in rule:
        return " | ".join(_type(option) for option in rule["anyOf"])
    if "const" in rule or "enum" in rule:
        return " | ".join(_literals(rule))
    if rule["type"] == "array":
        return f"readonly {_type(rule['items'])}[]"
    return "number" if rule["type"] == "integer" else str(rule["type"])


def _literals(rule: dict[str, Any]) -> Iterable[str]:
    for value in rule.get("enum", [rule.get("const")]):
        yield f"'{value}'" if isinstance(value, str) else json.dumps(value)


def _parser(name: str, schema: dict[str, Any]) -> str:
    return f"export const parse{_name(name)} = record<{_name(name)}>({_fields(schema)})"


def _fields(schema: dict[str, Any]) -> str:
    lines = []
    for field, rule in schema["properties"].items():
        if field in schema.get("required", ()):
            parser = _parse(rule)
        elif field in schema.get("null", ()):
            parser = f"optional({_parse(rule)}, null)"
        else:
            default = rule.get("default")
            filled = "" if default is None else f", {json.dumps(default)}"
            parser = f"optional({_parse(_without_null(rule))}{filled})"
        lines.append(f"  {field}: {parser},\n")
    return "{\n" + "".join(lines) + "}"


def _without_null(rule: dict[str, Any]) -> dict[str, Any]:
    options = [option for option in rule.get("anyOf", [rule]) if option.get("type") != "null"]
    return options[0] if len(options) == 1 else {"anyOf": options}


def _parse(rule: dict[str, Any]) -> str:
    if "$ref" in rule:
        return f"parse{_name(rule['$ref'].rpartition('/')[2])}"
    if "anyOf" in rule:
        return f"nullable({_parse(_without_null(rule))})"
    if "const" in rule or "enum" in rule:
        return f"oneOf({', '.join(_literals(rule))})"
    match rule["type"]:
        case "string":
            return f"text({_text_rules(rule)})"
        case "integer":
            return f"whole({_range(rule)})"
        case "number":
            return f"real({_range(rule)})"
        case "boolean":
            return "flag"
        case "array":
            return f"list({_parse(rule['items'])}, {rule.get('minItems', 0)})"
    raise NotImplementedError(f"no parser for {rule}")


def _text_rules(rule: dict[str, Any]) -> str:
    if "pattern" in rule:
        return _regex(rule["pattern"])
    if "maxLength" in rule or "minLength" in rule:
        return f"{rule.get('minLength', 0)}, {rule.get('maxLength', 'Infinity')}"
    return ""


def _range(rule: dict[str, Any]) -> str:
    low = rule.get("minimum", rule.get("exclusiveMinimum", -1) + 1)
    high = rule.get("maximum", 2**53 - 1)
    return ", ".join("" if bound == 2**53 - 1 else str(bound) for bound in (low, high)).removesuffix(", ")


def _regex(pattern: str) -> str:
    return f"/{pattern.replace(chr(92) + chr(34), chr(34)).replace('/', chr(92) + '/')}/"
