"""Every refusal that the functions know, as an RFC 9457 problem document. Raise one to answer with it."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus

from pydantic import BaseModel, ConfigDict, Field

from mqtt_bridge.messages import Absent

MEDIA_TYPE = "application/problem+json"
RETRY_AFTER = 1
"""Seconds that a caller is told to wait before it tries again."""


class Fault(BaseModel):
    """One thing that is wrong with a request."""

    model_config = ConfigDict(frozen=True)

    field: str
    """Path of the field by its wire name (``items.3.totalCount``); empty for the body as a whole."""
    detail: str


class Problem(BaseModel):
    """A refusal (RFC 9457). Tell problems apart by ``type``; the texts are for people and may change."""

    model_config = ConfigDict(frozen=True)

    type: str = Field(examples=["urn:problem-type:kull-sync:invalid"])
    title: str
    """The same for every problem of this type."""
    status: int
    """The HTTP status; in a batch, that of the item."""
    detail: str
    """What is wrong this time."""
    errors: list[Fault] | None = Absent
    """The wrong fields, where fields are what is wrong."""


class ProblemError(Exception):
    """Ends a request with a problem document. ``code`` is the last part of the problem's type."""

    def __init__(
        self,
        status: int,
        code: str,
        detail: str,
        *,
        title: str,
        faults: Sequence[Fault] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(f"{status}: {detail}")
        self.code = code
        self.headers = dict(headers or {})
        self.problem = Problem(
            type=f"urn:problem-type:kull-sync:{code}",
            title=title,
            status=status,
            detail=detail,
            errors=None if faults is None else list(faults),
        )


def unauthenticated(detail: str, *, error: str | None = None) -> ProblemError:
    """401 with the challenge of RFC 6750, 3: ``error`` is absent when the caller sent no token at all."""
    challenge = 'Bearer realm="kull-sync"'
    if error is not None:
        challenge += f', error="{error}", error_description="{detail}"'
    code = "invalid-token" if error else "no-token"
    title = "The token is not accepted" if error else "A token is needed"
    return ProblemError(401, code, detail, title=title, headers={"WWW-Authenticate": challenge})


def no_token() -> ProblemError:
    """401 for a request without a token."""
    return unauthenticated("The request has no bearer token.")


def insufficient_scope(*scopes: str) -> ProblemError:
    """403: the token lacks one of these scopes (RFC 6750, 3.1)."""
    needed = " ".join(scopes)
    challenge = f'Bearer realm="kull-sync", error="insufficient_scope", scope="{needed}"'
    return ProblemError(
        403,
        "insufficient-scope",
        f"This needs a token with scope {needed}.",
        title="The token does not allow this",
        headers={"WWW-Authenticate": challenge},
    )


def foreign_user() -> ProblemError:
    """403: a user acts for another one."""
    return ProblemError(
        403,
        "foreign-user",
        "A user may do this for itself only.",
        title="Not for another user",
        faults=[Fault(field="userId", detail="is not the user of the token")],
    )


def no_keys() -> ProblemError:
    """503: whether the token is good cannot be told now. A 401 would make clients throw it away."""
    return unavailable(
        "no-keys", "The keys to check the token with are out of reach.", title="Tokens cannot be checked"
    )


def unavailable(code: str, detail: str, *, title: str) -> ProblemError:
    """503: nothing is wrong with the request, and the same one may succeed in a moment."""
    return ProblemError(503, code, detail, title=title, headers={"Retry-After": str(RETRY_AFTER)})


def not_acknowledged() -> ProblemError:
    """503: a 2xx would claim what the broker did not confirm."""
    return unavailable(
        "not-acknowledged",
        "The broker did not acknowledge in time. It may have been done all the same: retry, with the same"
        " Idempotency-Key if there is one.",
        title="The broker did not acknowledge",
    )


def not_tried() -> ProblemError:
    """503 for an item of a batch whose turn came too late."""
    return unavailable(
        "not-tried", "Nothing was published for this item: retry it.", title="The item was not tried"
    )


def unreachable() -> ProblemError:
    """503 of the health check."""
    return unavailable("unreachable", "No message gets through.", title="The broker is out of reach")


def refused_by_broker() -> ProblemError:
    """500 and not 502, which clients retry by default: the same message will be refused again.

    What is wrong is how functions and broker are set up.
    """
    return ProblemError(
        500, "refused-by-broker", "The broker refused the message.", title="The broker refused the message"
    )


def internal() -> ProblemError:
    """500, saying nothing of the inside."""
    return ProblemError(500, "internal", "Something went wrong here.", title="Internal error")


def not_json_content() -> ProblemError:
    """415."""
    return ProblemError(
        415,
        "not-json-content",
        "The content type must be application/json.",
        title="The content type is not JSON",
        headers={"Accept-Post": "application/json"},
    )


def plain(status: int, headers: Mapping[str, str] | None = None) -> ProblemError:
    """A refusal of which HTTP itself says all that there is to say, such as 404."""
    phrase = HTTPStatus(status).phrase
    code = phrase.lower().replace(" ", "-")
    return ProblemError(status, code, phrase + ".", title=phrase, headers=headers)
