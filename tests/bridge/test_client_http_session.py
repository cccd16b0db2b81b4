"""Fetching a session over HTTP, from a server that answers as told."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from mqtt_bridge.client import GetSession
from mqtt_bridge.errors import SessionRefusedError, SessionUnavailableError
from mqtt_bridge.http_session import http_session
from mqtt_bridge.session import SessionRequest, Terms, device_session
from mqtt_bridge.tokens import SigningKey

TERMS = Terms(key=SigningKey.generate(), urls=["ws://127.0.0.1:8083/mqtt"])
ANSWER = device_session(TERMS, user="ada", device="mac", name="Mac", platform="mac")
REQUEST = SessionRequest(user_id="ada", device_id="mac", name="Mac", platform="mac", last_session=7)

Serve = Callable[[int, bytes], Awaitable[str]]


class Server:
    """Answers every request alike, and keeps what was asked."""

    def __init__(self) -> None:
        self.requests: list[tuple[str, bytes]] = []
        self._servers: list[asyncio.Server] = []

    async def start(self, status: int, body: bytes) -> str:
        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            length = int(head.lower().split("content-length: ")[1].split("\r\n")[0])
            self.requests.append((head, await reader.readexactly(length)))
            writer.write(
                b"HTTP/1.1 %d X\r\nContent-Length: %d\r\nConnection: close\r\n\r\n" % (status, len(body))
            )
            writer.write(body)
            await writer.drain()
            writer.close()

        server = await asyncio.start_server(answer, "127.0.0.1", 0)
        self._servers.append(server)
        return f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"

    def stop(self) -> None:
        for server in self._servers:
            server.close()


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    server = Server()
    yield server
    server.stop()


async def test_it_asks_as_the_contract_says(server: Server) -> None:
    """The route, the caller's token, the body; and the answer as it was given."""
    url = await server.start(200, ANSWER.model_dump_json().encode())

    assert await http_session(url + "/", "app-token")(REQUEST) == ANSWER

    head, body = server.requests[0]
    assert head.startswith("POST /api/sync/session HTTP/1.1\r\n")
    assert "\r\nauthorization: bearer app-token\r\n" in head.lower()
    assert json.loads(body) == {
        "userId": "ada",
        "deviceId": "mac",
        "name": "Mac",
        "platform": "mac",
        "lastSession": 7,
    }


async def test_the_present_token_is_used(server: Server) -> None:
    """An app's login is renewed too; and when nobody is signed in, nobody is asked."""
    url = await server.start(200, ANSWER.model_dump_json().encode())
    present: list[str | None] = ["first", "second", None]
    get_session = http_session(url, lambda: present.pop(0))

    assert [await get_session(REQUEST) for _ in range(3)] == [ANSWER, ANSWER, None]
    assert [
        "bearer first" in server.requests[0][0].lower(),
        "bearer second" in server.requests[1][0].lower(),
    ] == [
        True,
        True,
    ]
    assert len(server.requests) == 2


@pytest.mark.parametrize("status", [401, 403])
async def test_refusal_is_told_from_trouble(server: Server, status: int) -> None:
    """Only these two stop the client."""
    url = await server.start(status, b"{}")

    with pytest.raises(SessionRefusedError, match=str(status)):
        await http_session(url, "app-token")(REQUEST)


@pytest.mark.parametrize(
    ("status", "body", "why"),
    [
        pytest.param(422, b"{}", "answered 422", id="refused body"),
        pytest.param(503, b"", "answered 503", id="overload"),
        pytest.param(302, b"", "answered 302", id="redirect"),
        pytest.param(200, b"<html>", "no session", id="a page of a proxy"),
        pytest.param(200, b'{"token":"secret-token"}', "expiresIn, session", id="half an answer"),
    ],
)
async def test_trouble_is_worth_another_try(server: Server, status: int, body: bytes, why: str) -> None:
    """Everything else may pass; the error says what it was, and never what a token is."""
    url = await server.start(status, body)

    with pytest.raises(SessionUnavailableError, match=why) as unavailable:
        await http_session(url, "app-token")(REQUEST)
    assert "secret-token" not in str(unavailable.value)


async def test_no_server(server: Server) -> None:
    """Neither is a server that is not there an end."""
    url = await server.start(200, b"")
    server.stop()
    get_session: GetSession = http_session(url, "app-token")

    with pytest.raises(SessionUnavailableError, match="No answer from http://"):
        await get_session(REQUEST)


@pytest.mark.parametrize("token", ["canary\r", "canary\nb", "canary-\u00e9", "canary b", ""])
async def test_what_cannot_be_a_token_is_refused(server: Server, token: str) -> None:
    """Nobody is asked, and nothing is tried again: the client stops. The error does not repeat it."""
    url = await server.start(200, ANSWER.model_dump_json().encode())

    with pytest.raises(SessionRefusedError, match="The app token") as refused:
        await http_session(url, token)(REQUEST)
    assert "canary" not in str(refused.value)
    assert server.requests == []


@pytest.mark.parametrize("url", ["http://xn--a", "http://1.2.3.999"])
async def test_a_host_that_cannot_be_is_said(url: str) -> None:
    """The reason is for a person: what is wrong with which URL."""
    with pytest.raises(SessionUnavailableError, match=f"{url} is no URL"):
        await http_session(url, "app-token")(REQUEST)
