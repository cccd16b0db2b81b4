"""For the tester's page: tokens for anyone, sessions that end soon, and the schemas of what can be sent."""

from dataclasses import replace
from functools import cache
from typing import Annotated, Any, Final

from fastapi import APIRouter
from pydantic import AfterValidator, BaseModel, Field, ValidationInfo, field_validator

from functions.auth import SERVICE_SCOPES
from functions.bodies import CreditUpdateBody, PromptChangeBody, ShootProgressBody, strict
from functions.dependencies import CurrentCaller, WarmServices
from functions.session import DeviceSessionBody, ids_too_long
from mqtt_bridge.errors import TokenTooLongError
from mqtt_bridge.messages import Absent, Ping, ShootProgress, UserId, WireModel
from mqtt_bridge.schemas import describe
from mqtt_bridge.session import SessionAnswer

from .backend import DemoBackend
from .posting import CREDIT_UPDATE, PROMPT_CHANGE, SHOOT_PROGRESS
from .views import TokenView

router = APIRouter(prefix="/demo/api")

LONGEST: Final = 86_400
"""Seconds that a session may live."""


def _is_scope(scope: str) -> str:
    if scope not in SERVICE_SCOPES:
        raise ValueError(f"must be one of {', '.join(sorted(SERVICE_SCOPES))}")
    return scope


Scope = Annotated[str, AfterValidator(_is_scope)]


class TokenBody(WireModel):
    """Whom the token is for: a user or a service."""

    model_config = strict({"userId": "ada"}, {"service": "billing", "scopes": ["sync:publish"]})

    user_id: UserId | None = Absent
    scopes: Annotated[list[Scope], Field(max_length=len(SERVICE_SCOPES))] = Field(default_factory=list)
    """What it allows beyond what a user may do for itself."""
    service: Annotated[str, Field(pattern=r"^[!-~]{1,100}$")] | None = Field(
        default=None, validate_default=True
    )
    """A service's name; it needs scopes."""

    @field_validator("service")
    @classmethod
    def _one_bearer(cls, service: str | None, info: ValidationInfo) -> str | None:
        # What is wrong in itself is missing here, and has its own error already.
        if "user_id" in info.data and (info.data["user_id"] is None) == (service is None):
            raise ValueError("exactly one of userId and service must be given")
        if service is not None and info.data.get("scopes") == []:
            raise ValueError("needs scopes")
        return service


class DemoSessionBody(DeviceSessionBody):
    """A session request, and how long its token is to live."""

    model_config = strict()

    lifetime: Annotated[int, Field(ge=1, le=LONGEST)] | None = Absent
    """Seconds."""


class SchemaView(WireModel):
    """How to send one type of message."""

    route: str | None
    """Where to POST it; None for what a device publishes itself."""
    schema_: Annotated[dict[str, Any], Field(alias="schema")]
    """JSON Schema of the body, or of the message's ``data``."""


@router.post("/tokens")
async def demo_token(body: TokenBody, backend: DemoBackend) -> TokenView:
    """An app token for any user or service."""
    return TokenView(token=backend.logins.mint(body.user_id or body.service or "", tuple(body.scopes)))


@router.post("/session")
async def demo_session(body: DemoSessionBody, caller: CurrentCaller, services: WarmServices) -> SessionAnswer:
    """As POST /api/sync/session for a device, with a token that ends after ``lifetime``."""
    body.authorise(caller)
    lifetime = body.lifetime or services.terms.lifetime
    try:
        return await body.answer(replace(services, terms=replace(services.terms, lifetime=lifetime)))
    except TokenTooLongError as exc:
        raise ids_too_long() from exc


@router.get("/schemas")
async def demo_schemas() -> dict[str, SchemaView]:
    """Each type of message that a tester can send."""
    return _schemas()


@cache
def _schemas() -> dict[str, SchemaView]:
    return {
        "SHOOT_PROGRESS": _sent_to(SHOOT_PROGRESS, ShootProgressBody),
        "CREDIT_UPDATE": _sent_to(CREDIT_UPDATE, CreditUpdateBody),
        "PROMPT_CHANGE": _sent_to(PROMPT_CHANGE, PromptChangeBody),
        "UPDATE_PROGRESS": _sent_to(None, ShootProgress),
        "PING": _sent_to(None, Ping),
    }


def _sent_to(route: str | None, model: type[BaseModel]) -> SchemaView:
    schema = model.model_json_schema()
    describe({model.__name__: schema}, [model])
    return SchemaView(route=route, schema_=schema)
