"""Who may talk to the demo: programs of this machine, and the demo's own pages.

It signs anyone in, which is harmless for as long as nobody else can ask. That it listens on loopback does not
see to that: every page of the web that the developer visits can send requests to 127.0.0.1.

- Its own name could be made to point here (DNS rebinding), and then it would be of the same origin and could
  read the answers. Such a request bears that name in ``Host``, so only this machine's names are served.
- It could post from its own origin without reading the answer. Browsers say where a request comes from, in
  ``Sec-Fetch-Site`` or, older ones, in ``Origin``: only its own pages are served, and there is no CORS.

The functions' own routes stay as they are: they serve nobody without a token, and no page can have one.
"""

import logging
import re
from typing import Final

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from functions.errors import answer
from functions.problems import ProblemError

logger = logging.getLogger(__name__)

API: Final = "/demo/api"

_LOOPBACK = re.compile(r"(localhost|127\.0\.0\.1|\[::1\])(:[0-9]{1,5})?", re.IGNORECASE)
_OWN = frozenset({"same-origin", "none"})
"""``Sec-Fetch-Site`` of the demo's pages, and of what the user typed (Fetch Metadata, 2.3). Another port of
this machine is ``same-site``: some other program's page.
"""


def foreign_host() -> ProblemError:
    """421: a request for another authority (RFC 9110, 15.5.20)."""
    return ProblemError(
        421,
        "foreign-host",
        "The demo is served as localhost and 127.0.0.1 alone: it signs anyone in.",
        title="Not by this name",
    )


def foreign_origin() -> ProblemError:
    """403: a page that is not the demo's."""
    return ProblemError(
        403,
        "foreign-origin",
        "The demo's API is for its own pages alone: it signs anyone in.",
        title="Not from another site",
    )


class LoopbackOnly:
    """Refuses what comes from elsewhere, and has nobody keep what the API answers."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or within(scope["path"], "/api"):
            await self._app(scope, receive, send)
            return
        is_api = within(scope["path"], API)

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers["X-Content-Type-Options"] = "nosniff"
                headers["Cross-Origin-Resource-Policy"] = "same-origin"
                if is_api:
                    headers["Cache-Control"] = "no-store"
            await send(message)

        if (refusal := _refusal(Headers(scope=scope), is_api=is_api)) is not None:
            logger.warning("Refused: %s", refusal.problem.detail)
            await answer(refusal)(scope, receive, sending)
            return
        await self._app(scope, receive, sending)


def within(path: str, prefix: str) -> bool:
    """Whether a path is the prefix, or lies below it."""
    return path == prefix or path.startswith(f"{prefix}/")


def _refusal(headers: Headers, *, is_api: bool) -> ProblemError | None:
    hosts = headers.getlist("host")
    if len(hosts) != 1 or not _LOOPBACK.fullmatch(hosts[0]):
        return foreign_host()
    # A link from anywhere may lead to the demo's pages; they give away nothing and do nothing by themselves.
    if is_api and not _is_own(headers, hosts[0]):
        return foreign_origin()
    return None


def _is_own(headers: Headers, host: str) -> bool:
    # First what the browser concluded: a development server in between may have replaced the host.
    if sites := headers.getlist("sec-fetch-site"):
        return all(site in _OWN for site in sites)
    # Programs that are no browsers send neither.
    return all(origin.lower() == f"http://{host.lower()}" for origin in headers.getlist("origin"))
