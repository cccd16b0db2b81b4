"""How large a body may be: 64 KiB, whatever is announced; and how long it may take."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator

import httpx
import pytest
import uvicorn

from functions import limits
from functions.app import create_app
from functions.limits import MAX_BODY
from mqtt_bridge.messages import Envelope
from mqtt_bridge.publisher import Receipt
from mqtt_bridge.recording import RecordingPublisher
from mqtt_bridge.topics import Topic

from .callers import DEVICES, POSTS, PROGRESS, SHOOT_PROGRESS, user
from .conftest import settings_of

HEADERS = user() | {"Content-Type": "application/json"}


def padded(size: int) -> bytes:
    """A good body of this many bytes."""
    body = json.dumps(PROGRESS).encode()
    return body + b" " * (size - len(body))


async def chunks(content: bytes, size: int = 1000) -> AsyncIterator[bytes]:
    for start in range(0, len(content), size):
        yield content[start : start + size]


@pytest.mark.parametrize("path", POSTS)
@pytest.mark.parametrize("headers", [HEADERS, {}], ids=["with a token", "without"])
async def test_65_kib_are_refused(
    client: httpx.AsyncClient, publisher: RecordingPublisher, path: str, headers: dict[str, str]
) -> None:
    """413 by every route, before anything else is looked at."""
    response = await client.post(path, content=padded(65 * 1024), headers=headers)

    assert response.status_code == 413
    assert response.headers["content-type"] == "application/problem+json"
    assert response.headers["connection"] == "close"
    assert response.json()["type"] == "urn:problem-type:kull-sync:too-large"
    assert publisher.sent == []


@pytest.mark.parametrize("stream", [False, True], ids=["announced", "streamed"])
@pytest.mark.parametrize(("size", "status"), [(MAX_BODY, 202), (MAX_BODY + 1, 413)])
async def test_the_limit_is_exact(client: httpx.AsyncClient, *, stream: bool, size: int, status: int) -> None:
    """64 KiB are taken, one byte more is not; also where nobody said how long the body is."""
    content = padded(size)
    response = await client.post(
        SHOOT_PROGRESS, content=chunks(content) if stream else content, headers=HEADERS
    )

    assert response.status_code == status


@pytest.mark.parametrize("announced", ["10", "0", "-1", "x", "", "9" * 5000, "1e2", "٣"])
async def test_a_content_length_that_lies_helps_nobody(
    client: httpx.AsyncClient, publisher: RecordingPublisher, announced: str
) -> None:
    """What arrives is counted, whatever was announced."""
    headers = [
        *((k.encode(), v.encode()) for k, v in HEADERS.items()),
        (b"Content-Length", announced.encode()),
    ]
    response = await client.post(SHOOT_PROGRESS, content=chunks(padded(MAX_BODY * 2)), headers=headers)

    assert response.status_code == 413
    assert publisher.sent == []


async def test_a_large_body_is_not_read_to_its_end(client: httpx.AsyncClient) -> None:
    """An endless body ends at the limit."""
    read = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal read
        while True:
            read += 8192
            yield b" " * 8192
            await asyncio.sleep(0)

    response = await client.post(SHOOT_PROGRESS, content=endless(), headers=HEADERS)

    assert response.status_code == 413
    assert read <= MAX_BODY + 3 * 8192


async def test_an_announced_large_body_is_not_read_at_all(client: httpx.AsyncClient) -> None:
    """The refusal needs none of it."""

    async def unread() -> AsyncIterator[bytes]:
        raise AssertionError("read")
        yield b""

    headers = HEADERS | {"Content-Length": str(MAX_BODY + 1)}
    response = await client.post(SHOOT_PROGRESS, content=unread(), headers=headers)

    assert response.status_code == 413


@pytest.mark.parametrize(
    ("method", "path", "headers"),
    [
        *(pytest.param("POST", path, HEADERS, id=path[10:]) for path in POSTS),
        pytest.param("POST", SHOOT_PROGRESS, {}, id="without a token"),
        pytest.param("POST", SHOOT_PROGRESS, user() | {"Content-Type": "text/plain"}, id="not even JSON"),
        pytest.param("GET", f"{DEVICES}?userId=ada", user(), id="where a body means nothing"),
    ],
)
async def test_a_body_that_stops_arriving_is_not_waited_for(
    client: httpx.AsyncClient,
    publisher: RecordingPublisher,
    monkeypatch: pytest.MonkeyPatch,
    method: str,
    path: str,
    headers: dict[str, str],
) -> None:
    """408 and the end of the connection: else a caller could hold as many of them as it likes."""
    monkeypatch.setattr(limits.patience, "seconds", 0)

    async def half() -> AsyncIterator[bytes]:
        yield b"{"
        await asyncio.Event().wait()

    async with asyncio.timeout(30):
        response = await client.request(
            method, path, content=half(), headers=headers | {"Content-Length": "500"}
        )

    assert response.status_code == 408
    assert response.headers["content-type"] == "application/problem+json"
    assert response.headers["connection"] == "close"
    assert response.json()["type"] == "urn:problem-type:kull-sync:too-slow"
    assert publisher.sent == []


async def test_a_trickle_does_not_buy_time(
    client: httpx.AsyncClient, publisher: RecordingPublisher, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The time is for the whole body: one byte now and then must not begin it anew."""
    monkeypatch.setattr(limits.patience, "seconds", 0.05)

    async def trickle() -> AsyncIterator[bytes]:
        while True:
            yield b" "
            await asyncio.sleep(0.001)

    async with asyncio.timeout(30):
        response = await client.post(SHOOT_PROGRESS, content=trickle(), headers=HEADERS)

    assert response.status_code == 408
    assert publisher.sent == []


async def test_a_slow_publication_is_not_a_slow_body(
    client: httpx.AsyncClient, publisher: RecordingPublisher, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The time ends with the body: what the app does then has bounds of its own."""
    monkeypatch.setattr(limits.patience, "seconds", 0)
    publish = publisher.publish

    async def later(topic: Topic, message: Envelope) -> Receipt:
        await asyncio.sleep(0.01)
        return await publish(topic, message)

    monkeypatch.setattr(publisher, "publish", later)
    response = await client.post(SHOOT_PROGRESS, json=PROGRESS, headers=HEADERS)

    assert response.status_code == 202


@pytest.mark.parametrize("content_type", ["application/json", "text/plain"])
async def test_a_server_closes_the_connection_of_a_body_that_stops_arriving(
    publisher: RecordingPublisher, monkeypatch: pytest.MonkeyPatch, content_type: str
) -> None:
    """Under uvicorn, which waits for ever by itself: the refusal comes, and then the end."""
    monkeypatch.setattr(limits.patience, "seconds", 0.05)
    app = create_app(settings_of(), publisher)
    server = uvicorn.Server(uvicorn.Config(app, log_config=None, lifespan="off"))
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        serving = asyncio.create_task(server.serve([bound]))
        try:
            async with asyncio.timeout(30):
                bound.listen()
                reader, writer = await asyncio.open_connection(*bound.getsockname())
                writer.write(
                    f"POST {SHOOT_PROGRESS} HTTP/1.1\r\nHost: functions\r\nContent-Type: {content_type}\r\n"
                    "Content-Length: 500\r\n\r\n{".encode()
                )
                heard = await reader.read()
                writer.close()
                await writer.wait_closed()
        finally:
            server.should_exit = True
            await serving

    assert heard.startswith(b"HTTP/1.1 408 ")
    assert b"urn:problem-type:kull-sync:too-slow" in heard
