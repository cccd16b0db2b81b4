"""The functions as one app, publishing into a list."""

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from typing import Any

import httpx
import pytest

from functions.app import create_app
from mqtt_bridge.recording import RecordingPublisher
from mqtt_bridge.settings import Settings
from mqtt_bridge.tokens import SigningKey

from .callers import AUDIENCE, ISSUER, SECRET

SIGNING_KEY = SigningKey.generate()


def settings_of(**changes: Any) -> Settings:
    """Settings of a deployment with a shared secret."""
    return Settings.model_validate(
        {
            "broker_url": "mqtt://127.0.0.1:1",
            "public_broker_urls": "wss://broker.example/mqtt,mqtts://broker.example",
            "signing_key": SIGNING_KEY.to_pem(),
            "auth_issuer": ISSUER,
            "auth_audience": AUDIENCE,
            "auth_algorithms": "HS256",
            "auth_secret": SECRET,
            **changes,
        }
    )


@pytest.fixture
def publisher() -> RecordingPublisher:
    return RecordingPublisher()


Connect = Callable[..., httpx.AsyncClient]


@pytest.fixture
async def connect(publisher: RecordingPublisher) -> AsyncIterator[Connect]:
    """Makes clients of apps with other settings."""
    async with AsyncExitStack() as stack:

        def make(**changes: Any) -> httpx.AsyncClient:
            app = create_app(settings_of(**changes), publisher)
            client = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://functions")
            stack.push_async_callback(client.aclose)
            return client

        yield make


@pytest.fixture
def client(connect: Connect) -> httpx.AsyncClient:
    return connect()
