"""A publish route without a framework: a function of what was posted, between raw bytes and a whole answer.

For its OpenAPI page it is a FastAPI route too (``publish_routes.py``). Requests take this way, which costs a
fraction; on AWS Lambda it is all there is, because importing FastAPI would be most of a cold start.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from pydantic import BaseModel, ValidationError

from .asgi import Answer, Receive, Scope, Send
from .content_type import check_json
from .errors import empty_body, invalid
from .idempotency import key_of
from .outbox import Outbox
from .problems import plain
from .publishing import Publishing

Body = TypeVar("Body", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Endpoint(Generic[Body]):
    """POST of a body to a path."""

    path: str
    status: int
    """Of the answer, when nothing is wrong."""
    body: type[Body]
    publish: Callable[[Body, Outbox], Awaitable[BaseModel]]
    """Publishes what was posted. Raises ProblemError, PublishError or PublishRefusedError."""

    async def answer(self, publishing: Publishing, scope: Scope, raw: bytes) -> Answer:
        """The answer to a request with this body. Raises as ``publish`` does.

        A caller without a token learns nothing about its body.
        """
        check_json(scope)
        caller = await publishing.verifier.caller_of(scope)
        outbox = Outbox(publishing.publisher, publishing.counts, caller, self.path, key_of(scope))
        answer = await self.publish(self._read(raw), outbox)
        return Answer(self.status, answer.model_dump_json().encode())

    def _read(self, raw: bytes) -> Body:
        if not raw:
            raise empty_body()
        try:
            return self.body.model_validate_json(raw)
        except ValidationError as exc:
            raise invalid(exc.errors(include_url=False, include_input=False)) from exc


def posted(
    path: str, *, status: int
) -> Callable[[Callable[[Body, Outbox], Awaitable[BaseModel]]], Endpoint[Body]]:
    """Makes an endpoint of a function. The annotation of its first parameter says what its bodies are."""

    def endpoint(publish: Callable[[Body, Outbox], Awaitable[BaseModel]]) -> Endpoint[Body]:
        body: type[Body] = next(iter(publish.__annotations__.values()))
        return Endpoint(path, status, body, publish)

    return endpoint


class Nothing:
    """What is beside endpoints where there is nothing else: 405 at their paths, and 404."""

    def __init__(self, *endpoints: Endpoint[Any]) -> None:
        self._endpoints = {endpoint.path: endpoint for endpoint in endpoints}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        endpoint = self._endpoints.get(scope["path"])
        if endpoint is None:
            raise plain(404)
        scope["route"] = endpoint
        raise plain(405, {"Allow": "POST"})
