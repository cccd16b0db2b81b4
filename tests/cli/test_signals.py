"""Commands that run until a signal."""

import asyncio
import os
import signal
from collections.abc import Iterator

import pytest

from mqtt_bridge.cli.signals import ENDINGS, UntilSignal


@pytest.fixture(autouse=True)
def signals_as_before() -> Iterator[None]:
    before = {number: signal.getsignal(number) for number in ENDINGS}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


async def for_ever() -> None:
    await asyncio.Event().wait()


async def nothing() -> None:
    pass


async def test_one_that_ends_by_itself() -> None:
    """Without a signal the status is 0."""
    assert await UntilSignal().run(nothing()) == 0


async def test_errors_pass() -> None:
    """What goes wrong inside is seen outside."""

    async def failing() -> None:
        raise ValueError("inside")

    with pytest.raises(ValueError, match="inside"):
        await UntilSignal().run(failing())


async def test_a_cancellation_without_a_signal_passes() -> None:
    """A program around it that cancels is not told that all went well."""
    running = asyncio.create_task(UntilSignal().run(for_ever()))
    await asyncio.sleep(0)
    running.cancel()

    with pytest.raises(asyncio.CancelledError):
        await running


@pytest.mark.parametrize("number", ENDINGS)
async def test_the_status_names_the_signal(number: int) -> None:
    """As shells count: 128 and the signal."""

    async def signalled() -> None:
        os.kill(os.getpid(), number)
        await for_ever()

    assert await UntilSignal().run(signalled()) == 128 + number


async def test_further_signals() -> None:
    """They do not cut the cleaning up short; the command decides what they mean."""
    again: list[bool] = []
    cleaned = asyncio.Event()
    until_signal = UntilSignal(again=lambda: again.append(True))

    async def cleaning_up() -> None:
        try:
            until_signal.end(signal.SIGTERM)
            await for_ever()
        finally:
            until_signal.end(signal.SIGINT)
            await asyncio.sleep(0)
            cleaned.set()

    status = await until_signal.run(cleaning_up())

    assert (status, again, cleaned.is_set()) == (128 + signal.SIGTERM, [True], True)


async def test_further_signals_by_default() -> None:
    """A command that says nothing of them goes on cleaning up."""
    until_signal = UntilSignal()

    async def ending_twice() -> None:
        until_signal.end(signal.SIGTERM)
        until_signal.end(signal.SIGINT)
        await for_ever()

    assert await until_signal.run(ending_twice()) == 128 + signal.SIGTERM


async def test_nohup_stays_nohup() -> None:
    """Where a closed terminal was to be ignored, it is."""
    signal.signal(signal.SIGHUP, signal.SIG_IGN)

    async def hung_up() -> None:
        os.kill(os.getpid(), signal.SIGHUP)
        await asyncio.sleep(0.01)

    assert await UntilSignal().run(hung_up()) == 0
