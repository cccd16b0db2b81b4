"""Idempotency-Key: a retry has the event id of the first try, with no store. Receivers drop doubles."""

import hashlib
import json
import re

from .asgi import Scope, headers_of
from .problems import Fault, ProblemError

HEADER = "Idempotency-Key"
PATTERN = r"^[!-~]{1,255}$"
"""1 to 255 printable ASCII characters without space."""
_HEADER = HEADER.lower().encode()
_KEY = re.compile(PATTERN[:-1].encode() + rb"\Z")


def key_of(scope: Scope) -> str | None:
    """The request's key. Raises 400 on one that breaks the rules, or on several."""
    keys = headers_of(scope, _HEADER)
    if not keys:
        return None
    if len(keys) > 1 or not _KEY.match(keys[0]):
        raise bad_key()
    return keys[0].decode()


def bad_key() -> ProblemError:
    """400."""
    detail = "must be one value of 1 to 255 printable ASCII characters without space"
    return ProblemError(
        400,
        "bad-idempotency-key",
        f"The header {HEADER} {detail}.",
        title="The idempotency key is not valid",
        faults=[Fault(field=HEADER, detail=detail)],
    )


def event_id(*, caller: str, route: str, user: str | None, key: str, index: int | None, body: object) -> str:
    """The id of the event that this request means, 32 hex digits: the same for every retry of it.

    Another caller, route, user, place in a batch or body is another event, also under the same key. ``body``
    is the parsed one, as JSON values: how it was written makes no difference.
    """
    # As JSON, so that no two different lists of parts read the same; sorted, so that another order of fields
    # in a newer version of ours does not make a retry another event.
    parts = json.dumps([caller, route, user, key, index, body], sort_keys=True)
    return hashlib.sha256(parts.encode()).hexdigest()[:32]
