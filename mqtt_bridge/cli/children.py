"""Processes that live and die together: started in order, their output merged, ended in reverse order."""

import asyncio
import ctypes
import os
import signal
import sys
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress

from mqtt_bridge.errors import BridgeError

LAST_LINES = 12
"""How many lines of a child's output are kept, to be shown again when it dies."""
STOP_TIMEOUT = 4.0
"""Seconds that a child has to end after SIGTERM, before SIGKILL."""

_PR_SET_PDEATHSIG = 1  # linux/prctl.h


class ChildEndedError(BridgeError):
    """A child ended by itself. ``lines`` are the last that it printed."""

    def __init__(self, name: str, status: int, lines: Sequence[str]) -> None:
        self.name = name
        self.lines = list(lines)
        how = f"status {status}" if status >= 0 else signal.Signals(-status).name
        super().__init__(f"{name} ended by itself ({how})")


class Children:
    """Starts processes and ends them all. ``log`` is called with a child's name and each line it prints."""

    def __init__(self, log: Callable[[str, str], None], *, stop_timeout: float = STOP_TIMEOUT) -> None:
        self._log = log
        self._stop_timeout = stop_timeout
        self._children: list[_Child] = []

    async def start(
        self, name: str, command: Sequence[str], env: Mapping[str, str], *, on_our_death: int = signal.SIGKILL
    ) -> None:
        """Start one more. ``on_our_death``: the signal it gets, on Linux, when this process is killed."""
        process = await asyncio.create_subprocess_exec(
            *command,
            env=env,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            # Ctrl-C at the terminal reaches this process alone, which then ends the others in order.
            start_new_session=True,
            preexec_fn=_die_with(os.getpid(), on_our_death),
        )
        self._children.append(_Child(name, process, self._log))

    async def wait(self) -> None:
        """Wait until one ends by itself, and raise ChildEndedError."""
        waits = {asyncio.create_task(child.process.wait()): child for child in self._children}
        try:
            done, _ = await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in waits:
                task.cancel()
        child = waits[done.pop()]
        await child.drain()
        raise ChildEndedError(child.name, await child.process.wait(), child.recent)

    async def stop(self) -> None:
        """End all, the last started first; each gets ``stop_timeout`` seconds."""
        while self._children:
            child = self._children[-1]
            child.signal(signal.SIGTERM)
            try:
                await asyncio.wait_for(child.process.wait(), self._stop_timeout)
            except TimeoutError:
                self._log(child.name, f"did not end within {self._stop_timeout:g} s, and is killed")
                child.signal(signal.SIGKILL)
                await child.process.wait()
            # What it may have left behind in its session.
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(child.process.pid, signal.SIGKILL)
            await child.drain()
            self._children.pop()

    def kill(self) -> None:
        """Let none finish what it does."""
        for child in self._children:
            child.signal(signal.SIGKILL)


class _Child:
    def __init__(
        self, name: str, process: asyncio.subprocess.Process, log: Callable[[str, str], None]
    ) -> None:
        self.name = name
        self.process = process
        self.recent: deque[str] = deque(maxlen=LAST_LINES)
        self._log = log
        # Never None: it was started with a pipe.
        self._reading = asyncio.create_task(self._read(process.stdout or asyncio.StreamReader()))

    def signal(self, number: int) -> None:
        with suppress(ProcessLookupError):
            self.process.send_signal(number)

    async def drain(self) -> None:
        """Read the rest of the output. A grandchild may hold the pipe open, so not for ever."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._reading, 1.0)

    async def _read(self, output: asyncio.StreamReader) -> None:
        rest = b""
        while chunk := await output.read(65_536):
            *lines, rest = (rest + chunk).split(b"\n")
            for line in lines:
                self._line(line)
        if rest:
            self._line(rest)

    def _line(self, raw: bytes) -> None:
        line = raw.decode("utf-8", "replace").rstrip()
        self.recent.append(line)
        self._log(self.name, line)


def _die_with(parent: int, number: int) -> Callable[[], None] | None:
    """What a new child calls first, so that it does not outlive this process even when that is killed."""
    if sys.platform != "linux":
        return None
    prctl = ctypes.CDLL(None, use_errno=True).prctl

    def in_child() -> None:
        prctl(_PR_SET_PDEATHSIG, number)
        if os.getppid() != parent:  # it died before the line above
            os._exit(1)

    return in_child
