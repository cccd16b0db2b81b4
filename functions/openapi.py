"""The OpenAPI page: FastAPI's, with what it does not know."""

from collections.abc import Iterator
from importlib.metadata import version
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from mqtt_bridge.schemas import describe

from .logs import REQUEST_ID
from .problems import Problem

TAGS = [
    {"name": "session", "description": "Get what is needed to connect to the broker."},
    {"name": "publish", "description": "Tell a user's devices what changed."},
    {"name": "devices", "description": "See who is online, sign devices out, forget a user."},
    {"name": "status", "description": "See whether messages get through."},
]


def document(app: FastAPI) -> dict[str, Any]:
    """The OpenAPI 3.1 document of an app."""
    page = get_openapi(
        title="kull-sync",
        version=version("kull-sync"),
        summary="Tells all devices of one user what changed, at once.",
        description="A 2xx means that the broker acknowledged the message. Refusals are problem documents"
        " (RFC 9457).",
        license_info={"name": "Apache-2.0", "identifier": "Apache-2.0"},
        tags=TAGS,
        routes=app.routes,
        separate_input_output_schemas=False,
    )
    components = page["components"]
    _, problems = models_json_schema(
        [(Problem, "serialization")], ref_template="#/components/schemas/{model}"
    )
    components["schemas"] = dict(sorted((components["schemas"] | problems["$defs"]).items()))
    describe(components["schemas"], _models(BaseModel))
    components["headers"] = {
        "RequestId": {
            "description": "The request's id in the logs: the caller's own if it sent one, else a fresh one.",
            "schema": {"type": "string"},
        }
    }
    for path in page["paths"].values():
        for operation in path.values():
            for response in operation["responses"].values():
                response.setdefault("headers", {})[REQUEST_ID] = {"$ref": "#/components/headers/RequestId"}
    return page


def _models(base: type[BaseModel]) -> Iterator[type[BaseModel]]:
    """All models of ours: which of them are on the page, the page knows."""
    for model in base.__subclasses__():
        if model.__module__.startswith(("functions.", "mqtt_bridge.")):
            yield model
        yield from _models(model)
