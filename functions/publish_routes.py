"""The publish endpoints as FastAPI routes: with their page, and answered the short way all the same."""

from collections.abc import Callable, Coroutine
from functools import partial
from inspect import Parameter, Signature, cleandoc
from typing import Annotated, Any, cast

from fastapi import APIRouter, Header, Request
from fastapi.routing import APIRoute
from pydantic.json_schema import SkipJsonSchema
from starlette.responses import Response

from . import batch, credit_update, idempotency, prompt_change, shoot_progress
from .dependencies import Credentials
from .endpoint import Endpoint
from .json_body import FromBytes
from .responses import ACKNOWLEDGED, BATCH, PUBLISH_AS_SERVICE, PUBLISH_FOR_SELF, Responses

IdempotencyKey = Annotated[
    str | SkipJsonSchema[None],
    Header(
        alias=idempotency.HEADER,
        description="Makes a retry safe: the same key with the same body is the same event, which each"
        " device shows once. 1 to 255 printable ASCII characters without space.",
        # For the page alone: a wrong header is 400 here, and FastAPI would call it a wrong body.
        json_schema_extra={"pattern": idempotency.PATTERN},
        examples=["8e03978e-40d5-43dd-bc93-6894a57f9324"],
    ),
]


class PublishRoute(APIRoute):
    """A FastAPI route for the page, which leaves the answer to its endpoint.

    ``Edge`` spares most requests the way to here. Those that come (below a root path, say) are answered
    no differently.
    """

    @property
    def publishes(self) -> Endpoint[Any]:
        """The endpoint."""
        return cast("Endpoint[Any]", self.endpoint.publishes)  # type: ignore[attr-defined]  # of _documented

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The endpoint's answer, in place of FastAPI's own handling of a request."""

        async def handle(request: Request) -> Response:
            services = request.app.state.services
            answer = await self.publishes.answer(services, request.scope, await request.body())
            return cast("Response", answer)  # FastAPI only calls it, as the ASGI app that it is

        return handle


def _documented(endpoint: Endpoint[Any]) -> Callable[..., Any]:
    """The endpoint's function with the parameters that are on its page, which FastAPI takes from here."""
    documented: Any = partial(endpoint.publish)
    documented.publishes = endpoint
    parameters = {
        "posted": Annotated[endpoint.body, FromBytes()],
        "credentials": Credentials,
        "key": IdempotencyKey,
    }
    documented.__signature__ = Signature(
        [
            Parameter(
                name,
                Parameter.KEYWORD_ONLY,
                annotation=annotation,
                default=None if name == "key" else Parameter.empty,
            )
            for name, annotation in parameters.items()
        ]
    )
    return cast("Callable[..., Any]", documented)


def _router(endpoint: Endpoint[Any], response: str, responses: Responses) -> APIRouter:
    router = APIRouter(route_class=PublishRoute, tags=["publish"])
    router.add_api_route(
        endpoint.path,
        _documented(endpoint),
        methods=["POST"],
        name=endpoint.publish.__name__,
        description=cleandoc(endpoint.publish.__doc__ or ""),
        status_code=endpoint.status,
        response_model=endpoint.publish.__annotations__["return"],
        response_description=response,
        responses=responses,
    )
    return router


ROUTERS = (
    _router(shoot_progress.shoot_progress, ACKNOWLEDGED, PUBLISH_FOR_SELF),
    _router(credit_update.credit_update, ACKNOWLEDGED, PUBLISH_AS_SERVICE),
    _router(prompt_change.prompt_change, ACKNOWLEDGED, PUBLISH_AS_SERVICE),
    _router(batch.batch, "What became of each item.", BATCH),
)
