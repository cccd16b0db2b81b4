"""Whose devices a request is about: the caller's own, or those of the user that a service names."""

from typing import Annotated

from fastapi import Depends, Query
from pydantic import Field, TypeAdapter, WithJsonSchema

from mqtt_bridge.errors import InvalidTopicError
from mqtt_bridge.messages import UserId, WireModel
from mqtt_bridge.topics import check_id

from .auth import DEVICES
from .bodies import strict
from .dependencies import CurrentCaller
from .errors import invalid
from .problems import ProblemError

# In a query there is no null, only absence.
_ID = TypeAdapter(UserId).json_schema()


class _Whose(WireModel):
    model_config = strict()

    user_id: Annotated[UserId | None, WithJsonSchema(_ID)] = Field(
        default=None, description="Whose devices: needed from a service; a user can leave it out."
    )


async def _owner(caller: CurrentCaller, whose: Annotated[_Whose, Query()]) -> str:
    user = whose.user_id
    if user is None and caller.is_service:
        raise _wrong("missing", "Field required")
    if user is None:
        user = caller.subject
    caller.require_user(user, or_scope=DEVICES)
    try:
        return check_id("userId", user)
    except InvalidTopicError as exc:
        # The app's login gave it a name that no topic can have.
        raise _wrong("bad_id", str(exc)) from exc


DeviceOwner = Annotated[str, Depends(_owner)]
"""A user: the caller, or any for a service with scope ``sync:devices``."""


def _wrong(kind: str, detail: str) -> ProblemError:
    return invalid([{"type": kind, "loc": ["userId"], "msg": detail}])
