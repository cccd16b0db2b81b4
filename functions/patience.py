"""Ends steps that take too long, as ``asyncio.timeout`` does, with one timer for all who wait.

A timer for each costs more than most of these steps, which are done as soon as they begin.
"""

import asyncio
from types import TracebackType
from typing import Any


class Patience:
    """``with patience:`` raises TimeoutError within, ``seconds`` after it began."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._ends: dict[asyncio.Task[Any], float] = {}
        self._late: set[asyncio.Task[Any]] = set()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._timer: asyncio.TimerHandle | None = None

    def __enter__(self) -> None:
        loop = asyncio.get_running_loop()
        task = asyncio.current_task(loop)
        assert task is not None  # noqa: S101  # every coroutine of a server runs in one
        self._ends[task] = end = loop.time() + self.seconds
        if self._timer is None or self._loop is not loop:
            # A timer of another loop, on AWS Lambda and in tests, may never come.
            self._loop, self._timer = loop, loop.call_at(end, self._look, loop)

    def __exit__(self, kind: type[BaseException] | None, _: object, trace: TracebackType | None) -> None:
        task = asyncio.current_task()
        self._ends.pop(task, None)  # type: ignore[arg-type]  # of __enter__
        if task in self._late:
            self._late.discard(task)
            if task.uncancel() == 0 and kind is asyncio.CancelledError:
                raise TimeoutError

    def _look(self, loop: asyncio.AbstractEventLoop) -> None:
        """Cancel those whose time is over: they wait within, or they would not stand here."""
        for task, end in list(self._ends.items()):
            if end <= loop.time():
                del self._ends[task]
                self._late.add(task)
                task.cancel()
        self._timer = loop.call_at(min(self._ends.values()), self._look, loop) if self._ends else None
