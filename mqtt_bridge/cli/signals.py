"""Long-running commands end in order when a signal or a closed terminal says so."""

import asyncio
import signal
from collections.abc import Callable, Coroutine
from typing import Any

ENDINGS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def _nothing() -> None:
    pass


class UntilSignal:
    """Runs a coroutine until it ends by itself or Ctrl-C, SIGTERM or SIGHUP cancels it.

    ``again`` is called for each further signal, while the coroutine cleans up behind itself.
    """

    def __init__(self, again: Callable[[], None] = _nothing) -> None:
        self._again = again
        self._task: asyncio.Task[None] | None = None
        self.received: int | None = None
        """The first signal."""

    async def run(self, work: Coroutine[Any, Any, None]) -> int:
        """Return the command's exit status: 0, or 128 + the signal, as shells count. Errors pass through."""
        loop = asyncio.get_running_loop()
        self._task = asyncio.create_task(work)
        for number in ENDINGS:
            # nohup and the like have it ignored, and mean it; a Ctrl-C that is ignored would be a trap.
            if number == signal.SIGINT or signal.getsignal(number) is not signal.SIG_IGN:
                loop.add_signal_handler(number, self.end, number)
        try:
            await self._task
        except asyncio.CancelledError:
            if self.received is None:
                raise
        return 0 if self.received is None else 128 + self.received

    def end(self, number: int) -> None:
        """As if the signal had come."""
        if self.received is not None:
            self._again()
            return
        self.received = number
        if self._task:
            self._task.cancel()
