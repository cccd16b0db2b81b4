"""The two Node servers in ``bench/peers/node``: the seed (express and ws) and Socket.IO."""

import contextlib
import json
import shutil
import subprocess
import sys
from abc import abstractmethod
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from urllib.parse import urlencode

from bench import workload
from bench.loader import Frame, Protocol, Publisher, Subscriber
from bench.processes import free_port, server_process

from .base import Peer, Server

SOURCES = Path(__file__).parent / "node"
INSTALL_TIMEOUT = 300.0
"""Seconds that ``npm ci`` may take."""


def node() -> Path | None:
    """Node as locked among the Python packages, else the machine's."""
    locked = Path(sys.executable).parent / "node"
    found = shutil.which("node")
    return locked if locked.exists() else Path(found) if found else None


@cache
def install() -> str | None:
    """Install the packages as locked, once. The reason when that cannot be done."""
    lock = SOURCES / "package-lock.json"
    stamp = SOURCES / "node_modules/.set-up"
    if stamp.exists() and stamp.stat().st_mtime >= lock.stat().st_mtime:
        return None
    if (program := node()) is None:
        return "there is no Node"
    npm = program.parent / "npm"
    command = [str(npm), "ci", "--no-audit", "--no-fund", "--loglevel=error"]
    path = f"{program.parent}:/usr/local/bin:/usr/bin:/bin"
    try:
        done = subprocess.run(
            ["env", f"PATH={path}", *command],
            cwd=SOURCES,
            capture_output=True,
            text=True,
            timeout=INSTALL_TIMEOUT,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return f"`npm ci` took over {INSTALL_TIMEOUT:.0f} s"
    if done.returncode:
        return f"`npm ci` failed: {' '.join(done.stderr.split())[-240:]}"
    stamp.touch()
    return None


class _NodePeer(Peer):
    script: str
    protocol: Protocol

    def unavailable(self) -> str | None:
        return install()

    @abstractmethod
    def subscriber(self, port: int, user: str) -> Subscriber:
        """A device of the user."""

    @contextlib.contextmanager
    def running(self, directory: Path) -> Iterator[Server]:
        program = node()
        assert program
        port = free_port()
        environment = {
            "PORT": str(port),
            # express is slower without.
            "NODE_ENV": "production",
            "BENCH_SECRET": workload.SECRET,
            "BENCH_ISSUER": workload.ISSUER,
            "BENCH_AUDIENCE": workload.AUDIENCE,
        }
        with server_process(
            [program, SOURCES / self.script], port=port, log=directory / "node.log", environment=environment
        ) as pid:
            yield Server(
                pids=[pid],
                protocol=self.protocol,
                subscriber=lambda user, _: self.subscriber(port, user),
                publisher=lambda _: Publisher(port),
                request=lambda user: workload.post(user, port),
            )


class Seed(_NodePeer):
    """express, ws, and a map in memory: what kull-sync replaces, and what ratios refer to."""

    name = "node"
    title = "Node express + ws"
    script = "seed.js"
    protocol = Protocol(ready=b"CONNECTED")

    def subscriber(self, port: int, user: str) -> Subscriber:
        query = urlencode({"token": workload.app_token(user)})
        return Subscriber(port, workload.upgrade(port, f"/ws?{query}"), [])


class SocketIo(_NodePeer):
    """Socket.IO over WebSocket alone, a room for each user."""

    name = "socketio"
    title = "Node Socket.IO"
    script = "socketio.js"
    # Engine.IO 4: "2" is the server's ping, "3" the answer; Socket.IO 5: "40" is CONNECT, "42" an event.
    protocol = Protocol(ready=b'42["ready"]', ping=b"2", pong=Frame(b"3", text=True))

    def subscriber(self, port: int, user: str) -> Subscriber:
        connect = "40" + json.dumps({"token": workload.app_token(user)})
        return Subscriber(
            port,
            workload.upgrade(port, "/socket.io/?EIO=4&transport=websocket"),
            [Frame(connect.encode(), text=True)],
        )
