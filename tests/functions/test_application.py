"""What surrounds every request: the lifespan, and answers that break off."""

import asyncio
from typing import Any

import pytest
from fastapi import APIRouter
from starlette.responses import StreamingResponse

from functions.app import create_app
from functions.application import create_app as create_any
from mqtt_bridge.recording import RecordingPublisher

from .callers import SHOOT_PROGRESS
from .conftest import settings_of


async def test_the_end_of_the_server_closes_the_publisher(publisher: RecordingPublisher) -> None:
    """A server that stops leaves no connection at the broker."""
    app = create_app(settings_of(), publisher)
    events = iter([{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}])
    sent: list[str] = []

    async def receive() -> Any:
        if len(sent) == 1:
            assert not publisher.closed
        return next(events)

    async def send(message: Any) -> None:
        sent.append(message["type"])

    await app({"type": "lifespan", "asgi": {"version": "3.0"}, "state": {}}, receive, send)

    assert sent == ["lifespan.startup.complete", "lifespan.shutdown.complete"]
    assert publisher.closed


def scope_of(path: str, method: str = "POST") -> dict[str, Any]:
    return {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "path": path,
        "query_string": b"",
        "headers": [(b"content-type", b"application/json")],
        "scheme": "http",
        "server": ("functions", 80),
        "client": ("192.0.2.1", 1),
    }


async def test_an_answer_that_breaks_off_tells_the_server_nothing(publisher: RecordingPublisher) -> None:
    """It must cut the connection, and logs what made it do so: not the error that may quote a body."""
    router = APIRouter()

    async def half() -> Any:
        yield b"half"
        raise KeyError("canary")

    @router.post("/half")
    async def answer() -> StreamingResponse:
        return StreamingResponse(half())

    app = create_any(settings_of(), publisher, [router])
    sent: list[Any] = []
    body = [{"type": "http.request"}]

    async def receive() -> Any:
        return body.pop() if body else await asyncio.Future()

    async def send(message: Any) -> None:
        sent.append(message)

    with pytest.raises(RuntimeError, match="broke off") as raised:
        await app(scope_of("/half"), receive, send)

    assert [message["type"] for message in sent] == ["http.response.start", "http.response.body"]
    assert raised.value.__suppress_context__


async def test_a_caller_who_hangs_up_is_logged_without_a_status(
    publisher: RecordingPublisher, caplog: pytest.LogCaptureFixture
) -> None:
    """Nothing was answered, and nothing is wrong here."""
    app = create_app(settings_of(), publisher)

    async def receive() -> Any:
        return await asyncio.Future()

    async def send(message: Any) -> None:
        raise AssertionError(message)

    with caplog.at_level("INFO", "functions"):
        request = asyncio.create_task(app(scope_of(SHOOT_PROGRESS), receive, send))
        await asyncio.sleep(0.01)
        request.cancel()
        await asyncio.wait([request])

    (line,) = (made for made in caplog.records if made.name == "functions.logs")
    assert (line.levelname, line.__dict__["fields"]["status"]) == ("INFO", None)


async def test_a_caller_who_hangs_up_amid_its_body_is_no_error(
    publisher: RecordingPublisher, caplog: pytest.LogCaptureFixture
) -> None:
    """There is nobody to answer, and half a body is not acted upon."""
    app = create_app(settings_of(), publisher)
    messages = iter([{"type": "http.request", "body": b"{", "more_body": True}, {"type": "http.disconnect"}])

    async def receive() -> Any:
        return next(messages)

    async def send(message: Any) -> None:
        raise AssertionError(message)

    with caplog.at_level("INFO", "functions"):
        await app(scope_of(SHOOT_PROGRESS), receive, send)

    (line,) = (made for made in caplog.records if made.name.startswith("functions"))
    assert (line.levelname, line.__dict__["fields"]["status"]) == ("INFO", None)
    assert publisher.sent == []
