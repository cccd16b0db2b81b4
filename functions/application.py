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
from .asgi import ASGIApp
from .edge import within_edge
from .publish_routes import PublishRoute
from .services import Services


def with_routes(routers: Sequence[APIRouter], **options: Any) -> FastAPI:
    """The routes alone: enough for the OpenAPI page."""
    app = FastAPI(
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

    def edge(app: ASGIApp) -> ASGIApp:
        return within_edge(app, settings, services, *endpoints)

    app = with_routes(routers, middleware=[Middleware(edge)], lifespan=lifespan)
    app.state.services = services
    return app


class FromEnvironment(environment.FromEnvironment):
    """The ASGI app of these routes, set up from the environment at its first use."""

    def __init__(self, *routers: APIRouter) -> None:
        super().__init__(partial(create_app, routers=routers))

    def _create(self) -> FastAPI:
        return cast("FastAPI", super()._create())
