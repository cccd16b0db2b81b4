"""What is raised anywhere in the functions becomes an answer here, once."""

import logging
from collections.abc import Iterable, Mapping
from functools import singledispatch
from itertools import islice
from typing import Any

from mqtt_bridge.errors import PublishError, PublishRefusedError
from mqtt_bridge.logs import log_unexpected

from . import logs
from .asgi import Answer, ASGIApp, Message, Receive, Scope, Send
from .problems import MEDIA_TYPE, Fault, ProblemError, internal, not_acknowledged, refused_by_broker

logger = logging.getLogger(__name__)

MAX_FAULTS = 20
"""How many faults are named. A body of 64 KiB can have thousands, and the answer would outgrow it."""


def invalid(errors: Iterable[Mapping[str, Any]], *, within: int = 0) -> ProblemError:
    """400 or 422 from pydantic's errors. ``within`` is how many leading parts of each path to leave out."""
    faults = []
    for error in islice(errors, MAX_FAULTS):
        if error["type"] == "json_invalid":
            # 400 and not 422, which is for content whose syntax is correct (RFC 9110, 15.5.21).
            return _not_json(error["msg"])
        if error["type"] == "missing" and len(error["loc"]) == within:
            return empty_body()
        faults.append(Fault(field=_path(error, within), detail=_text(error)))
    places = "; ".join(f"{fault.field or 'body'}: {fault.detail}" for fault in faults[:3])
    return ProblemError(422, "invalid", places, title="The request is not valid", faults=faults)


def empty_body() -> ProblemError:
    """400: no bytes are no JSON value (RFC 8259, 2)."""
    return _not_json("The body is empty.")


def _not_json(detail: str) -> ProblemError:
    return ProblemError(400, "not-json", detail, title="The body is not JSON")


def _path(error: Mapping[str, Any], within: int) -> str:
    parts = [str(part) for part in error["loc"][within:]]
    unknown = error["type"] == "extra_forbidden"
    # An upper-case first part is pydantic's tag of a union's member, which is not on the wire; unless it is
    # all there is to the path of an unknown field.
    if parts and parts[0].isupper() and not (unknown and len(parts) == 1):
        del parts[0]
    context = error.get("ctx", {})
    if error["type"] in _TAG_ERRORS:
        parts.append(context["discriminator"].strip("'"))
    elif "field" in context:  # an error of ours that says where it belongs
        parts.append(context["field"])
    return ".".join(parts)


_TAG_ERRORS = ("union_tag_invalid", "union_tag_not_found")


def _text(error: Mapping[str, Any]) -> str:
    match error["type"]:
        case "value_error":
            return str(error["ctx"]["error"])  # pydantic's text would begin with "Value error, "
        case "union_tag_invalid":
            return f"must be one of {error['ctx']['expected_tags']}"  # pydantic's would quote what was sent
        case "union_tag_not_found":
            return "is missing"
        case "extra_forbidden":
            return "is not a known field"
    text: str = error["msg"]
    return text


@singledispatch
def as_problem(exc: Exception) -> ProblemError:
    """The answer to an error. Whatever is not known here is a 500 that says nothing of its inside.

    The framework's own errors are registered by ``framework_errors.py``, where there is a framework.
    """
    log_unexpected(logger, exc)
    return internal()


@as_problem.register
def _(exc: ProblemError) -> ProblemError:
    return exc


@as_problem.register
def _(exc: PublishRefusedError) -> ProblemError:
    logger.error("%s", exc)
    return refused_by_broker()


@as_problem.register
def _(exc: PublishError) -> ProblemError:
    logger.warning("%s", exc)
    return not_acknowledged()


def answer(exc: Exception) -> Answer:
    """The problem document of an error, as a response."""
    error = as_problem(exc)
    logs.note(problem=error.code)
    return Answer(error.problem.status, error.problem.model_dump_json().encode(), MEDIA_TYPE, error.headers)


class BrokenOffError(RuntimeError):
    """Half of an answer is out: the server can only cut the connection.

    It logs what it is given, so that must not be the error itself.
    """

    def __init__(self) -> None:
        super().__init__("An answer broke off; the error was logged before.")


class CatchAll:
    """Answers the errors of an app, inside of a framework that would else answer them in its own way."""

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
                raise BrokenOffError from None
            await response(scope, receive, send)
