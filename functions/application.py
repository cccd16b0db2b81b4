"""The ASGI app around the functions' routes: what every request passes through, and how it starts."""

import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from fastapi import APIRouter, FastAPI
from pydantic.alias_generators import to_camel
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.types import Receive, Scope, Send

from mqtt_bridge.broker_url import BrokerUrl
from mqtt_bridge.errors import ConfigurationError
from mqtt_bridge.publisher import MqttPublisher, Publisher
from mqtt_bridge.settings import Settings
from mqtt_bridge.tokens import SigningKey

from . import errors, idempotency, logs, problems
from .limits import BodyLimit
from .services import Services

logger = logging.getLogger(__name__)


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
    errors.install(app)
    for router in routers:
        app.include_router(router)
    return app


def create_app(settings: Settings, publisher: Publisher, routers: Sequence[APIRouter]) -> FastAPI:
    """The ASGI app of these routes. At its shutdown it closes the publisher."""

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        await publisher.aclose()

    middleware = [
        Middleware(logs.RequestLog),
        Middleware(
            CORSMiddleware,
            allow_origins=settings.cors_origins,
            allow_methods=["GET", "POST", "DELETE"],
            allow_headers=["Authorization", "Content-Type", idempotency.HEADER, logs.REQUEST_ID],
            expose_headers=["Retry-After", "WWW-Authenticate", logs.REQUEST_ID],
        ),
        Middleware(errors.CatchAll),
        Middleware(BodyLimit),
    ]
    app = with_routes(routers, middleware=middleware, lifespan=lifespan)
    app.state.services = Services.of(settings, publisher)
    return app


class FromEnvironment:
    """The ASGI app of these routes, set up from the environment at its first use.

    Not at import: a Lambda snapshot must hold no connection and nothing random, and tools that only look at
    the routes have no settings. A server that speaks the lifespan protocol sets it up at startup, and ends
    there with every fault named when the environment is wrong.
    """

    def __init__(self, *routers: APIRouter) -> None:
        self._routers = routers
        self._app: FastAPI | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            self._app = self._app or self._create()
        except ConfigurationError as exc:
            await _refuse(exc, scope, receive, send)
        else:
            await self._app(scope, receive, send)

    def _create(self) -> FastAPI:
        settings = Settings.from_environment()
        logs.configure(settings)
        publisher = MqttPublisher(
            BrokerUrl.parse(settings.broker_url),
            key=SigningKey.from_pem(settings.signing_key.get_secret_value()),
            issuer=settings.token_issuer,
            audience=settings.token_audience,
            timeout=settings.publish_timeout,
            ca_file=settings.broker_ca_file,
            queue_limit=settings.queue_limit,
        )
        return create_app(settings, publisher, self._routers)


async def _refuse(exc: ConfigurationError, scope: Scope, receive: Receive, send: Send) -> None:
    faults = "\n".join(f"  {name}: {fault}" for name, fault in exc.faults.items())
    message = f"The environment is not set up:\n{faults}"
    if scope["type"] == "lifespan":
        await receive()
        await send({"type": "lifespan.startup.failed", "message": message})
        return
    logger.error("%s", message)
    await errors.answer(problems.internal())(scope, receive, send)
