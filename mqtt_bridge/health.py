"""A worker's small HTTP port: ``/metrics``, ``/healthz`` and ``/readyz``, for GET and HEAD."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from http import HTTPStatus
from typing import Self

from . import metrics

REQUEST_TIMEOUT = 5.0
"""Seconds that a request may take to arrive, and its answer to leave."""
MAX_HEAD = 16 * 1024
"""Bytes of a request line and its headers."""

_TEXT = "text/plain; charset=utf-8"


class HealthServer:
    """Answers in the worker's own event loop: that it answers is the proof that the loop runs."""

    def __init__(self, *, exposition: Callable[[], bytes], is_ready: Callable[[], bool]) -> None:
        self._exposition = exposition
        self._is_ready = is_ready
        self._server: asyncio.Server | None = None

    async def start(self, host: str, port: int) -> int:
        """Listen, and return the port, which for 0 is a free one. Raises OSError."""
        self._server = await asyncio.start_server(self._serve, host, port, limit=MAX_HEAD)
        bound: int = self._server.sockets[0].getsockname()[1]
        return bound

    def close(self) -> None:
        """Take no more requests."""
        if self._server is not None:
            self._server.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        self.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(TimeoutError, OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            async with asyncio.timeout(REQUEST_TIMEOUT):
                head = await reader.readuntil(b"\r\n\r\n")
                writer.write(self._answer(head))
                await writer.drain()
        writer.close()

    def _answer(self, head: bytes) -> bytes:
        method, path = [*head.split(b"\r\n", 1)[0].split(b" "), b"", b""][:2]
        status, content_type, body = self._resource(path.split(b"?", 1)[0])
        extra = ""
        if method not in (b"GET", b"HEAD"):
            status, content_type, body = HTTPStatus.METHOD_NOT_ALLOWED, _TEXT, b"GET and HEAD only\n"
            extra = "Allow: GET, HEAD\r\n"
        lines = (
            f"HTTP/1.1 {status.value} {status.phrase}\r\nContent-Type: {content_type}\r\n"
            f"Content-Length: {len(body)}\r\nCache-Control: no-store\r\nConnection: close\r\n{extra}\r\n"
        )
        return lines.encode() + (b"" if method == b"HEAD" else body)

    def _resource(self, path: bytes) -> tuple[HTTPStatus, str, bytes]:
        match path:
            case b"/healthz":
                return HTTPStatus.OK, _TEXT, b"alive\n"
            case b"/readyz" if self._is_ready():
                return HTTPStatus.OK, _TEXT, b"ready\n"
            case b"/readyz":
                return HTTPStatus.SERVICE_UNAVAILABLE, _TEXT, b"not connected to the broker\n"
            case b"/metrics":
                return HTTPStatus.OK, metrics.CONTENT_TYPE, self._exposition()
        return HTTPStatus.NOT_FOUND, _TEXT, b"only /metrics, /healthz and /readyz\n"
