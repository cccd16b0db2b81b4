"""Tells devices of changes to the demo's data, after the change and without making its caller wait."""

import asyncio
import logging
from collections import deque
from collections.abc import Mapping
from typing import Any

from .data import Account, Prompt
from .posting import CREDIT_UPDATE, PROMPT_CHANGE, NotPostedError, Posting

logger = logging.getLogger(__name__)

MOST_UNSAID = 256
"""How many wait while no broker answers. Then the oldest is left out: the newest balance is what counts."""


class Announcements:
    """One at a time and in order."""

    def __init__(self, posting: Posting) -> None:
        self._posting = posting
        self._unsaid: deque[tuple[str, Mapping[str, Any]]] = deque(maxlen=MOST_UNSAID)
        self._something = asyncio.Event()

    def balance(self, account: Account, change: int, reason: str) -> None:
        """A user's balance changed."""
        update = {
            "userId": account.user_id,
            "newBalance": account.balance,
            "change": change,
            "reason": reason,
            "sequence": account.sequence,
        }
        self._say(CREDIT_UPDATE, update)

    def prompt(self, prompt: Prompt) -> None:
        """A prompt was edited."""
        change = {"everyone": True, "promptId": prompt.prompt_id, "action": "updated", "title": prompt.title}
        self._say(PROMPT_CHANGE, change)

    def all_prompts(self) -> None:
        """Many prompts changed."""
        self._say(PROMPT_CHANGE, {"everyone": True, "action": "updated"})

    def _say(self, route: str, body: Mapping[str, Any]) -> None:
        self._unsaid.append((route, body))
        self._something.set()

    async def run(self) -> None:
        """Post what there is to say, until it is cancelled."""
        while True:
            await self._something.wait()
            self._something.clear()
            while self._unsaid:
                try:
                    await self._posting.post(*self._unsaid.popleft())
                except NotPostedError as exc:
                    # Devices refetch when they come back; what is lost is that it happens at once.
                    logger.warning("Not announced: %s", exc)
