"""What handlers ask for, as ``Annotated`` aliases.

All of them are coroutines, also those that wait for nothing: FastAPI runs plain functions in a thread.
"""

from typing import Annotated, cast

from fastapi import Depends, Header, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from pydantic.json_schema import SkipJsonSchema

from . import idempotency, logs
from .auth import Caller
from .outbox import Outbox
from .problems import unauthenticated
from .services import Services

_bearer = HTTPBearer(
    scheme_name="appToken",
    bearerFormat="JWT",
    description="The app's own JWT: `sub` is the user or the service, `scope` a service's rights.",
    auto_error=False,
)

Credentials = Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]


async def _services(request: Request) -> Services:
    return cast("Services", request.app.state.services)


WarmServices = Annotated[Services, Depends(_services)]


async def _anyone(credentials: Credentials, services: WarmServices) -> Caller | None:
    if credentials is None:
        return None
    caller = await services.verifier.verify(credentials.credentials)
    logs.note(caller=caller.subject)
    return caller


Anyone = Annotated[Caller | None, Depends(_anyone)]
"""The caller, or None without a token. A token that is not accepted is refused all the same."""


async def _caller(caller: Anyone) -> Caller:
    if caller is None:
        raise unauthenticated("The request has no bearer token.")
    return caller


CurrentCaller = Annotated[Caller, Depends(_caller)]


async def _outbox(
    request: Request,
    caller: CurrentCaller,
    services: WarmServices,
    _key: Annotated[
        str | SkipJsonSchema[None],
        Header(
            alias=idempotency.HEADER,
            description="Makes a retry safe: the same key with the same body is the same event, which each"
            " device shows once. 1 to 255 printable ASCII characters without space.",
            # For the page alone: a wrong header is 400 here, and FastAPI would call it a wrong body.
            json_schema_extra={"pattern": idempotency.PATTERN},
            examples=["8e03978e-40d5-43dd-bc93-6894a57f9324"],
        ),
    ] = None,
) -> Outbox:
    return Outbox(
        publisher=services.publisher,
        counts=services.counts,
        caller=caller,
        route=request.scope["route"].path,
        key=idempotency.key_of(request.headers),
    )


RequestOutbox = Annotated[Outbox, Depends(_outbox)]
