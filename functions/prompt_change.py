"""POST /api/sync/prompt-change: tell devices that prompts of the marketplace changed."""

from functools import partial

from .aws import lambda_handler
from .bodies import PromptChangeBody
from .edge import alone
from .endpoint import posted
from .environment import FromEnvironment
from .outbox import Accepted, Outbox


@posted("/api/sync/prompt-change", status=202)
async def prompt_change(update: PromptChangeBody, outbox: Outbox) -> Accepted:
    """Tell one user's devices, or everyone's, that prompts of the marketplace changed.

    Needs the scope `sync:publish`. Exactly one of `userId` and `everyone: true` must be given.
    """
    return await outbox.publish(update)


handler = lambda_handler(FromEnvironment(partial(alone, prompt_change)))
