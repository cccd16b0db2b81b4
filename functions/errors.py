"""Every refusal as an RFC 9457 problem document. What is raised elsewhere becomes an answer here, once."""

import logging
from collections.abc import Iterable, Mapping, Sequence
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mqtt_bridge.errors import PublishError, PublishRefusedError
from mqtt_bridge.logs import log_unexpected
from mqtt_bridge.messages import Absent

from . import logs

logger = logging.getLogger(__name__)

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


class ProblemError(HTTPException):
    """Ends a request with a problem document. ``code`` is the last part of the problem's type.

    An HTTPException, because FastAPI turns every other error that comes up while a body is read into a 400.
    """

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
        super().__init__(status, detail, headers)
        self.code = code
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
        "The broker did not acknowledge in time. The message may have been published all the same:"
        " retry with the same Idempotency-Key.",
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


def invalid(errors: Iterable[Mapping[str, Any]], *, within: int = 0) -> ProblemError:
    """400 or 422 from pydantic's errors. ``within`` is how many leading parts of each path to leave out."""
    faults = []
    for error in errors:
        if error["type"] == "json_invalid":
            # 400 and not 422, which is for content whose syntax is correct (RFC 9110, 15.5.21).
            return ProblemError(400, "not-json", error["msg"], title="The body is not JSON")
        faults.append(Fault(field=_path(error, within), detail=_text(error)))
    places = "; ".join(f"{fault.field or 'body'}: {fault.detail}" for fault in faults[:3])
    return ProblemError(422, "invalid", places, title="The body is not valid", faults=faults)


def _path(error: Mapping[str, Any], within: int) -> str:
    # Upper-case parts are pydantic's tags of a union's members, which are not on the wire.
    parts = [str(part) for part in error["loc"][within:] if not str(part).isupper()]
    context = error.get("ctx", {})
    if error["type"] in ("union_tag_invalid", "union_tag_not_found"):
        parts.append(context["discriminator"].strip("'"))
    elif "field" in context:  # an error of ours that says where it belongs
        parts.append(context["field"])
    return ".".join(parts)


def _text(error: Mapping[str, Any]) -> str:
    if error["type"] == "value_error":
        return str(error["ctx"]["error"])  # pydantic's text would begin with "Value error, "
    if error["type"] in ("union_tag_invalid", "union_tag_not_found"):
        return (
            "must be one of " + error["ctx"]["expected_tags"]
            if "expected_tags" in error["ctx"]
            else "is missing"
        )
    if error["type"] == "extra_forbidden":
        return "is not a field of this body"
    text: str = error["msg"]
    return text


def as_problem(exc: Exception) -> ProblemError:
    """The answer to an error. Whatever is not known here is a 500 that says nothing of its inside."""
    match exc:
        case ProblemError():
            return exc
        case RequestValidationError():
            return invalid(exc.errors(), within=1)  # the first part is "body"
        case PublishRefusedError():
            logger.error("%s", exc)
            return refused_by_broker()
        case PublishError():
            return not_acknowledged()
        case HTTPException():
            phrase = HTTPStatus(exc.status_code).phrase
            code = phrase.lower().replace(" ", "-")
            return ProblemError(exc.status_code, code, phrase + ".", title=phrase, headers=exc.headers)
        case _:
            log_unexpected(logger, exc)
            return internal()


def answer(exc: Exception) -> Response:
    """The problem document of an error, as a response."""
    error = as_problem(exc)
    logs.note(problem=error.code)
    return Response(
        error.problem.model_dump_json(),
        status_code=error.problem.status,
        headers=error.headers,
        media_type=MEDIA_TYPE,
    )


async def _handle(request: Request, exc: Exception) -> Response:
    return answer(exc)


def install(app: FastAPI) -> None:
    """Make the app answer every known error with a problem document."""
    for kind in (HTTPException, RequestValidationError, PublishError):
        app.add_exception_handler(kind, _handle)


class CatchAll:
    """Answers errors that nobody expected. Inside of CORS, so that a browser can read the answer too."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = False

        async def sending(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            await self._app(scope, receive, sending)
        except Exception as exc:
            response = answer(exc)
            if started:
                raise  # half an answer is out: the server can only cut the connection
            await response(scope, receive, send)
