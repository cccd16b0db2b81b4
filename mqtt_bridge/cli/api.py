"""The HTTP functions as the commands call them: where they are, who calls, and what a refusal looks like."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx

from .errors import fail
from .token import find_auth
from .which_dev import latest_dev

TIMEOUT = 10.0
"""Seconds. The functions answer within 3 s, whatever the broker does."""


class ProblemError(Exception):
    """The functions refused, or did not answer. The text is for a person."""


@dataclass(frozen=True, slots=True)
class Api:
    """Calls the functions in somebody's name."""

    url: str
    token: str = field(repr=False)

    @classmethod
    def find(cls, url: str | None, token: str | None, *, subject: str, scopes: tuple[str, ...] = ()) -> "Api":
        """What the options say, else the running ``dev``. Ends the command when neither is enough.

        ``subject`` and ``scopes`` go into the token where none was given.
        """
        if url is None:
            dev = latest_dev("this goes to")
            if dev is None:
                fail("No `kull-sync dev` runs here. Start it, or name the functions: --url, KULL_SYNC_URL.")
            url = dev.url
        url = url.rstrip("/")
        if token is None:
            auth = find_auth(url)
            if auth is None:
                fail(f"No token for {url}: give one with --token or KULL_SYNC_APP_TOKEN.")
            token = auth.mint(subject, scopes=scopes)
        return cls(url, token)

    def post(self, path: str, body: Mapping[str, Any], headers: Mapping[str, str] | None = None) -> Any:
        """POST and return the JSON of the answer. Raises ProblemError."""
        return self._json(self._call("POST", path, json=body, headers=headers))

    def get(self, path: str, **query: str) -> Any:
        """GET and return the JSON of the answer. Raises ProblemError."""
        return self._json(self._call("GET", path, params=query))

    def delete(self, path: str, **query: str) -> None:
        """DELETE. Raises ProblemError."""
        self._call("DELETE", path, params=query)

    def _call(
        self, method: str, path: str, *, headers: Mapping[str, str] | None = None, **how: Any
    ) -> httpx.Response:
        try:
            response = httpx.request(
                method,
                self.url + path,
                headers={"Authorization": f"Bearer {self.token}", **(headers or {})},
                timeout=TIMEOUT,
                **how,
            )
        except (httpx.InvalidURL, UnicodeError) as exc:  # the codec of host names says UnicodeError
            raise ProblemError(f"{self.url} is no URL: {exc}") from exc
        except httpx.HTTPError as exc:
            raise ProblemError(f"{self.url} does not answer: {str(exc) or type(exc).__name__}") from exc
        if not response.is_success:
            raise ProblemError(_readable(response))
        return response

    def _json(self, response: httpx.Response) -> Any:
        try:
            return response.json()
        except ValueError as exc:
            raise ProblemError(f"{self.url} answered with something else than JSON") from exc


def _readable(response: httpx.Response) -> str:
    """An RFC 9457 problem document in a few lines."""
    head = f"{response.status_code} {response.reason_phrase}"
    try:
        problem = response.json()
    except ValueError:
        return head
    if not isinstance(problem, dict):
        return head
    faults = [f"  {fault['field'] or 'body'}: {fault['detail']}" for fault in problem.get("errors") or ()]
    lines = [f"{head}: {problem.get('title' if faults else 'detail', '')}", *faults]
    if seconds := response.headers.get("Retry-After"):
        lines.append(f"  It may be tried again in {seconds} s.")
    return "\n".join(lines)
