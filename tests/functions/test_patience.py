"""One timer for all who wait: whoever is late is ended, and nobody else."""

import asyncio

import pytest

from functions.patience import Patience


async def test_each_wait_ends_after_its_own_time() -> None:
    """Those who began together and those who began later, and none of those who were done before."""
    patience = Patience(0.05)
    ended: list[str] = []

    async def wait(name: str, until: asyncio.Event) -> None:
        try:
            with patience:
                await until.wait()
            ended.append(f"{name} done")
        except TimeoutError:
            ended.append(f"{name} late")

    done, never = asyncio.Event(), asyncio.Event()
    async with asyncio.TaskGroup() as group:
        group.create_task(wait("first", never))
        group.create_task(wait("second", done))
        await asyncio.sleep(0)
        done.set()
        await asyncio.sleep(0.02)
        group.create_task(wait("third", never))

    assert ended == ["second done", "first late", "third late"]


async def test_a_cancellation_from_outside_stays_one() -> None:
    """A server that cancels a request must not see it answered as a slow one, also when it is late."""
    patience = Patience(0)

    async def wait() -> None:
        with patience:
            await asyncio.Event().wait()

    waiting = asyncio.create_task(wait())
    await asyncio.sleep(0)
    asyncio.get_running_loop().call_soon(waiting.cancel)
    with pytest.raises(asyncio.CancelledError):
        await waiting


async def test_what_follows_a_late_step_is_not_cancelled() -> None:
    """The task goes on: it has a refusal to send."""
    patience = Patience(0)
    task = asyncio.current_task()
    with pytest.raises(TimeoutError), patience:
        await asyncio.Event().wait()
    await asyncio.sleep(0)

    assert task is not None
    assert task.cancelling() == 0


def test_a_loop_that_ended_takes_no_later_time_out_along() -> None:
    """On AWS Lambda and in tests there is more than one; each has a timer of its own."""
    patience = Patience(60)

    async def step() -> None:
        with patience:
            await asyncio.sleep(0)

    asyncio.run(step())
    patience.seconds = 0

    async def late() -> None:
        with patience:
            await asyncio.Event().wait()

    with pytest.raises(TimeoutError):
        asyncio.run(late())
