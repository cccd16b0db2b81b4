"""POST /api/sync/session: all that a client needs to connect to the broker, its token included."""

import logging
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Response
from pydantic import Discriminator, Field, Tag, field_validator

from mqtt_bridge.errors import PublishError, TokenTooLongError
from mqtt_bridge.messages import Absent, Count, DeviceId, WireModel, now_ms
from mqtt_bridge.publisher import Publisher
from mqtt_bridge.session import (
    SessionAnswer,
    SessionRequest,
    bridge_session,
    device_session,
    operator_session,
)
from mqtt_bridge.tokens import MAX_CLOCK_SKEW
from mqtt_bridge.topics import PresenceTopic, shards_of_worker

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
from .services import Services

router = APIRouter(route_class=JsonRoute, tags=["session"])

logger = logging.getLogger(__name__)


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

    async def answer(self, services: Services) -> SessionAnswer:
        """A session for the device."""
        return device_session(
            services.terms,
            user=self.user_id,
            device=self.device_id,
            name=self.name,
            platform=self.platform,
            app_version=self.app_version,
            last_session=await self._last_session(services.publisher),
        )

    async def _last_session(self, publisher: Publisher) -> int | None:
        """The highest number that is known of the device: its own word, and what the broker retains.

        A device may have forgotten, and it never saw the number up to which it was signed out: without that
        one the broker would refuse the new login's token until our clock has passed it.
        """
        try:
            retained = await publisher.read_device(PresenceTopic(self.user_id, self.device_id))
        except PublishError as exc:
            # A device that has a session already can come in when the broker is back.
            logger.warning("The device's presence is not known: %s", exc)
            retained = None
        known = (self.last_session, None if retained is None else retained.session)
        # Nonsense in one must not hide the other.
        horizon = now_ms() + MAX_CLOCK_SKEW
        return max((session for session in known if session is not None and session <= horizon), default=None)


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

    async def answer(self, services: Services) -> SessionAnswer:
        """A session for the worker."""
        index, count = _numbers(self.worker)
        return bridge_session(services.terms, index=index, count=count, last_session=self.last_session)


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

    async def answer(self, services: Services) -> SessionAnswer:
        """A session for the operator."""
        return operator_session(services.terms, instance=self.instance, last_session=self.last_session)


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
        answer = await wanted.answer(services)
    except TokenTooLongError as exc:
        raise ids_too_long() from exc
    logs.note(client=answer.client_id)
    return answer


handler = lambda_handler(FromEnvironment(router))
