"""GET /api/sync/status: whether a message can get through."""

from typing import Annotated, Literal

from fastapi import APIRouter, Response
from pydantic import Field

from mqtt_bridge.messages import Absent, WireModel

from .application import FromEnvironment
from .aws import lambda_handler
from .dependencies import Anyone, WarmServices
from .responses import STATUS

router = APIRouter(tags=["status"])


class StatusDetails(WireModel):
    """For the app's services."""

    round_trip_ms: Annotated[float, Field(ge=0)]
    """Milliseconds that a message took to the broker and back, at most a second ago."""
    published: int
    """Posted messages that the broker acknowledged to this process."""
    failed: int
    """Posted messages that it did not acknowledge, or refused."""


class StatusAnswer(WireModel):
    """A message can get through."""

    status: Literal["ok"] = "ok"
    details: StatusDetails | None = Absent
    """For a service's token only."""


@router.get(
    "/api/sync/status",
    # Besides the token that FastAPI notes: none.
    openapi_extra={"security": [{}]},
    response_description="Messages get through.",
    responses=STATUS,
)
async def sync_status(caller: Anyone, services: WarmServices, response: Response) -> StatusAnswer:
    """Whether a message can get through: it sends one to the broker and waits until it is back.

    Without a token the answer says that alone. With a service's token it has the round trip and the counts.
    """
    response.headers["Cache-Control"] = "no-store"
    seconds = await services.probe.round_trip()
    if caller is None or not caller.is_service:
        return StatusAnswer()
    counts = services.counts
    details = StatusDetails(
        round_trip_ms=round(seconds * 1000, 3), published=counts.published, failed=counts.failed
    )
    return StatusAnswer(details=details)


# Many monitors ask so; what they get is the same without the body.
router.head("/api/sync/status", include_in_schema=False)(sync_status)


handler = lambda_handler(FromEnvironment(router))
