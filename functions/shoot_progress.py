"""POST /api/sync/shoot-progress: tell a user's devices how far a shoot is."""

from functools import partial

from .aws import lambda_handler
from .bodies import ShootProgressBody
from .edge import alone
from .endpoint import posted
from .environment import FromEnvironment
from .outbox import Accepted, Outbox


@posted("/api/sync/shoot-progress", status=202)
async def shoot_progress(update: ShootProgressBody, outbox: Outbox) -> Accepted:
    """Tell a user's devices how far a shoot is.

    A user may do this for itself, a service with scope `sync:publish` for everyone. Without a `sequence` the
    update counts as of now: send one if you retry, or an old update may pass for the newest.

    Wait for each answer before you post the next update of the same shoot, and after a time-out or a 503
    retry the newest update alone. The functions remember nothing: what is posted last is what the broker
    retains, also with a lower `sequence`. Devices that are online drop it then; one that comes later would
    see the older state until the next update.
    """
    return await outbox.publish(update)


handler = lambda_handler(FromEnvironment(partial(alone, shoot_progress)))
