"""The functions' app with the demo around it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
from fastapi import FastAPI

from functions import application
from functions.app import ROUTERS as FUNCTIONS
from functions.environment import FromEnvironment
from mqtt_bridge.publisher import Publisher
from mqtt_bridge.settings import Settings

from . import account, prompts, reset, shoots, tester
from .backend import Backend
from .logins import Logins
from .loopback import LoopbackOnly
from .pages import BUILT, Pages
from .posting import Posting
from .settings import DemoSettings

ROUTERS = (*FUNCTIONS, account.router, shoots.router, prompts.router, reset.router, tester.router)


def add_demo(
    app: FastAPI,
    settings: Settings,
    *,
    url: str,
    built: Path = BUILT,
    transport: httpx.AsyncBaseTransport | None = None,
) -> FastAPI:
    """The app, which must have ``ROUTERS``, with all of the demo that is not a route.

    ``url`` is where the app will listen; its own worker posts there, through ``transport``.
    """
    posting = Posting(url, Logins.of(settings), transport=transport)
    backend = Backend.of(Logins.of(settings), posting)
    functions = app.router.lifespan_context

    @asynccontextmanager
    async def lifespan(started: FastAPI) -> AsyncIterator[None]:
        # The demo ends first: it posts through the functions.
        async with functions(started), posting, backend.running():
            yield

    app.router.lifespan_context = lifespan
    app.state.demo = backend
    # The last that is added is the first to be asked.
    app.add_middleware(Pages, broker_urls=settings.public_broker_urls, built=built)
    app.add_middleware(LoopbackOnly)
    return app


def create_app(settings: Settings, publisher: Publisher) -> FastAPI:
    """The whole app. Raises ConfigurationError."""
    app = application.create_app(settings, publisher, ROUTERS)
    return add_demo(app, settings, url=DemoSettings.from_environment().demo_url)


app = FromEnvironment(create_app)
