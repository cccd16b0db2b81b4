"""POST /api/sync/shoot-progress: tell a user's devices how far a shoot is."""

from fastapi import APIRouter, status

from .application import FromEnvironment
from .aws import lambda_handler
from .bodies import ShootProgressBody
from .dependencies import RequestOutbox
from .json_body import JsonRoute, Posted
from .outbox import Accepted
from .responses import ACKNOWLEDGED, PUBLISH_FOR_SELF

router = APIRouter(route_class=JsonRoute, tags=["publish"])


@router.post(
    "/api/sync/shoot-progress",
    status_code=status.HTTP_202_ACCEPTED,
    response_description=ACKNOWLEDGED,
    responses=PUBLISH_FOR_SELF,
)
async def shoot_progress(update: Posted[ShootProgressBody], outbox: RequestOutbox) -> Accepted:
    """Tell a user's devices how far a shoot is.

    A user may do this for itself, a service with scope `sync:publish` for everyone. Without a `sequence` the
    update counts as of now: send one if you retry, or an old update may pass for the newest.

    Wait for each answer before you post the next update of the same shoot, and after a time-out or a 503
    retry the newest update alone. The functions remember nothing: what is posted last is what the broker
    retains, also with a lower `sequence`. Devices that are online drop it then; one that comes later would
    see the older state until the next update.
    """
    return await outbox.publish(update)


handler = lambda_handler(FromEnvironment(router))
