"""Serves the built web app: its files, and its one page for every address that the app routes itself."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.responses import HTMLResponse, Response
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from functions.errors import answer

from .loopback import API, within

BUILT = Path(__file__).parents[1] / "demo_app"
"""Where ``make demo`` puts the app, and where the wheel carries it."""

ASSETS: Final = "/assets"
"""Below it, a file's name changes with its content."""
INDEX: Final = "index.html"

_FOREVER = "public, max-age=31536000, immutable"
_ASK_AGAIN = "no-cache"

_NOT_BUILT = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>kull-sync</title>
<h1>The demo is not built</h1>
<p>In a checkout, <code>make demo</code> builds it; then load this page again.
The API works all the same.</p>
</html>
"""


class Pages:
    """Answers whatever is not under ``/api`` or ``/demo/api``, which it hands on."""

    def __init__(self, app: ASGIApp, *, broker_urls: Sequence[str], built: Path = BUILT) -> None:
        self._app = app
        self._files = StaticFiles(directory=built, check_dir=False)
        self._headers = {
            "Content-Security-Policy": content_security_policy(broker_urls),
            "Referrer-Policy": "same-origin",
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or within(scope["path"], "/api") or within(scope["path"], API):
            await self._app(scope, receive, send)
            return

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(self._headers)
            await send(message)

        try:
            response: ASGIApp = await self._page(scope)
        except HTTPException as exc:
            response = answer(exc)
        await response(scope, receive, sending)

    async def _page(self, scope: Scope) -> Response:
        """Raises HTTPException."""
        if scope["method"] not in ("GET", "HEAD"):
            raise HTTPException(405, headers={"Allow": "GET, HEAD"})
        path = self._files.get_path(scope)
        # The path that is served, and not the one that was asked for, which may lead up and elsewhere.
        is_asset = within(f"/{path}", ASSETS)
        try:
            response = await self._files.get_response(path, scope)
        except HTTPException as exc:
            if exc.status_code != 404 or is_asset:
                raise
            response = await self._app_page(scope)
        response.headers["Cache-Control"] = _FOREVER if is_asset else _ASK_AGAIN
        return response

    async def _app_page(self, scope: Scope) -> Response:
        try:
            return await self._files.get_response(INDEX, scope)
        except HTTPException:
            return HTMLResponse(_NOT_BUILT, status_code=404)


def content_security_policy(broker_urls: Sequence[str]) -> str:
    """All from here and nothing from elsewhere, but for the brokers that a page can reach."""
    parts = [urlsplit(url) for url in broker_urls]
    brokers = [f"{part.scheme}://{part.netloc}" for part in parts if part.scheme in ("ws", "wss")]
    return "; ".join(
        (
            "default-src 'none'",
            "script-src 'self'",
            "worker-src 'self'",
            "style-src 'self'",
            "img-src 'self' data:",
            "font-src 'self'",
            " ".join(["connect-src 'self'", *brokers]),
            "base-uri 'none'",
            "form-action 'self'",
            "frame-ancestors 'none'",
        )
    )
