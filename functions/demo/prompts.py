"""The marketplace: see prompts, edit one's title."""

from typing import Annotated

from fastapi import APIRouter
from pydantic import Field

from functions.bodies import strict
from mqtt_bridge.messages import WireModel

from .backend import DemoBackend, OwnAccount
from .views import PromptView

router = APIRouter(prefix="/demo/api/prompts")


class PromptBody(WireModel):
    """What to change."""

    model_config = strict()

    title: Annotated[str, Field(min_length=1, max_length=100)]


@router.get("")
async def demo_prompts(_: OwnAccount, backend: DemoBackend) -> list[PromptView]:
    """All prompts."""
    return [PromptView.model_validate(prompt) for prompt in backend.data.prompts.values()]


@router.patch("/{prompt_id}")
async def demo_prompt(prompt_id: str, body: PromptBody, _: OwnAccount, backend: DemoBackend) -> PromptView:
    """Edit one. Everyone may: it is a demo."""
    prompt = backend.data.prompt(prompt_id)
    prompt.title = body.title
    backend.announcements.prompt(prompt)
    return PromptView.model_validate(prompt)
