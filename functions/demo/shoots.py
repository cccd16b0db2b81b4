"""See shoots, have one culled, read its report."""

import hashlib
from typing import Annotated, Final

from fastapi import APIRouter, status
from pydantic import Field

from functions.bodies import strict
from mqtt_bridge.messages import WireModel

from .backend import DemoBackend, OwnAccount
from .culling import Cull
from .data import Shoot
from .refusals import not_completed
from .views import ReportView, RunView, ShootView

router = APIRouter(prefix="/demo/api/shoots")

SECONDS: Final = 20.0
"""That a cull takes unless told otherwise."""
MOST_SECONDS: Final = 600.0


class CullBody(WireModel):
    """How the simulated worker is to do it."""

    model_config = strict()

    fail: bool = False
    """Whether it fails on the way."""
    seconds: Annotated[float, Field(ge=0, le=MOST_SECONDS)] = SECONDS
    """How long the whole shoot takes."""


@router.get("")
async def demo_shoots(account: OwnAccount) -> list[ShootView]:
    """The caller's shoots."""
    return [ShootView.model_validate(shoot) for shoot in account.shoots.values()]


@router.get("/{shoot_id}")
async def demo_shoot(shoot_id: str, account: OwnAccount) -> ShootView:
    """One of them."""
    return ShootView.model_validate(account.shoot(shoot_id))


@router.post("/{shoot_id}/cull", status_code=status.HTTP_202_ACCEPTED)
async def demo_cull(
    shoot_id: str, account: OwnAccount, backend: DemoBackend, body: CullBody | None = None
) -> RunView:
    """Have it culled, for a credit an image; devices are told how far it is."""
    shoot = account.shoot(shoot_id)
    how = body or CullBody()
    backend.culling.start(Cull(account, shoot, seconds=how.seconds, fails=how.fail))
    return RunView.model_validate(shoot)


@router.get("/{shoot_id}/report")
async def demo_report(shoot_id: str, account: OwnAccount) -> ReportView:
    """What came out of the last cull."""
    shoot = account.shoot(shoot_id)
    if shoot.status != "completed":
        raise not_completed(shoot.shoot_id, shoot.status)
    return _report(shoot)


def _report(shoot: Shoot) -> ReportView:
    # Made up, but the same each time it is read, and another one for the next run.
    chance = hashlib.sha256(f"{shoot.shoot_id}:{shoot.run}".encode()).digest()
    duplicates = shoot.image_count * (8 + chance[0] % 12) // 100
    rejected = shoot.image_count * (35 + chance[1] % 20) // 100
    return ReportView(
        shoot_id=shoot.shoot_id,
        title=shoot.title,
        run=shoot.run,
        image_count=shoot.image_count,
        kept=shoot.image_count - duplicates - rejected,
        rejected=rejected,
        duplicates=duplicates,
        seconds=shoot.seconds,
        credits=shoot.image_count,
    )
