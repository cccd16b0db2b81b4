"""A ``kull-sync dev`` as its user starts it: a process of its own, on free ports."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

KULL_SYNC = Path(sys.executable).with_name("kull-sync")
FREE_PORTS = ("--http-port", "0", "--mqtt-port", "0", "--ws-port", "0")
PATIENCE = 60.0
"""Seconds that a test waits for what must happen, on a machine that is busy with other tests."""


def run(*arguments: str, env: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """A command that ends by itself."""
    return subprocess.run(
        [KULL_SYNC, *arguments], env=env, capture_output=True, text=True, timeout=PATIENCE, check=False
    )


class Dev:
    """One ``dev`` with a runtime directory and a log of its own."""

    def __init__(
        self, directory: Path, *arguments: str, command: str | Path = KULL_SYNC, **environment: str
    ) -> None:
        self.runtime = directory / "runtime"
        self.log_file = directory / f"dev-{len(list(directory.glob('*.log')))}.log"
        self.env = clean_environment() | {"XDG_RUNTIME_DIR": str(self.runtime)} | environment
        with self.log_file.open("w") as log:
            self.process = subprocess.Popen(
                [command, "dev", *arguments],
                env=self.env,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                # A group of its own, as a shell gives it: killing it must not reach the tests.
                process_group=0,
            )

    def wait_until_ready(self) -> "Dev":
        # The last line that it shows: before that, a test would read half of them.
        wait_for(lambda: re.search(r"SERVICE_TOKEN=\S+\n", self.log) or self.process.poll() is not None)
        assert self.process.poll() is None, self.log
        return self

    @property
    def log(self) -> str:
        return self.log_file.read_text()

    @property
    def state(self) -> dict[str, Any]:
        (path,) = self.runtime.glob("kull-sync/dev-*/state.json")
        state: dict[str, Any] = json.loads(path.read_text())
        return state

    def children(self) -> dict[str, int]:
        """Process ids by the program's name."""
        found = {}
        for stat in Path("/proc").glob("[0-9]*/stat"):
            try:
                parent = int(stat.read_text().rpartition(")")[2].split()[1])
                command = (stat.parent / "cmdline").read_bytes().split(b"\0")
            except (FileNotFoundError, ProcessLookupError):
                continue
            if parent == self.process.pid:
                names = {b"uvicorn": "functions", b"mqtt_bridge.bridge_process": "bridge"}
                found[names.get(b"".join(command[3:4]), "broker")] = int(stat.parent.name)
        return found

    def end(self, number: int = signal.SIGINT) -> int:
        """Signal it, and return its exit status."""
        self.process.send_signal(number)
        return self.process.wait(PATIENCE)

    def leftovers(self) -> list[Path]:
        """Every file that is still there."""
        return [path for path in self.runtime.rglob("*") if path.is_file()] if self.runtime.exists() else []

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait(PATIENCE)


def clean_environment() -> dict[str, str]:
    """This process's, without what would change how the command behaves."""
    return {name: value for name, value in os.environ.items() if not name.startswith("KULL_SYNC_")}


def wait_for(condition: Any) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.05)


def alive(pid: int) -> bool:
    """Whether a process runs; one that ended and was not yet waited for does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False
