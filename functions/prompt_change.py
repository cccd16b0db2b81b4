"""POST /api/sync/prompt-change: tell devices that prompts of the marketplace changed."""

from fastapi import APIRouter, status

from .application import FromEnvironment
from .aws import lambda_handler
from .bodies import PromptChangeBody
from .dependencies import RequestOutbox
from .json_body import JsonRoute, Posted
from .outbox import Accepted
from .responses import ACKNOWLEDGED, PUBLISH_AS_SERVICE

router = APIRouter(route_class=JsonRoute, tags=["publish"])


@router.post(
    "/api/sync/prompt-change",
    status_code=status.HTTP_202_ACCEPTED,
    response_description=ACKNOWLEDGED,
    responses=PUBLISH_AS_SERVICE,
)
async def prompt_change(update: Posted[PromptChangeBody], outbox: RequestOutbox) -> Accepted:
    """Tell one user's devices, or everyone's, that prompts of the marketplace changed.

    Needs the scope `sync:publish`. Exactly one of `userId` and `everyone: true` must be given.
    """
    return await outbox.publish(update)


handler = lambda_handler(FromEnvironment(router))
