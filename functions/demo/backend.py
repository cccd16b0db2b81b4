"""What the demo's routes share."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Annotated, cast

from fastapi import Depends, Request

from functions.dependencies import CurrentCaller

from .announcements import Announcements
from .culling import Culling
from .data import Account, DemoData
from .logins import Logins
from .posting import Posting
from .refusals import no_user_of_the_demo


@dataclass(frozen=True)
class Backend:
    """One of these per app, in ``app.state.demo``."""

    logins: Logins
    announcements: Announcements
    culling: Culling
    data: DemoData = field(default_factory=DemoData)

    @classmethod
    def of(cls, logins: Logins, posting: Posting) -> "Backend":
        """The backend of a demo."""
        announcements = Announcements(posting)
        return cls(logins, announcements, Culling(posting, announcements))

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Announce while the block lasts; at its end nothing of this runs any more."""
        announcing = asyncio.create_task(self.announcements.run())
        try:
            yield
        finally:
            await self.culling.stop()
            announcing.cancel()
            with suppress(asyncio.CancelledError):
                await announcing


async def _backend(request: Request) -> Backend:
    return cast("Backend", request.app.state.demo)


DemoBackend = Annotated[Backend, Depends(_backend)]


async def _account(caller: CurrentCaller, backend: DemoBackend) -> Account:
    account = backend.data.accounts.get(caller.subject)
    # A service names itself: one called like a user is not that user.
    if account is None or caller.is_service:
        raise no_user_of_the_demo()
    return account


OwnAccount = Annotated[Account, Depends(_account)]
"""The account of the user who calls."""
