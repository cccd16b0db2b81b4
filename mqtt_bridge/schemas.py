"""JSON Schemas of the messages, with the docstrings of their fields. For generated pages, not for the wire.

pydantic could attach the docstrings itself, but it reads the source at import: tens of milliseconds of
every cold start, for text that only a page shows.
"""

import ast
import inspect
import textwrap
from collections.abc import Iterable
from functools import cache
from typing import Any, cast

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from .messages import MESSAGES, Envelope, WireModel

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def message_schemas(ref_template: str = "#/$defs/{model}") -> dict[str, Any]:
    """The JSON Schemas of all message types and their data, by model name."""
    _, schema = models_json_schema(
        [(model, "serialization") for model in MESSAGES.values()], ref_template=ref_template
    )
    definitions: dict[str, Any] = schema["$defs"]
    describe(definitions, [Envelope, *MESSAGES.values(), *map(data_model, MESSAGES.values())])
    for model in MESSAGES.values():
        # Senders spell the envelope out, nulls included; only our constructors may fill parts of it.
        envelope = definitions[model.__name__]
        envelope["required"] = list(envelope["properties"])
        for default in ("type", "deviceId"):
            envelope["properties"][default].pop("default", None)
    return definitions


def document() -> dict[str, Any]:
    """One JSON Schema (2020-12) that accepts every message of the contract."""
    return {
        "$schema": DIALECT,
        "title": "kull-sync message",
        "oneOf": [{"$ref": f"#/$defs/{model.__name__}"} for model in MESSAGES.values()],
        "$defs": message_schemas(),
    }


def data_model(message: type[Envelope]) -> type[BaseModel]:
    """The model of a message type's ``data``."""
    annotation: Any = message.model_fields["data"].annotation
    return cast("type[BaseModel]", annotation)


def describe(definitions: dict[str, Any], models: Iterable[type[BaseModel]]) -> None:
    """Put the docstrings under the models' fields into their schemas, and take pydantic's made-up titles out.

    ``definitions`` are JSON Schemas by model name; models without one there are passed over.
    """
    for model in models:
        properties: dict[str, Any] = definitions.get(model.__name__, {}).get("properties", {})
        docs = field_docs(model)
        for name, field in model.model_fields.items():
            schema = properties.get(field.serialization_alias or name)
            if schema is None:
                continue
            schema.pop("title", None)
            if name in docs:
                schema["description"] = docs[name]


def field_docs(model: type[BaseModel]) -> dict[str, str]:
    """The docstring below each field of a model, those of its base classes included."""
    docs: dict[str, str] = {}
    for base in reversed(model.__mro__):
        if issubclass(base, BaseModel) and base not in (BaseModel, WireModel):
            docs.update(_own_field_docs(base))
    return docs


@cache
def _own_field_docs(model: type[BaseModel]) -> dict[str, str]:
    (definition,) = ast.parse(textwrap.dedent(inspect.getsource(model))).body
    assert isinstance(definition, ast.ClassDef)  # noqa: S101  # for the type checker: it is a class's source
    docs: dict[str, str] = {}
    for statement, following in zip(definition.body, definition.body[1:], strict=False):
        match statement, following:
            case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(text))):
                docs[name] = inspect.cleandoc(text)
    return docs
