"""What the demo's routes answer."""

from pydantic import ConfigDict

from mqtt_bridge.messages import Absent, WireModel

from .data import Status


class _View(WireModel):
    """Made from the demo's data with ``model_validate``."""

    model_config = ConfigDict(from_attributes=True)


class UserView(_View):
    """A user to sign in as."""

    user_id: str
    name: str


class SignedIn(UserView):
    """A user, and the app token that proves it."""

    token: str


class TokenView(WireModel):
    """An app token."""

    token: str


class BalanceView(_View):
    """A user's balance."""

    balance: int
    """Credits."""
    sequence: int
    """The ledger's version, as in CREDIT_UPDATE."""


class ShootView(_View):
    """A shoot as the backend knows it. What devices heard of the same or a later ``run`` is newer."""

    shoot_id: str
    title: str
    image_count: int
    status: Status
    processed_count: int
    run: int
    error: str | None = Absent
    """Why it failed."""


class RunView(_View):
    """A cull that has begun."""

    shoot_id: str
    run: int


class ReportView(WireModel):
    """What came out of the last cull."""

    shoot_id: str
    title: str
    run: int
    image_count: int
    kept: int
    rejected: int
    duplicates: int
    """These three make up all images."""
    seconds: float
    """How long it took."""
    credits: int
    """What it cost."""


class PromptView(_View):
    """A prompt of the marketplace."""

    prompt_id: str
    title: str
    author: str
    price: int
    """Credits."""
    description: str
