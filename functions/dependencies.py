"""What handlers ask for, as ``Annotated`` aliases.

All of them are coroutines, also those that wait for nothing: FastAPI runs plain functions in a thread.
"""

from typing import Annotated, cast

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from . import logs
from .auth import Caller
from .problems import no_token
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
        raise no_token()
    return caller


CurrentCaller = Annotated[Caller, Depends(_caller)]
