"""Browsers: the origins of the settings may call, and read what they need of the answers."""

import itertools
from typing import Any

import httpx
import pytest
from starlette.middleware.cors import CORSMiddleware

from functions.asgi import Answer, header
from functions.cors import Cors
from mqtt_bridge.recording import RecordingPublisher

from .callers import DEVICES, PROGRESS, SHOOT_PROGRESS, user
from .conftest import Connect

ORIGIN = "https://app.example"


@pytest.fixture
def client(connect: Connect) -> httpx.AsyncClient:
    return connect(cors_origins=f"{ORIGIN},http://localhost:5173")


@pytest.mark.parametrize(
    ("method", "path"), [("POST", SHOOT_PROGRESS), ("GET", DEVICES), ("DELETE", f"{DEVICES}/mac-1")]
)
async def test_a_listed_origin_may_call(client: httpx.AsyncClient, method: str, path: str) -> None:
    """The preflight allows the methods, and the headers that a client of ours sends."""
    response = await client.options(
        path,
        headers={
            "Origin": ORIGIN,
            "Access-Control-Request-Method": method,
            "Access-Control-Request-Headers": "authorization,content-type,idempotency-key,x-request-id",
        },
    )

    assert response.status_code == 200
    assert response.headers["access-control-allow-origin"] == ORIGIN
    assert method in response.headers["access-control-allow-methods"].split(", ")


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "https://app.example.evil.example"])
async def test_another_origin_may_not(client: httpx.AsyncClient, origin: str) -> None:
    """No header, so the browser keeps the answer from the page."""
    preflight = await client.options(
        SHOOT_PROGRESS, headers={"Origin": origin, "Access-Control-Request-Method": "POST"}
    )
    response = await client.post(SHOOT_PROGRESS, json=PROGRESS, headers=user() | {"Origin": origin})

    assert preflight.status_code == 400
    assert "access-control-allow-origin" not in response.headers


async def test_without_origins_nobody_may(connect: Connect) -> None:
    """The default allows no page at all."""
    response = await connect().post(SHOOT_PROGRESS, json=PROGRESS, headers=user() | {"Origin": ORIGIN})

    assert "access-control-allow-origin" not in response.headers


@pytest.mark.parametrize("status", [202, 401, 404, 413, 422, 500])
async def test_a_page_can_read_refusals_too(
    client: httpx.AsyncClient, publisher: RecordingPublisher, status: int
) -> None:
    """Without these headers a browser shows every refusal as a network error."""
    headers = {"Origin": ORIGIN} | (user() if status != 401 else {})
    path = "/nothing" if status == 404 else SHOOT_PROGRESS
    body = {"x": "x" * 70_000} if status == 413 else {} if status == 422 else PROGRESS
    if status == 500:
        publisher.fail_with = ZeroDivisionError()  # type: ignore[assignment]  # a defect, no failure
    response = await client.post(path, json=body, headers=headers)

    assert response.status_code == status
    assert response.headers["access-control-allow-origin"] == ORIGIN
    exposed = response.headers["access-control-expose-headers"].lower()
    assert {"retry-after", "www-authenticate", "x-request-id"} <= set(exposed.split(", "))


async def answer_of(app: Any, method: str, headers: dict[str, str]) -> tuple[int, list[Any], bytes]:
    """Status, headers in any order, and body."""
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    raw = [(name.encode(), value.encode()) for name, value in headers.items()]
    await app({"type": "http", "method": method, "headers": raw}, None, send)
    return sent[0]["status"], sorted(sent[0]["headers"]), sent[1]["body"]


async def inner(_scope: Any, _receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 202, "headers": [(b"vary", b"Accept")]})
    await send({"type": "http.response.body", "body": b"x"})


ORIGINS = (None, ORIGIN, "https://evil.example", "null", "")
METHODS = (None, "POST", "PUT", "post", "")
HEADERS = (None, "authorization", "Content-Type, X-A", "x-evil", "authorization,,x-a", "")


@pytest.mark.parametrize("allowed", [[ORIGIN], ["*"], []], ids=["one", "all", "none"])
@pytest.mark.parametrize("method", ["POST", "OPTIONS"])
@pytest.mark.parametrize("private", [None, "true"])
async def test_the_answers_are_those_of_starlettes_middleware(
    allowed: list[str], method: str, private: str | None
) -> None:
    """It has been read by more people than ours."""
    cors = Cors(origins=allowed, methods=["GET", "POST"], headers=["Authorization", "X-A"], exposed=["B"])

    async def ours(scope: Any, receive: Any, send: Any) -> None:
        origin = header(scope, b"origin")
        answer = None if origin is None else cors.preflight(scope, origin)
        if answer is None:
            answer = Answer(202, b"x")
            answer.headers = [(b"vary", b"Accept")]
            cors.mark(answer.headers, origin)
        await answer(scope, receive, send)

    theirs = CORSMiddleware(
        inner,
        allow_origins=allowed,
        allow_methods=["GET", "POST"],
        allow_headers=["Authorization", "X-A"],
        expose_headers=["B"],
    )
    for origin, asked_method, asked_headers in itertools.product(ORIGINS, METHODS, HEADERS):
        asked = {
            "origin": origin,
            "access-control-request-method": asked_method,
            "access-control-request-headers": asked_headers,
            "access-control-request-private-network": private,
        }
        headers = {name: value for name, value in asked.items() if value is not None}

        assert await answer_of(ours, method, headers) == await answer_of(theirs, method, headers), headers
