"""The public keys of the callers' issuer: fetched off the event loop, kept, fetched again with restraint."""

import asyncio
import logging
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

import jwt

from mqtt_bridge.timing import seconds

logger = logging.getLogger(__name__)

LIFESPAN = 300
"""Seconds after which the set is fetched again, so that a key that was withdrawn stops counting."""
COOLDOWN = 30
"""Seconds between two fetches. Without it every token with an invented key id would be one."""
RETRY = 1
"""Seconds between two fetches as long as there is no key at all, and nobody can be let in."""
TIMEOUT = 3
"""Seconds after which a request waits for a fetch no longer."""


class KeysUnavailableError(Exception):
    """The key set could not be fetched: nobody's token can be checked now."""


class KeySet:
    """A JWK Set (RFC 7517) at a URL: ``https://``, or ``file://`` for a mounted one.

    Concurrent requests share one fetch. While a fetch fails, keys that are known stay good.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._keys: dict[str, jwt.PyJWK] = {}
        self._fetched = float("-inf")
        self._tried = float("-inf")
        self._fetching: asyncio.Task[None] | None = None

    async def get(self, kid: str) -> jwt.PyJWK | None:
        """The key with this id; None when the issuer has none. Raises KeysUnavailableError."""
        if kid not in self._keys or seconds() - self._fetched > LIFESPAN:
            await self._refresh()
        if not self._keys:
            raise KeysUnavailableError
        return self._keys.get(kid)

    def fetched_again(self) -> float:
        """When, by ``seconds``, this set will be out of date; in an outage of the issuer, the next try."""
        now = seconds()
        due = self._fetched + LIFESPAN
        return due if now < due else now + COOLDOWN

    async def _refresh(self) -> None:
        since = seconds() - self._tried
        if self._fetching is None and since > (COOLDOWN if self._keys else RETRY):
            self._tried, since = seconds(), 0
            self._fetching = asyncio.create_task(self._fetch())
        if self._fetching is not None and since < TIMEOUT:
            # wait() leaves the fetch running when this request is given up: others may wait for it too.
            await asyncio.wait([self._fetching], timeout=TIMEOUT - since)

    async def _fetch(self) -> None:
        try:
            keys = await asyncio.to_thread(_load, self._url)
            self._keys = {key.key_id: key for key in keys if key.key_id}
            self._fetched = seconds()
        except Exception as exc:
            logger.warning("The callers' JWK Set cannot be fetched: %s", type(exc).__name__)
        finally:
            self._fetching = None


def _load(url: str) -> list[jwt.PyJWK]:
    if url.startswith("file:"):
        document = Path(url2pathname(urlsplit(url).path)).read_text(encoding="utf-8")
        return list(jwt.PyJWKSet.from_json(document).keys)
    return jwt.PyJWKClient(url, cache_jwk_set=False, timeout=TIMEOUT).get_signing_keys()
