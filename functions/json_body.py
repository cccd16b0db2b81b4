"""JSON bodies, validated by pydantic straight from the bytes: quicker, and strict the way JSON is."""

from collections.abc import Callable, Coroutine
from typing import Annotated, Any, TypeVar

from fastapi import Request
from fastapi.routing import APIRoute
from pydantic import GetCoreSchemaHandler
from pydantic_core import CoreSchema, core_schema
from starlette.responses import Response

from .content_type import check_json

T = TypeVar("T")


class FromBytes:
    """Makes pydantic read the value from JSON. The JSON Schema stays that of the value."""

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        schema = handler(source)
        return core_schema.json_or_python_schema(schema, core_schema.json_schema(schema))


Posted = Annotated[T, FromBytes()]
"""A handler's parameter that is the request's body. The router must use ``JsonRoute``."""


class _UnparsedRequest(Request):
    async def json(self) -> bytes:
        return await self.body()


class JsonRoute(APIRoute):
    """Hands bodies on as bytes for ``Posted`` to read, and takes no other content type than JSON.

    FastAPI alone would parse them into dicts and validate those. It does so after the dependencies, so a
    caller without a token learns nothing about its body, and it keeps the OpenAPI page complete.
    """

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """FastAPI's own handler, given bytes."""
        handle = super().get_route_handler()

        async def handle_unparsed(request: Request) -> Response:
            check_json(request.scope)
            return await handle(_UnparsedRequest(request.scope, request.receive))

        return handle_unparsed
