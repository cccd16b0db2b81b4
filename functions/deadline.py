"""The end of the present invocation. On Lambda nothing can be answered after it: every wait ends before."""

import asyncio
from collections.abc import Awaitable
from contextvars import ContextVar
from typing import TypeVar

from mqtt_bridge.errors import PublishError

from .asgi import Scope
from .problems import ProblemError, unavailable

FOR_ANSWER = 0.1
"""Seconds before the end at which whatever still waits is given up, so that the answer gets out."""
FOR_REST = 0.2
"""Seconds before the end at which a publication is given up. More, so that a batch can tell what became of
its other items."""

T = TypeVar("T")

_end: ContextVar[float | None] = ContextVar("deadline", default=None)


def out_of_time() -> ProblemError:
    """503: the same request may be quick the next time."""
    return unavailable(
        "out-of-time",
        "It took too long. It may have been done all the same: retry, with the same Idempotency-Key if there"
        " is one.",
        title="There was no time left",
    )


async def within_invocation(scope: Scope, work: Awaitable[T]) -> T:
    """Waits for the work of a request on Lambda as long as there is time. Raises 503 when it takes longer."""
    end = asyncio.get_running_loop().time() + scope["aws.context"].get_remaining_time_in_millis() / 1000
    token = _end.set(end)
    try:
        async with asyncio.timeout_at(end - FOR_ANSWER) as waiting:
            return await work
    except TimeoutError:
        if waiting.expired():
            raise out_of_time() from None
        raise
    finally:
        _end.reset(token)


async def publication(published: Awaitable[T]) -> T:
    """Waits for a publication as long as there is time. Raises PublishError when that is not long enough."""
    end = _end.get()
    if end is None:
        return await published
    try:
        async with asyncio.timeout_at(end - FOR_REST) as waiting:
            return await published
    except TimeoutError:
        if waiting.expired():
            raise PublishError("Not acknowledged within the time of the invocation") from None
        raise
