"""How large a body may be: 64 KiB, whatever is announced."""

import asyncio
import json
from collections.abc import AsyncIterator

import httpx
import pytest

from functions.limits import MAX_BODY
from mqtt_bridge.recording import RecordingPublisher

from .callers import POSTS, PROGRESS, SHOOT_PROGRESS, user

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
