"""What every request passes through, whichever app answers it."""

from typing import Any

from mqtt_bridge.publisher import Publisher
from mqtt_bridge.settings import Settings

from . import idempotency, logs
from .asgi import ASGIApp
from .cors import Cors
from .deadline import Deadline
from .endpoint import Endpoint, Endpoints, Nothing
from .errors import CatchAll
from .limits import BodyLimit
from .publishing import Publishing


def within_edge(
    app: ASGIApp, settings: Settings, publishing: Publishing, *endpoints: Endpoint[Any]
) -> ASGIApp:
    """These endpoints, and the app for all other requests, behind what every request passes through."""
    app = Endpoints(app, publishing, *endpoints)
    app = BodyLimit(app)
    app = Deadline(app)
    app = CatchAll(app)
    app = Cors(
        app,
        origins=settings.cors_origins,
        methods=["GET", "POST", "DELETE"],
        headers=["Authorization", "Content-Type", idempotency.HEADER, logs.REQUEST_ID],
        exposed=["Retry-After", "WWW-Authenticate", logs.REQUEST_ID],
    )
    return logs.RequestLog(app)


def alone(endpoint: Endpoint[Any], settings: Settings, publisher: Publisher) -> ASGIApp:
    """The app of one endpoint, without a framework."""
    return within_edge(Nothing(endpoint), settings, Publishing.of(settings, publisher), endpoint)
