"""Servers as processes: pinned to a core, and asked for their time on a CPU and their memory, by /proc."""

import contextlib
import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

HOST = "127.0.0.1"
START_TIMEOUT = 30.0
"""Seconds until a server must listen."""
STOP_TIMEOUT = 5.0
"""Seconds that a server gets after SIGTERM, before SIGKILL."""


class BenchError(Exception):
    """A measurement could not be made. The text says why."""


@dataclass(frozen=True, slots=True)
class Cores:
    """Where the servers run, and where the load comes from."""

    servers: int
    loader: int

    @classmethod
    def of_this_machine(cls) -> "Cores":
        """The first core and the last, which are the same on a machine of one core."""
        allowed = sorted(os.sched_getaffinity(0))
        return cls(allowed[0], allowed[-1])

    @property
    def shared(self) -> bool:
        """Whether load and servers take each other's time."""
        return self.servers == self.loader


CORES = Cores.of_this_machine()


@contextlib.contextmanager
def starting_on(core: int) -> Iterator[None]:
    """Whatever is started within runs on this core alone, with all its threads and children."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def free_port() -> int:
    """A port that nobody listens on at this moment."""
    with socket.socket() as placeholder:
        placeholder.bind((HOST, 0))
        return int(placeholder.getsockname()[1])


@contextlib.contextmanager
def server_process(
    command: Sequence[str | Path],
    *,
    port: int,
    log: Path,
    environment: Mapping[str, str] | None = None,
    cwd: Path | None = None,
) -> Iterator[int]:
    """Run a server on the servers' core until it is not needed any more. Yields its pid once it listens."""
    with log.open("ab") as output, starting_on(CORES.servers):
        process = subprocess.Popen(
            [str(word) for word in command],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env={**os.environ, **(environment or {})},
            cwd=cwd,
            start_new_session=True,
        )
    try:
        _wait_until_listening(process, port, log)
        yield process.pid
    finally:
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(STOP_TIMEOUT)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(STOP_TIMEOUT)


def _wait_until_listening(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    deadline = time.monotonic() + START_TIMEOUT
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError), socket.create_connection((HOST, port), timeout=1):
            return
        if process.poll() is not None:
            break
        time.sleep(0.02)
    tail = "\n".join(log.read_text(errors="replace").splitlines()[-15:])
    raise BenchError(f"{' '.join(map(str, process.args))} did not listen on {port}:\n{tail}")  # type: ignore[arg-type]  # a list here


def _family(pid: int) -> Iterator[int]:
    yield pid
    for children in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in children.read_text().split():
            yield from _family(int(child))


def cpu_seconds(pids: Sequence[int]) -> float:
    """Time on a CPU of these processes, their threads and living children, in user space and kernel."""
    nanoseconds = 0
    for root in pids:
        for pid in _family(root):
            for task in Path(f"/proc/{pid}/task").iterdir():
                nanoseconds += int((task / "schedstat").read_text().split()[0])
    return nanoseconds / 1e9


def memory_bytes(pids: Sequence[int]) -> int:
    """Memory of these processes and their children, shared pages counted once.

    Without that of files: what a shared library counts for depends on who else has it open.
    """
    return sum(_pss(pid) for root in pids for pid in _family(root))


def _pss(pid: int) -> int:
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss_Anon:"):
            return int(line.split()[1]) * 1024
    raise BenchError(f"/proc/{pid}/smaps_rollup does not tell Pss_Anon")
