"""Begin the demo anew."""

from fastapi import APIRouter, status

from functions.dependencies import WarmServices
from mqtt_bridge.topics import ShootTopic

from .backend import DemoBackend, OwnAccount

router = APIRouter(prefix="/demo/api")


@router.post("/reset", status_code=status.HTTP_204_NO_CONTENT)
async def demo_reset(_: OwnAccount, backend: DemoBackend, services: WarmServices) -> None:
    """Everything as it was at the start, for all users."""
    await backend.culling.stop()
    culled = [
        ShootTopic(account.user_id, shoot.shoot_id)
        for account in backend.data.accounts.values()
        for shoot in account.shoots.values()
    ]
    before = {user: account.balance for user, account in backend.data.accounts.items()}
    backend.data.reset()
    for user, account in backend.data.accounts.items():
        backend.announcements.balance(account, account.balance - before[user], "Reset")
    backend.announcements.all_prompts()
    for topic in culled:
        # Else whoever comes later would see progress of a run that this data knows nothing of.
        await services.publisher.clear(topic)
