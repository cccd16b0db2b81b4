"""The parts of ASGI that the functions need: types, a request's headers, and a whole answer at once."""

from collections.abc import Awaitable, Callable, Iterable, Mapping, MutableMapping
from typing import Any

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
ASGIApp = Callable[[Scope, Receive, Send], Awaitable[None]]
Headers = list[tuple[bytes, bytes]]

JSON = "application/json"


def header(scope: Scope, name: bytes) -> bytes | None:
    """The first header of this name, which is in lower case, as servers hand all of them on."""
    for key, value in scope["headers"]:
        if key == name:
            found: bytes = value
            return found
    return None


def headers_of(scope: Scope, name: bytes) -> list[bytes]:
    """All headers of this name, which is in lower case."""
    return [value for key, value in scope["headers"] if key == name]


class Answer:
    """A whole response. An ASGI app, too, that answers every request with it."""

    __slots__ = ("body", "headers", "status")

    def __init__(
        self, status: int, body: bytes, media_type: str = JSON, headers: Mapping[str, str] | None = None
    ) -> None:
        self.status = status
        self.body = body
        self.headers: Headers = [
            *_encoded(headers.items() if headers else ()),
            (b"content-length", b"%d" % len(body)),
            (b"content-type", media_type.encode()),
        ]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": self.status, "headers": self.headers})
        await send({"type": "http.response.body", "body": self.body})


def _encoded(headers: Iterable[tuple[str, str]]) -> Headers:
    return [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers]
