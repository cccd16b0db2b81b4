"""How large a body may be. Counted while it arrives: a content-length may be absent, or a lie."""

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .errors import answer
from .problems import ProblemError

MAX_BODY = 64 * 1024
"""Bytes."""


def too_large() -> ProblemError:
    """413."""
    return ProblemError(413, "too-large", f"A body may have {MAX_BODY} bytes.", title="The body is too large")


class BodyLimit:
    """Answers 413 to bodies over ``MAX_BODY``, before or while they are read."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        if _announced(scope) > MAX_BODY:
            await answer(too_large())(scope, receive, send)
            return
        read = 0

        async def counting() -> Message:
            nonlocal read
            message = await receive()
            if message["type"] == "http.request":
                read += len(message.get("body", b""))
                if read > MAX_BODY:
                    raise too_large()
            return message

        await self._app(scope, counting, send)


def _announced(scope: Scope) -> int:
    try:
        return int(Headers(scope=scope).get("content-length", "0"))
    except ValueError:
        return 0
