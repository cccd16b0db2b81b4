"""Posts to the functions over HTTP, as an app's backend and its workers do: with a service token, and again
until it is acknowledged.
"""

import logging
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Final, Self

import httpx

from functions.auth import PUBLISH
from functions.idempotency import HEADER
from mqtt_bridge.backoff import full_jitter
from mqtt_bridge.errors import BridgeError
from mqtt_bridge.messages import new_id
from mqtt_bridge.timing import Timing

from .logins import Logins

logger = logging.getLogger(__name__)

SHOOT_PROGRESS: Final = "/api/sync/shoot-progress"
CREDIT_UPDATE: Final = "/api/sync/credit-update"
PROMPT_CHANGE: Final = "/api/sync/prompt-change"

TIMEOUT = 5.0
"""Seconds for one request: more than the two attempts to publish that a function makes."""
PATIENCE = 60.0
"""Seconds after which a message is given up: the next one says more than this one."""
LONGEST_WAIT = 5.0
"""Seconds between two tries."""


class NotPostedError(BridgeError):
    """The functions refused it, or did not acknowledge it for ``PATIENCE``. The text holds no part of it."""


class Posting:
    """The backend's way to the functions. An async context manager."""

    def __init__(
        self,
        url: str,
        logins: Logins,
        *,
        transport: httpx.AsyncBaseTransport | None = None,
        timing: Timing | None = None,
    ) -> None:
        self._logins = logins
        self._timing = timing or Timing()
        # Straight to this machine, whatever proxy the environment names.
        self._http = httpx.AsyncClient(base_url=url, timeout=TIMEOUT, trust_env=False, transport=transport)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._http.aclose()

    async def post(self, route: str, body: Mapping[str, Any]) -> None:
        """Post until it is acknowledged. Raises NotPostedError.

        The body should carry its ``sequence``: with it, and with the same key for each try, devices take a
        message that arrives twice, or late, for what it is.
        """
        key = new_id()
        until = self._timing.now() + PATIENCE
        attempt = 0
        while True:
            status = await self._try(route, body, key)
            if status == httpx.codes.ACCEPTED:
                return
            if status not in _WORTH_ANOTHER_TRY:
                raise NotPostedError(f"{route} answered {status}")
            wait = full_jitter(attempt, cap=LONGEST_WAIT, random=self._timing.random())
            if self._timing.now() + wait > until:
                raise NotPostedError(f"{route} did not acknowledge for {PATIENCE:.0f} s")
            logger.info("%s: %s, next try in %.1f s", route, status or "no answer", wait)
            await self._timing.sleep(wait)
            attempt += 1

    async def _try(self, route: str, body: Mapping[str, Any], key: str) -> int | None:
        """The status of the answer; None when there was none."""
        token = self._logins.mint("demo-worker", (PUBLISH,))
        try:
            answer = await self._http.post(
                route, json=body, headers={"Authorization": f"Bearer {token}", HEADER: key}
            )
        except httpx.HTTPError:
            return None
        return answer.status_code


_WORTH_ANOTHER_TRY = frozenset({None, 408, 429, 502, 503, 504})
