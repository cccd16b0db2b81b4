"""Tokens of callers, good and bad, and bodies that are right."""

import base64
import json
import time
from typing import Any

import jwt

SECRET = "a shared secret of more than 32 bytes, for tests"
ISSUER = "https://app.example"
AUDIENCE = "kull-sync"

PROGRESS: dict[str, Any] = {
    "userId": "ada",
    "shootId": "wedding-17",
    "status": "processing",
    "processedCount": 250,
    "totalCount": 3000,
}
CREDITS: dict[str, Any] = {"userId": "ada", "newBalance": 1200, "change": 1000, "reason": "purchase"}
PROMPT: dict[str, Any] = {"userId": "ada", "promptId": "soft-light", "action": "updated"}
DEVICE: dict[str, Any] = {"userId": "ada", "deviceId": "mac-1", "name": "Ada's Mac", "platform": "mac"}
BATCH: dict[str, Any] = {"items": [{"type": "SHOOT_PROGRESS", **PROGRESS}]}

SHOOT_PROGRESS = "/api/sync/shoot-progress"
CREDIT_UPDATE = "/api/sync/credit-update"
PROMPT_CHANGE = "/api/sync/prompt-change"
SESSION = "/api/sync/session"
BATCH_ROUTE = "/api/sync/batch"
STATUS = "/api/sync/status"
DEVICES = "/api/sync/devices"
SIGN_OUT = "/api/sync/devices/{device}"
ERASE_USER = "/api/sync/users/{user}"

POSTS = {
    SHOOT_PROGRESS: PROGRESS,
    CREDIT_UPDATE: CREDITS,
    PROMPT_CHANGE: PROMPT,
    SESSION: DEVICE,
    BATCH_ROUTE: BATCH,
}
"""A good body for each route."""

WITHOUT_BODY = {
    ("GET", STATUS): STATUS,
    ("GET", DEVICES): f"{DEVICES}?userId=ada",
    ("DELETE", SIGN_OUT): f"{DEVICES}/mac-1?userId=ada",
    ("DELETE", ERASE_USER): "/api/sync/users/ada",
}
"""A good URL for each of the other routes."""

ALL_SCOPES = "sync:publish sync:session sync:bridge sync:operator sync:devices sync:erase"


def token(
    sub: Any = "ada", scope: Any = None, *, key: Any = SECRET, alg: str = "HS256", **claims: Any
) -> str:
    """A caller's token. A claim that is given as None is left out.

    It lives for a day: some are made when tests are collected, long before the last of them runs.
    """
    now = int(time.time())
    payload = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": sub,
        "iat": now,
        "exp": now + 86_400,
        "scope": scope,
        **claims,
    }
    headers = {"kid": claims.pop("kid")} if "kid" in claims else None
    payload.pop("kid", None)
    present = {name: value for name, value in payload.items() if value is not None}
    # Not jwt.encode, which would refuse to write some of the wrong ones.
    return jwt.PyJWS().encode(json.dumps(present).encode(), key, algorithm=alg, headers=headers)


CLAIMS = {"iss": ISSUER, "aud": AUDIENCE, "sub": "ada", "exp": int(time.time()) + 86_400}
"""What a good token says at least."""


def unsigned(header: dict[str, Any] | str, payload: dict[str, Any] | str = "{}", signature: str = "") -> str:
    """A token out of parts that nobody signed."""

    def part(value: dict[str, Any] | str) -> str:
        text = value if isinstance(value, str) else json.dumps(value)
        return base64.urlsafe_b64encode(text.encode()).rstrip(b"=").decode()

    return f"{part(header)}.{part(payload)}.{signature}"


def bearer(value: str) -> dict[str, str]:
    """The header that carries a token."""
    return {"Authorization": f"Bearer {value}"}


def user(sub: str = "ada") -> dict[str, str]:
    """A user's header."""
    return bearer(token(sub))


def service(scope: str = "sync:publish sync:session") -> dict[str, str]:
    """A service's header."""
    return bearer(token("billing", scope))
