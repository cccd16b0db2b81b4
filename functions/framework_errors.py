"""FastAPI's own errors, as problem documents like all others."""

from typing import Any, cast

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from mqtt_bridge.errors import PublishError

from .errors import answer, as_problem, invalid
from .problems import ProblemError, plain


@as_problem.register
def _(exc: RequestValidationError) -> ProblemError:
    return invalid(exc.errors(), within=1)  # the first part is where: body, path or query


@as_problem.register
def _(exc: HTTPException) -> ProblemError:
    return plain(exc.status_code, exc.headers)


async def _handle(_: Request, exc: Exception) -> Response:
    # FastAPI only calls it, as the ASGI app that it is.
    return cast("Response", answer(exc))


def install(app: FastAPI) -> None:
    """Make the app answer every known error with a problem document."""
    kinds: tuple[Any, ...] = (HTTPException, RequestValidationError, ProblemError, PublishError)
    for kind in kinds:
        app.add_exception_handler(kind, _handle)
