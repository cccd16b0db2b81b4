"""The FastAPI app of the functions' routes: for servers, and for the OpenAPI page."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, cast

from fastapi import APIRouter, FastAPI
from pydantic.alias_generators import to_camel
from starlette.middleware import Middleware

from mqtt_bridge.publisher import Publisher
from mqtt_bridge.settings import Settings

from . import environment, framework_errors
from .asgi import ASGIApp, Receive, Scope, Send
from .edge import Edge
from .errors import CatchAll
from .publish_routes import PublishRoute
from .services import Services


class App(FastAPI):
    """A FastAPI app whose further middleware stands around all of it.

    FastAPI would put it inside of some of its own, which costs each request more than the edge does.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._outermost: ASGIApp = super().__call__

    def add_middleware(self, middleware_class: Any, *args: Any, **kwargs: Any) -> None:
        """The last that is added is the first to be asked."""
        self._outermost = middleware_class(self._outermost, *args, **kwargs)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._outermost(scope, receive, send)


def with_routes(routers: Sequence[APIRouter], **options: Any) -> App:
    """The routes alone: enough for the OpenAPI page."""
    app = App(
        openapi_url=None,
        redirect_slashes=False,
        generate_unique_id_function=lambda route: to_camel(route.name),
        separate_input_output_schemas=False,
        # Where OpenTelemetry is set up, FastAPI would send it the texts of errors, which may quote a body.
        telemetry={"logs": False},
        **options,
    )
    framework_errors.install(app)
    for router in routers:
        app.include_router(router)
    return app


def create_app(settings: Settings, publisher: Publisher, routers: Sequence[APIRouter]) -> FastAPI:
    """The ASGI app of these routes. At its shutdown it closes the publisher."""

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        await publisher.aclose()

    services = Services.of(settings, publisher)
    endpoints = [
        route.publishes for router in routers for route in router.routes if isinstance(route, PublishRoute)
    ]
    app = with_routes(routers, middleware=[Middleware(CatchAll)], lifespan=lifespan)
    app.add_middleware(Edge, settings, services, *endpoints)
    app.state.services = services
    return app


class FromEnvironment(environment.FromEnvironment):
    """The ASGI app of these routes, set up from the environment at its first use."""

    def __init__(self, *routers: APIRouter) -> None:
        super().__init__(partial(create_app, routers=routers))

    def _create(self) -> FastAPI:
        return cast("FastAPI", super()._create())
