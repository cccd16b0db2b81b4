"""POST /api/sync/credit-update: tell a user's devices that the credit balance changed."""

from functools import partial

from .aws import lambda_handler
from .bodies import CreditUpdateBody
from .edge import alone
from .endpoint import posted
from .environment import FromEnvironment
from .outbox import Accepted, Outbox


@posted("/api/sync/credit-update", status=202)
async def credit_update(update: CreditUpdateBody, outbox: Outbox) -> Accepted:
    """Tell a user's devices that the credit balance changed.

    Needs the scope `sync:publish`: a user who could post here could mint credits on every screen. Send the
    ledger's version as `sequence`: a balance older than the one that is shown is dropped.

    Wait for each answer before you post the next balance of the same user, and after a time-out or a 503
    retry the newest balance alone. The functions remember nothing: what is posted last is what the broker
    retains, also with a lower `sequence`. Devices that are online drop it then; one that comes later would
    see the older balance until the next update.
    """
    return await outbox.publish(update)


handler = lambda_handler(FromEnvironment(partial(alone, credit_update)))
