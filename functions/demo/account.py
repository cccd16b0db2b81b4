"""Sign in, see the balance, buy credits."""

from typing import Annotated, Final

from fastapi import APIRouter
from pydantic import Field

from functions.bodies import strict
from mqtt_bridge.messages import UserId, WireModel

from .backend import DemoBackend, OwnAccount
from .views import BalanceView, SignedIn, UserView

router = APIRouter(prefix="/demo/api")

MOST_CREDITS: Final = 100_000
"""That can be bought at once."""


class SignInBody(WireModel):
    """Who wants to be signed in. There is no password: it is a demo."""

    model_config = strict()

    user_id: UserId


class CreditsBody(WireModel):
    """How many credits to buy."""

    model_config = strict()

    credits: Annotated[int, Field(ge=1, le=MOST_CREDITS)]


@router.get("/users")
async def demo_users(backend: DemoBackend) -> list[UserView]:
    """The users that the demo has."""
    return [UserView.model_validate(account) for account in backend.data.accounts.values()]


@router.post("/sign-in")
async def demo_sign_in(body: SignInBody, backend: DemoBackend) -> SignedIn:
    """Sign in as one of them."""
    account = backend.data.account(body.user_id)
    token = backend.logins.mint(account.user_id)
    return SignedIn(user_id=account.user_id, name=account.name, token=token)


@router.get("/balance")
async def demo_balance(account: OwnAccount) -> BalanceView:
    """The caller's credits."""
    return BalanceView.model_validate(account)


@router.post("/credits")
async def demo_credits(body: CreditsBody, account: OwnAccount, backend: DemoBackend) -> BalanceView:
    """Buy credits."""
    account.book(body.credits)
    backend.announcements.balance(account, body.credits, "Purchase")
    return BalanceView.model_validate(account)
