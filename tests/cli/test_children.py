"""Processes that live and die together."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable

import pytest

from mqtt_bridge.cli.children import LAST_LINES, ChildEndedError, Children

from .devs import PATIENCE, alive

Lines = list[tuple[str, str]]

READY = "print('ready', flush=True)"
SLEEP = f"import time; {READY}; time.sleep(600)"
STUBBORN = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); {SLEEP}"


@pytest.fixture
def lines() -> Lines:
    return []


@pytest.fixture
async def children(lines: Lines) -> AsyncIterator[Children]:
    children = Children(lambda name, line: lines.append((name, line)), stop_timeout=0.5)
    yield children
    children.kill()
    await children.stop()


async def python(children: Children, name: str, program: str) -> None:
    await children.start(name, [sys.executable, "-c", program], os.environ)


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not condition():
            await asyncio.sleep(0.01)


async def until_printed(lines: Lines, *wanted: tuple[str, str]) -> None:
    await until(lambda: set(wanted) <= set(lines))


async def test_output_is_merged(children: Children, lines: Lines) -> None:
    """Each line of stdout and stderr comes with the name of its process."""
    await python(children, "one", f"import sys; print('out'); print('err', file=sys.stderr); {SLEEP}")
    await python(children, "two", SLEEP)

    await until_printed(lines, ("one", "out"), ("one", "err"), ("one", "ready"), ("two", "ready"))


@pytest.mark.parametrize(
    ("program", "how"),
    [
        pytest.param("raise SystemExit(3)", "status 3", id="status"),
        pytest.param("pass", "status 0", id="status 0"),
        pytest.param("import os; os.kill(os.getpid(), 9)", "SIGKILL", id="signal"),
    ],
)
async def test_one_that_ends_is_told(children: Children, program: str, how: str) -> None:
    """A process that ends by itself, however well, is an error that names it."""
    await python(children, "lasting", SLEEP)
    await python(children, "brief", program)

    with pytest.raises(ChildEndedError, match=rf"brief ended by itself \({how}\)"):
        await asyncio.wait_for(children.wait(), PATIENCE)


async def test_last_lines(children: Children) -> None:
    """The error has the last lines of output, an unfinished one too."""
    await python(children, "brief", "for i in range(100): print(i)\nprint('the end', end='')")

    with pytest.raises(ChildEndedError) as ended:
        await asyncio.wait_for(children.wait(), PATIENCE)
    assert ended.value.lines == [*map(str, range(101 - LAST_LINES, 100)), "the end"]


async def test_lines_of_any_length_and_bytes(children: Children, lines: Lines) -> None:
    """A line longer than any buffer, and bytes that are no UTF-8, end nothing."""
    await python(
        children, "odd", f"import os; print('x' * 300_000, flush=True); os.write(1, b'\\xff\\n'); {SLEEP}"
    )

    await until_printed(lines, ("odd", "x" * 300_000), ("odd", "\N{REPLACEMENT CHARACTER}"), ("odd", "ready"))


async def test_ended_in_reverse_order(children: Children, lines: Lines) -> None:
    """What was started last may still need what was started first."""
    program = f"import signal, sys; signal.signal(signal.SIGTERM, lambda *_: sys.exit(print('bye'))); {SLEEP}"
    await python(children, "first", program)
    await python(children, "second", program)
    await until_printed(lines, ("first", "ready"), ("second", "ready"))
    await children.stop()

    assert lines[-2:] == [("second", "bye"), ("first", "bye")]


async def test_one_that_does_not_end_is_killed(children: Children, lines: Lines) -> None:
    """A process that ignores SIGTERM delays the end by its time-out and no more."""
    await python(children, "stubborn", STUBBORN)
    await until_printed(lines, ("stubborn", "ready"))
    await asyncio.wait_for(children.stop(), PATIENCE)

    assert lines[-1] == ("stubborn", "did not end within 0.5 s, and is killed")


async def test_kill_does_not_wait(lines: Lines) -> None:
    """A second Ctrl-C ends at once what the first one asked to end."""
    children = Children(lambda name, line: lines.append((name, line)), stop_timeout=600)
    await python(children, "stubborn", STUBBORN)
    await until_printed(lines, ("stubborn", "ready"))
    stopping = asyncio.create_task(children.stop())
    await asyncio.sleep(0)
    children.kill()

    await asyncio.wait_for(stopping, PATIENCE)


async def test_grandchildren_end_too(children: Children, lines: Lines) -> None:
    """What a process started and forgot does not stay."""
    start = f"subprocess.Popen([sys.executable, '-c', {STUBBORN!r}])"
    await python(children, "parent", f"import subprocess, sys; print({start}.pid, flush=True); {SLEEP}")
    await until(lambda: lines.count(("parent", "ready")) == 2)
    pid = next(int(line) for _, line in lines if line.isdigit())
    await children.stop()

    await until(lambda: not alive(pid))


@pytest.mark.skipif(sys.platform != "linux", reason="PR_SET_PDEATHSIG is Linux's")
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
async def test_they_do_not_outlive_us(children: Children, lines: Lines, number: int) -> None:
    """A process that is killed takes what it started with it, with the signal that was agreed."""
    inner = f"import signal; signal.signal(signal.SIGTERM, lambda *_: exit()); {SLEEP}"
    outer = f"""
import asyncio, os, sys
from mqtt_bridge.cli.children import Children

async def main():
    children = Children(lambda name, line: print(line, flush=True))
    inner = "import os; print('pid', os.getpid());" + {inner!r}
    await children.start("inner", [sys.executable, "-c", inner], os.environ, on_our_death={int(number)})
    await children.wait()

asyncio.run(main())
"""
    await python(children, "outer", outer)
    await until_printed(lines, ("outer", "ready"))
    inner_pid = next(int(line.split()[1]) for _, line in lines if line.startswith("pid "))
    children.kill()

    await until(lambda: not alive(inner_pid))
