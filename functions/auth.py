"""Who calls: the app's own JWT, with issuer, audience and algorithms pinned by configuration."""

import hashlib
from dataclasses import dataclass
from time import time
from typing import Any, Final

import jwt

from mqtt_bridge.settings import Settings
from mqtt_bridge.timing import seconds

from . import logs
from .asgi import Scope, header
from .jwks import KeySet, KeysUnavailableError
from .problems import ProblemError, foreign_user, insufficient_scope, no_keys, no_token, unauthenticated

PUBLISH: Final = "sync:publish"
SESSION: Final = "sync:session"
BRIDGE: Final = "sync:bridge"
OPERATOR: Final = "sync:operator"
DEVICES: Final = "sync:devices"
ERASE: Final = "sync:erase"
SERVICE_SCOPES = frozenset({PUBLISH, SESSION, BRIDGE, OPERATOR, DEVICES, ERASE})

LEEWAY = 30
"""Seconds that ``iat`` and ``nbf`` may lie in our future. ``exp`` gets none, as at the broker."""
MAX_TOKEN = 8192
"""Bytes; a longer one is refused unread."""
REMEMBERED = 4096
"""How many verified tokens are kept, so that each costs its signature check once."""


@dataclass(frozen=True, slots=True)
class Caller:
    """A proven caller: a user, or a service of the app, which has scopes."""

    subject: str
    scopes: frozenset[str]

    @property
    def is_service(self) -> bool:
        """Whether this is one of the app's services and not a user."""
        return bool(self.scopes & SERVICE_SCOPES)

    def require(self, *scopes: str) -> None:
        """Raise 403 unless the caller has all of these scopes."""
        if not self.scopes.issuperset(scopes):
            raise insufficient_scope(*scopes)

    def require_user(self, user: str, *, or_scope: str) -> None:
        """Raise 403 unless the caller is this user, or a service with the scope."""
        if or_scope in self.scopes:
            return
        # Services name themselves: one called like a user is not that user.
        if self.is_service:
            raise insufficient_scope(or_scope)
        if self.subject != user:
            raise foreign_user()


@dataclass(frozen=True, slots=True)
class _Verified:
    caller: Caller
    expires: int
    """Seconds since 1970."""
    check_again: float
    """By ``seconds``: when its key may have been withdrawn."""


def bearer(scope: Scope) -> str | None:
    """The token of a request (RFC 6750, 2.1); None when it has none."""
    value = header(scope, b"authorization")
    if value is None:
        return None
    scheme, _, token = value.decode("latin-1").partition(" ")
    return token.strip() or None if scheme.lower() == "bearer" else None


class Verifier:
    """Verifies the callers' tokens with the shared secret or the issuer's public keys."""

    def __init__(self, settings: Settings) -> None:
        self._issuer = settings.auth_issuer
        self._audience = settings.auth_audience
        self._algorithms = list(settings.auth_algorithms)
        self._secret = settings.auth_secret.get_secret_value() if settings.auth_secret else None
        self._keys = KeySet(settings.auth_jwks_url) if settings.auth_jwks_url else None
        self._known: dict[bytes, _Verified] = {}

    async def caller_of(self, scope: Scope) -> Caller:
        """Who sent a request, for its log line too. Raises 401, or 503 as ``verify`` does."""
        token = bearer(scope)
        if token is None:
            raise no_token()
        caller = await self.verify(token)
        logs.note(caller=caller.subject)
        return caller

    async def verify(self, token: str) -> Caller:
        """The caller that the token proves. Raises 401, or 503 while the issuer's keys are out of reach."""
        if len(token) > MAX_TOKEN:
            raise _refused("The token is too long.")
        # Not the token itself: it is a credential, and this memory outlives the request.
        digest = hashlib.sha256(token.encode()).digest()
        known = self._known.get(digest)
        if known is not None and time() < known.expires and seconds() < known.check_again:
            return known.caller
        self._known.pop(digest, None)
        claims = self._decode(token, await self._key(token))
        caller = Caller(claims["sub"], _scopes(claims))
        if len(self._known) >= REMEMBERED:
            self._known.pop(next(iter(self._known)))
        # No longer than the key set: a key that was withdrawn must stop counting for known tokens too.
        check_again = float("inf") if self._keys is None else self._keys.fetched_again()
        self._known[digest] = _Verified(caller, int(claims["exp"]), check_again)
        return caller

    async def _key(self, token: str) -> Any:
        if self._keys is None:
            return self._secret
        try:
            kid = jwt.get_unverified_header(token).get("kid")
        except Exception as exc:
            raise _refused("The token is not a JWT.") from exc
        if not isinstance(kid, str):
            raise _refused("The token names no key.")
        try:
            key = await self._keys.get(kid)
        except KeysUnavailableError as exc:
            raise no_keys() from exc
        if key is None:
            raise _refused("The token is signed with an unknown key.")
        return key.key

    def _decode(self, token: str, key: Any) -> dict[str, Any]:
        try:
            claims: dict[str, Any] = jwt.decode(
                token,
                key,
                algorithms=self._algorithms,
                issuer=self._issuer,
                audience=self._audience,
                leeway=LEEWAY,
                options={"require": ["exp", "sub"]},
            )
            expired = int(claims["exp"]) <= time()
        except Exception as exc:
            # Everything: whoever wrote the token is unproven, and parsers fail in many ways on hostile input.
            raise _refused(_reason(exc)) from exc
        if expired:
            raise _refused("The token has expired.")
        if not claims["sub"]:
            raise _refused("The token lacks the claim sub.")
        return claims


def _scopes(claims: dict[str, Any]) -> frozenset[str]:
    scope = claims.get("scope")
    if not isinstance(scope, str):
        return frozenset()
    # At the space alone (RFC 6749, 3.3): str.split() would see scopes where the issuer wrote one odd word.
    return frozenset(word for word in scope.split(" ") if word)


def _refused(reason: str) -> ProblemError:
    return unauthenticated(reason, error="invalid_token")


def _reason(exc: Exception) -> str:
    """Why a token is refused, in words of our own: the library's may quote the token."""
    match exc:
        case jwt.ExpiredSignatureError():
            return "The token has expired."
        case jwt.ImmatureSignatureError():
            return "The token is not valid yet."
        case jwt.InvalidIssuerError():
            return "The token is from another issuer."
        case jwt.InvalidAudienceError():
            return "The token is for another audience."
        case jwt.InvalidAlgorithmError():
            return "The token is signed with an algorithm that is not accepted."
        case jwt.MissingRequiredClaimError():
            return f"The token lacks the claim {exc.claim}."
        case jwt.InvalidSignatureError():
            return "The token's signature is wrong."
        case _:
            return "The token is not a valid JWT."
