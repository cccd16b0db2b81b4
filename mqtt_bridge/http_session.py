"""Fetches sessions from the functions over HTTP. Needs httpx (``kull-sync[cli]``)."""

import re
from collections.abc import Callable
from urllib.parse import urlsplit

from pydantic import ValidationError

from .client import GetSession
from .errors import SessionRefusedError, SessionUnavailableError
from .session import BridgeSessionRequest, SessionAnswer, SessionRequest

ROUTE = "/api/sync/session"
TIMEOUT = 10.0
"""Seconds that a request may take."""

_BEARER = re.compile(r"[A-Za-z0-9._~+/-]+=*")
"""``b64token`` of RFC 6750, 2.1, the form of every bearer token."""
_BASE_URL = re.compile(r"https?://[^\s/?#@]+(/[^\s?#]*)?")


def check_bearer(token: str) -> str:
    """Return a bearer token unchanged, or raise ValueError when it cannot be one, without repeating it."""
    if not token:
        raise ValueError("is empty")
    if not _BEARER.fullmatch(token):
        raise ValueError("holds characters that no token has (a line break, perhaps)")
    return token


def check_base_url(url: str) -> str:
    """Return a base URL of the functions unchanged, or raise ValueError saying what it must be."""
    rule = "must be like https://api.example.com: http or https, a host, perhaps a port and a path, no more"
    try:
        urlsplit(url).port  # noqa: B018  # raises on a port that is none
    except ValueError:
        raise ValueError(rule) from None
    if not (url.isprintable() and _BASE_URL.fullmatch(url)):
        raise ValueError(rule)
    return url


def http_session(url: str, token: str | Callable[[], str | None]) -> GetSession:
    """A ``get_session`` that asks the functions at ``url`` (``https://api.example.com``).

    ``token`` is the app's own bearer token, or a callable that returns the present one, or None when nobody
    is signed in.
    """

    async def get_session(request: SessionRequest) -> SessionAnswer | None:
        bearer = token() if callable(token) else token
        return None if bearer is None else await ask_for_session(url, bearer, request)

    return get_session


async def ask_for_session(
    url: str, bearer: str, request: SessionRequest | BridgeSessionRequest
) -> SessionAnswer:
    """Ask the functions at ``url`` once. Raises SessionRefusedError on 401 and 403 and for a ``bearer`` that
    cannot be a token, else SessionUnavailableError.
    """
    import httpx  # optional: only this function needs it

    try:
        check_bearer(bearer)
    except ValueError as exc:
        raise SessionRefusedError(f"The app token {exc}") from None
    try:
        async with httpx.AsyncClient(timeout=TIMEOUT) as http:
            response = await http.post(
                url.rstrip("/") + ROUTE,
                content=request.model_dump_json(),
                headers={"Authorization": f"Bearer {bearer}", "Content-Type": "application/json"},
            )
    except (httpx.InvalidURL, UnicodeError) as exc:  # the codec of host names says UnicodeError
        raise SessionUnavailableError(f"{url} is no URL: {exc}") from exc
    except httpx.HTTPError as exc:
        raise SessionUnavailableError(f"No answer from {url}: {type(exc).__name__}") from exc
    if response.status_code in (401, 403):
        raise SessionRefusedError(f"{url} answered {response.status_code}")
    if response.status_code != 200:
        raise SessionUnavailableError(f"{url} answered {response.status_code}")
    try:
        return SessionAnswer.model_validate_json(response.content)
    except ValidationError as exc:
        # Its text would quote the answer, and with it the token.
        fields = ", ".join(".".join(map(str, error["loc"])) for error in exc.errors(include_input=False))
        raise SessionUnavailableError(f"{url} answered no session: {fields}") from None
