"""The functions and bridge workers as processes of their own, for tests that kill them."""

import asyncio
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from mqtt_bridge.settings import PREFIX
from tests.functions import callers

from .bridge import eventually, url_of
from .conftest import TestBroker
from .link import PATIENCE

ROOT = Path(__file__).parents[2]
KULL_SYNC = Path(sys.executable).with_name("kull-sync")


def environment(**settings: Any) -> dict[str, str]:
    """This process's, with these settings and no others."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}
    return clean | {PREFIX + name.upper(): str(value) for name, value in settings.items()}


def service_token(scope: str = "sync:session sync:bridge") -> str:
    return callers.token("bridge", scope)


@contextmanager
def functions(broker: TestBroker, directory: Path) -> Iterator[str]:
    """The functions under uvicorn; their base URL."""
    with socket.socket() as bound:
        # Bound and listening beforehand, so that requests wait until they are served.
        bound.bind(("127.0.0.1", 0))
        bound.listen()
        port = bound.getsockname()[1]
        with (directory / "functions.log").open("w") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "uvicorn", "functions.app:app", "--fd", str(bound.fileno())],
                cwd=ROOT,
                env=environment(
                    broker_url=url_of(broker),
                    public_broker_urls=f"{url_of(broker)},ws://{broker.control.host}:{broker.control.ws_port}",
                    signing_key=broker.key.to_pem(),
                    auth_issuer=callers.ISSUER,
                    auth_audience=callers.AUDIENCE,
                    auth_algorithms="HS256",
                    auth_secret=callers.SECRET,
                ),
                pass_fds=[bound.fileno()],
                stdout=log,
                stderr=log,
            )
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(PATIENCE)


class BridgeProcess:
    """``kull-sync bridge``, with its log in a file."""

    def __init__(self, directory: Path, number: str, **settings: Any) -> None:
        self.number = number
        self._log = directory / f"worker-{number.replace('/', '-of-')}.log"
        self._settings = {"metrics_port": 0, "log_level": "DEBUG"} | settings
        self._process: subprocess.Popen[bytes] | None = None
        self._started_at = 0

    def start(self) -> None:
        with self._log.open("a") as log:
            self._started_at = log.tell()
            self._process = subprocess.Popen(
                [KULL_SYNC, "bridge", "--worker", self.number],
                env=environment(**self._settings),
                stdout=log,
                stderr=log,
            )

    @property
    def process(self) -> subprocess.Popen[bytes]:
        assert self._process is not None
        return self._process

    @property
    def log(self) -> str:
        return self._log.read_text()

    def kill(self) -> None:
        """SIGKILL, and wait until it is gone."""
        self.process.kill()
        self.process.wait(PATIENCE)

    def end(self) -> int:
        """SIGTERM; the exit status."""
        self.process.terminate()
        return self.process.wait(PATIENCE)

    async def port(self) -> int:
        """Of its metrics, as its log says since the last start."""

        def named() -> int | None:
            for line in self.log[self._started_at :].splitlines():
                if "metrics on 127.0.0.1:" in line:
                    return int(line.partition("metrics on 127.0.0.1:")[2].split('"')[0])
            return None

        found: int = await eventually(named)
        return found

    async def until_ready(self) -> None:
        """Wait until it serves."""
        url = f"http://127.0.0.1:{await self.port()}/readyz"
        deadline = time.monotonic() + PATIENCE
        async with httpx.AsyncClient() as http:
            while (await http.get(url)).status_code != 200:
                assert time.monotonic() < deadline, self.log
                await asyncio.sleep(0.05)
