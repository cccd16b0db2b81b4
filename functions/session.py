"""POST /api/sync/session: all that a client needs to connect to the broker, its token included."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Response
from pydantic import Discriminator, Field, Tag, field_validator

from mqtt_bridge.errors import TokenTooLongError
from mqtt_bridge.messages import Absent, Count, DeviceId, WireModel
from mqtt_bridge.session import (
    SessionAnswer,
    SessionRequest,
    Terms,
    bridge_session,
    device_session,
    operator_session,
)
from mqtt_bridge.topics import shards_of_worker

from . import auth, logs
from .application import FromEnvironment
from .auth import Caller
from .aws import lambda_handler
from .bodies import strict
from .dependencies import CurrentCaller, WarmServices
from .errors import invalid
from .json_body import JsonRoute, Posted
from .problems import ProblemError
from .responses import SESSION

router = APIRouter(route_class=JsonRoute, tags=["session"])


class DeviceSessionBody(SessionRequest):
    """A user's device wants to connect."""

    model_config = strict(
        {
            "userId": "ada",
            "deviceId": "mac-1",
            "name": "Ada's Mac",
            "platform": "mac",
            "appVersion": "4.2.0",
            "lastSession": 1_790_000_000_000,
        }
    )

    def authorise(self, caller: Caller) -> None:
        """Raise 403 unless the caller is this user, or a service that may ask for sessions."""
        caller.require_user(self.user_id, or_scope=auth.SESSION)

    def answer(self, terms: Terms) -> SessionAnswer:
        """A session for the device."""
        return device_session(
            terms,
            user=self.user_id,
            device=self.device_id,
            name=self.name,
            platform=self.platform,
            app_version=self.app_version,
            last_session=self.last_session,
        )


class BridgeSessionBody(WireModel):
    """A bridge worker wants to connect."""

    model_config = strict({"role": "bridge", "worker": "0/2"})

    role: Literal["bridge"]
    worker: Annotated[str, Field(pattern=r"^(0|[1-9][0-9]?)/[1-9][0-9]?$", examples=["0/2"])]
    """Which worker of how many, from 0: it owns the uplink shards s with s mod n = i."""
    last_session: Count | None = Absent
    """The highest session number that the worker knows of itself."""

    @field_validator("worker")
    @classmethod
    def _exists(cls, worker: str) -> str:
        shards_of_worker(*_numbers(worker))
        return worker

    def authorise(self, caller: Caller) -> None:
        """Raise 403 unless the caller is a service that may run the bridge."""
        caller.require(auth.SESSION, auth.BRIDGE)

    def answer(self, terms: Terms) -> SessionAnswer:
        """A session for the worker."""
        index, count = _numbers(self.worker)
        return bridge_session(terms, index=index, count=count, last_session=self.last_session)


class OperatorSessionBody(WireModel):
    """An operator wants to look."""

    model_config = strict({"role": "operator", "instance": "desk-3"})

    role: Literal["operator"]
    instance: DeviceId
    """Tells this operator's connection from others."""
    last_session: Count | None = Absent
    """The highest session number that this instance knows of itself."""

    def authorise(self, caller: Caller) -> None:
        """Raise 403 unless the caller is a service that may operate."""
        caller.require(auth.SESSION, auth.OPERATOR)

    def answer(self, terms: Terms) -> SessionAnswer:
        """A session for the operator."""
        return operator_session(terms, instance=self.instance, last_session=self.last_session)


def ids_too_long() -> ProblemError:
    """422: the broker would refuse the token unread."""
    return invalid(
        {"type": "token_too_long", "loc": [field], "msg": "is too long for a token"}
        for field in ("userId", "deviceId")
    )


def _numbers(worker: str) -> tuple[int, int]:
    index, count = worker.split("/")
    return int(index), int(count)


def _role(body: Any) -> str | None:
    if not isinstance(body, dict) or "role" not in body:
        return "DEVICE"
    return {"bridge": "BRIDGE", "operator": "OPERATOR"}.get(str(body["role"]))


SessionBody = Annotated[
    Annotated[DeviceSessionBody, Tag("DEVICE")]
    | Annotated[BridgeSessionBody, Tag("BRIDGE")]
    | Annotated[OperatorSessionBody, Tag("OPERATOR")],
    Discriminator(
        _role,
        custom_error_type="unknown_role",
        custom_error_message="must be bridge or operator, and absent for a device",
        custom_error_context={"field": "role"},
    ),
]


@router.post(
    "/api/sync/session", response_description="All that the client needs to connect.", responses=SESSION
)
async def session(
    wanted: Posted[SessionBody], caller: CurrentCaller, services: WarmServices, response: Response
) -> SessionAnswer:
    """Get all that a client needs to connect to the broker, its token included.

    A user may ask for itself, a service with scope `sync:session` for every user. Roles of the backend need
    `sync:bridge` or `sync:operator` besides.
    """
    wanted.authorise(caller)
    response.headers["Cache-Control"] = "no-store"
    try:
        answer = wanted.answer(services.terms)
    except TokenTooLongError as exc:
        raise ids_too_long() from exc
    logs.note(client=answer.client_id)
    return answer


handler = lambda_handler(FromEnvironment(router))
