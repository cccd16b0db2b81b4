"""GET /api/sync/devices: a user's devices, and which of them are online."""

from typing import Annotated

from fastapi import APIRouter, Response
from pydantic import Field

from mqtt_bridge.messages import (
    Absent,
    DeviceConnected,
    DeviceDisconnected,
    DeviceId,
    DisconnectReason,
    Milliseconds,
    Platform,
    UserId,
    WireModel,
    now_ms,
)
from mqtt_bridge.retained_presence import RetainedPresence

from . import logs
from .application import FromEnvironment
from .aws import lambda_handler
from .dependencies import WarmServices
from .owner import DeviceOwner
from .responses import DEVICE_LIST

router = APIRouter(tags=["devices"])


class DeviceEntry(WireModel):
    """One device, as its presence says."""

    device_id: DeviceId
    online: bool
    """Whether its last word was that it is here. A device that dies without one counts as online until the
    broker notices, which takes up to a minute; after a crash of the broker, two."""
    name: Annotated[str, Field(max_length=100)] | None = Absent
    """While online: as its user calls it."""
    platform: Platform | None = Absent
    """While online: what it is."""
    app_version: Annotated[str, Field(max_length=50)] | None = Absent
    """While online: the app's version, where it told it."""
    since: Milliseconds
    """When it came online, or renewed its session; or when it left."""
    last_seen: Milliseconds
    """Now for a device that is online, else when it left."""
    reason: DisconnectReason | None = Absent
    """While offline: why."""

    @classmethod
    def of(cls, presence: RetainedPresence, now: int) -> "DeviceEntry":
        """The entry at ``now``, milliseconds since 1970."""
        since = presence.since(now)
        match presence.message.data:
            case DeviceConnected() as here:
                return cls(
                    device_id=here.device_id,
                    online=True,
                    name=here.name,
                    platform=here.platform,
                    app_version=here.app_version,
                    since=since,
                    last_seen=now,
                )
            case DeviceDisconnected() as gone:
                return cls(
                    device_id=gone.device_id, online=False, since=since, last_seen=since, reason=gone.reason
                )


class DevicesAnswer(WireModel):
    """A user's devices of the last 30 days."""

    user_id: UserId
    devices: list[DeviceEntry]
    """By device id."""
    complete: bool
    """False: there are more than the broker delivers at once, by default 1,000, and some may be missing."""


@router.get("/api/sync/devices", response_description="The user's devices.", responses=DEVICE_LIST)
async def devices(user: DeviceOwner, services: WarmServices, response: Response) -> DevicesAnswer:
    """List a user's devices of the last 30 days, and which of them are online.

    A user may ask for itself, a service with scope `sync:devices` for every user. What is online is what the
    broker retains at this moment.
    """
    response.headers["Cache-Control"] = "no-store"
    logs.note(user=user)
    listed = await services.publisher.list_devices(user)
    now = now_ms()
    return DevicesAnswer(
        user_id=user,
        devices=[DeviceEntry.of(presence, now) for presence in listed.devices],
        complete=listed.complete,
    )


handler = lambda_handler(FromEnvironment(router))
