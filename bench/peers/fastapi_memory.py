"""FastAPI with WebSockets in memory, under uvicorn with the settings that ours has."""

import contextlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode

from bench import packages, workload
from bench.loader import Protocol, Publisher, Subscriber
from bench.processes import HOST, free_port, server_process

from .base import Peer, Server


class FastApiInMemory(Peer):
    """One process that answers HTTP and holds the WebSockets."""

    name = "fastapi"
    title = "FastAPI in memory"

    def unavailable(self) -> str | None:
        return packages.install()

    @contextlib.contextmanager
    def running(self, directory: Path) -> Iterator[Server]:
        port = free_port()
        # uvicorn needs a WebSocket library, which comes with the bench.
        path = os.pathsep.join([str(packages.ROOT), str(packages.PACKAGES)])
        environment = {
            "PYTHONPATH": path,
            "BENCH_SECRET": workload.SECRET,
            "BENCH_ISSUER": workload.ISSUER,
            "BENCH_AUDIENCE": workload.AUDIENCE,
        }
        command = [sys.executable, "-m", "uvicorn", "bench.peers.fastapi_app:app"]
        with server_process(
            [*command, "--host", HOST, "--port", str(port)],
            port=port,
            log=directory / "fastapi.log",
            environment=environment,
        ) as pid:
            yield Server(
                pids=[pid],
                protocol=Protocol(ready=b"CONNECTED"),
                subscriber=lambda user, _: Subscriber(port, _handshake(port, user), []),
                publisher=lambda _: Publisher(port),
                request=lambda user: workload.post(user, port),
            )


def _handshake(port: int, user: str) -> bytes:
    return workload.upgrade(port, "/ws?" + urlencode({"token": workload.app_token(user)}))
