"""All functions as one ASGI app: ``uvicorn functions.app:app``, or one Lambda function for all routes."""

from typing import Any

from fastapi import FastAPI

from mqtt_bridge.publisher import Publisher
from mqtt_bridge.settings import Settings

from . import application, devices, erase_user, publish_routes, session, sign_out, status
from .aws import lambda_handler

ROUTERS = (
    session.router,
    *publish_routes.ROUTERS,
    devices.router,
    sign_out.router,
    erase_user.router,
    status.router,
)


def create_app(settings: Settings, publisher: Publisher) -> FastAPI:
    """The app with these settings, publishing through this publisher."""
    return application.create_app(settings, publisher, ROUTERS)


def openapi() -> dict[str, Any]:
    """The OpenAPI 3.1 document of all routes."""
    from .openapi import document

    return document(application.with_routes(ROUTERS))


app = application.FromEnvironment(*ROUTERS)
handler = lambda_handler(app)
