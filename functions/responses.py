"""What each kind of route may refuse, with an example of each: for the OpenAPI page."""

from typing import Any

from .auth import DEVICES, ERASE, PUBLISH
from .errors import invalid
from .idempotency import bad_key
from .limits import too_large, too_slow
from .problems import (
    MEDIA_TYPE,
    ProblemError,
    foreign_user,
    insufficient_scope,
    internal,
    no_keys,
    no_token,
    not_acknowledged,
    not_json_content,
    refused_by_broker,
    unauthenticated,
    unreachable,
)

Responses = dict[int | str, dict[str, Any]]

PROBLEM = "#/components/schemas/Problem"

_INVALID_TOKEN = unauthenticated("The token has expired.", error="invalid_token")
_NOT_JSON = invalid([{"type": "json_invalid", "msg": "Invalid JSON: expected value at line 1 column 1"}])
_INVALID = invalid(
    [
        {
            "type": "greater_than_equal",
            "loc": ["totalCount"],
            "msg": "Input should be greater than or equal to 0",
        }
    ]
)


def refusals(*examples: ProblemError) -> Responses:
    """The ``responses`` of a route that may answer with these problems, and with those that any may."""
    responses: Responses = {}
    for error in sorted((*examples, internal()), key=lambda error: error.problem.status):
        response = responses.setdefault(
            error.problem.status,
            {
                "description": error.problem.title + ".",
                "headers": {},
                "content": {MEDIA_TYPE: {"schema": {"$ref": PROBLEM}, "examples": {}}},
            },
        )
        response["headers"] |= {name: _HEADERS[name] for name in error.headers}
        value = error.problem.model_dump(mode="json")
        response["content"][MEDIA_TYPE]["examples"][error.code] = {
            "summary": error.problem.title,
            "value": value,
        }
    return responses


_HEADERS = {
    "WWW-Authenticate": {
        "description": "The challenge of RFC 6750, section 3.",
        "schema": {"type": "string"},
    },
    "Retry-After": {
        "description": "Seconds to wait before the next try.",
        "schema": {"type": "integer"},
    },
    "Connection": {
        "description": "`close`: the connection ends with this answer.",
        "schema": {"type": "string", "const": "close"},
    },
    "Accept-Post": {
        "description": "The content type that is accepted.",
        "schema": {"type": "string"},
    },
}

ACKNOWLEDGED = "The broker acknowledged the message."

CALLER = (no_token(), _INVALID_TOKEN, no_keys())
"""Of every route that reads a token."""

BODY = (_NOT_JSON, too_slow(), too_large(), not_json_content(), _INVALID)
"""Of every route that reads a body."""

_ID = invalid(
    [{"type": "string_pattern_mismatch", "loc": ["userId"], "msg": "String should match pattern '…'"}]
)

STATUS = refusals(_INVALID_TOKEN, no_keys(), unreachable())

SESSION = refusals(*CALLER, *BODY, foreign_user(), insufficient_scope("sync:session", "sync:bridge"))

BATCH = refusals(*CALLER, *BODY, bad_key())

PUBLISH_FOR_SELF = refusals(
    *CALLER,
    *BODY,
    bad_key(),
    foreign_user(),
    insufficient_scope(PUBLISH),
    not_acknowledged(),
    refused_by_broker(),
)

PUBLISH_AS_SERVICE = refusals(
    *CALLER, *BODY, bad_key(), insufficient_scope(PUBLISH), not_acknowledged(), refused_by_broker()
)

DEVICE_LIST = refusals(
    *CALLER, _ID, foreign_user(), insufficient_scope(DEVICES), not_acknowledged(), refused_by_broker()
)

SIGN_OUT = DEVICE_LIST

ERASURE = refusals(*CALLER, _ID, insufficient_scope(ERASE), not_acknowledged(), refused_by_broker())
