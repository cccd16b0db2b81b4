"""DELETE /api/sync/devices/{device}: end a device's sessions, at once and for good."""

from typing import Annotated

from fastapi import APIRouter, Path, status

from mqtt_bridge.messages import DeviceId, now_ms
from mqtt_bridge.sign_out import RevokeOrder
from mqtt_bridge.topics import PresenceTopic

from . import logs
from .application import FromEnvironment
from .aws import lambda_handler
from .dependencies import WarmServices
from .owner import DeviceOwner
from .responses import SIGN_OUT

router = APIRouter(tags=["devices"])


@router.delete(
    "/api/sync/devices/{device}",
    status_code=status.HTTP_204_NO_CONTENT,
    response_description="The device is signed out.",
    responses=SIGN_OUT,
)
async def sign_out(
    device: Annotated[DeviceId, Path(description="The device's id.")],
    user: DeviceOwner,
    services: WarmServices,
) -> None:
    """Sign a device out: its connection is cut, and its tokens are refused until they have expired.

    A user may do this for its own devices, a service with scope `sync:devices` for everyone's. The user's
    other devices see it at once. It is 204 for a device that nobody has heard of too: one that is about to
    connect with a token would otherwise slip through. After a 503 do it again.

    End the device's login in your app as well, before this: with the login it can ask for a new session.
    """
    logs.note(user=user, device=device)
    publisher = services.publisher
    topic = PresenceTopic(user, device)
    known = await publisher.read_device(topic)
    order = RevokeOrder.of(
        user,
        device,
        known_session=None if known is None else known.session,
        now=now_ms(),
        lifetime=services.terms.lifetime,
    )
    # In this order: a device that is still connected could announce itself over the farewell.
    await publisher.revoke(order)
    await publisher.publish(topic, order.farewell())


handler = lambda_handler(FromEnvironment(router))
