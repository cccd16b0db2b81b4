"""The demo in one process: its worker posts to the same app, which publishes into a list."""

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI

from functions.application import create_app
from functions.demo.application import ROUTERS, add_demo
from mqtt_bridge.recording import RecordingPublisher
from tests.functions.conftest import settings_of

URL = "http://127.0.0.1:8080"
PATIENCE = 30.0
"""Seconds that a test waits for what must happen."""


@pytest.fixture
def publisher() -> RecordingPublisher:
    return RecordingPublisher()


@pytest.fixture
def built(tmp_path: Path) -> Path:
    """A stand-in for the built app."""
    built = tmp_path / "demo_app"
    (built / "assets").mkdir(parents=True)
    (built / "index.html").write_text("<!doctype html><title>Demo</title>")
    (built / "icon.svg").write_text("<svg/>")
    (built / "assets" / "index-1a2b3c.js").write_text("export {}")
    (tmp_path / "secret.txt").write_text("not for the web")
    return built


@pytest.fixture
async def app(publisher: RecordingPublisher, built: Path) -> AsyncIterator[FastAPI]:
    """The whole app, started."""
    settings = settings_of(cors_origins="https://app.example")
    app = create_app(settings, publisher, ROUTERS)
    add_demo(app, settings, url=URL, built=built, transport=httpx.ASGITransport(app))
    async with app.router.lifespan_context(app):
        yield app


@pytest.fixture
async def client(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    """Nobody in particular."""
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=URL) as client:
        yield client


@pytest.fixture
async def ada(client: httpx.AsyncClient) -> httpx.AsyncClient:
    """Ada, who has signed in."""
    return await sign_in(client, "ada")


async def sign_in(client: httpx.AsyncClient, user: str) -> httpx.AsyncClient:
    answer = await client.post("/demo/api/sign-in", json={"userId": user})
    client.headers["Authorization"] = f"Bearer {answer.json()['token']}"
    return client


async def until(condition: Callable[[], bool]) -> None:
    """Wait until it holds."""
    async with asyncio.timeout(PATIENCE):
        while not condition():
            await asyncio.sleep(0.005)
