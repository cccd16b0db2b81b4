"""What every request passes through, whichever app answers it.

One layer and not a chain of middleware: each link of a chain costs a request a coroutine, and two more for
the messages of its answer.
"""

from typing import Any

from mqtt_bridge.publisher import Publisher
from mqtt_bridge.settings import Settings

from . import deadline, errors, idempotency, limits, logs
from .asgi import Answer, ASGIApp, Message, Receive, Scope, Send, header
from .cors import Cors
from .endpoint import Endpoint, Nothing
from .publishing import Publishing


class Edge:
    """Answers what is posted to these endpoints, and leaves all other requests to the app.

    Either way a request is logged, has its body read and limited, ends in time on Lambda, has its errors
    answered as problem documents, and its answer can be read by the pages that may.
    """

    def __init__(
        self, app: ASGIApp, settings: Settings, publishing: Publishing, *endpoints: Endpoint[Any]
    ) -> None:
        self._app = app
        self._publishing = publishing
        self._endpoints = {endpoint.path: endpoint for endpoint in endpoints}
        self._cors = Cors(
            origins=settings.cors_origins,
            methods=["GET", "POST", "DELETE"],
            headers=["Authorization", "Content-Type", idempotency.HEADER, logs.REQUEST_ID],
            exposed=["Retry-After", "WWW-Authenticate", logs.REQUEST_ID],
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        line = logs.RequestLine(scope)
        try:
            origin = header(scope, b"origin")
            answer = None if origin is None else self._cors.preflight(scope, origin)
            if answer is None:
                answer = await self._answer(scope, receive, send, line)
                if answer is None:
                    return
                # Also on errors, so that a browser can read those too.
                self._cors.mark(answer.headers, origin)
            line.status = answer.status
            answer.headers.append(line.header)
            await answer(scope, receive, send)
        finally:
            line.end()

    async def _answer(
        self, scope: Scope, receive: Receive, send: Send, line: logs.RequestLine
    ) -> Answer | None:
        """What is still to be sent; None: nothing, for the app has answered, or the caller hung up."""
        work = self._work(scope, receive, send, line)
        try:
            return await (work if "aws.context" not in scope else deadline.within_invocation(scope, work))
        except errors.BrokenOffError:
            raise
        except Exception as exc:
            answer = errors.answer(exc)
            if line.status is not None:
                raise errors.BrokenOffError from None
            return answer

    async def _work(
        self, scope: Scope, receive: Receive, send: Send, line: logs.RequestLine
    ) -> Answer | None:
        body = await limits.read(scope, receive)
        if body is None:
            return None
        endpoint = self._endpoints.get(scope["path"]) if scope["method"] == "POST" else None
        if endpoint is not None:
            scope["route"] = endpoint
            return await endpoint.answer(self._publishing, scope, body)
        unread: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

        async def rereading() -> Message:
            return unread.pop() if unread else await receive()

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                line.status = message["status"]
                headers = message.setdefault("headers", [])
                self._cors.mark(headers, header(scope, b"origin"))
                headers.append(line.header)
            await send(message)

        await self._app(scope, rereading, sending)
        return None


def alone(endpoint: Endpoint[Any], settings: Settings, publisher: Publisher) -> ASGIApp:
    """The app of one endpoint, without a framework."""
    return Edge(Nothing(endpoint), settings, Publishing.of(settings, publisher), endpoint)
