"""infra/compose.yaml as its reader starts it: used from outside through TLS, and mended by itself."""

import asyncio
import contextlib
import os
import shutil
import signal
import ssl
import subprocess
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import jwt
import pytest

from infra.aws.lambda_zip import ROOT
from mqtt_bridge.client import SyncClient
from mqtt_bridge.errors import SessionUnavailableError
from mqtt_bridge.events import Event
from mqtt_bridge.local_broker import free_port
from mqtt_bridge.messages import CreditUpdateMessage, ShootProgress, ShootProgressMessage
from mqtt_bridge.session import SessionAnswer, SessionRequest
from mqtt_bridge.topics import shard
from tests.broker.container import require_engine, without_containers

PATIENCE = 60
"""Seconds for what must happen. A client may have waited long already before its next try to connect."""


class Stack:
    """The services of infra/compose.yaml under a project name and on ports of this test alone."""

    def __init__(self, command: list[str], keys: Path) -> None:
        self.project = f"kull-sync-test-{uuid.uuid4().hex[:8]}"
        self.https_port, self.mqtts_port = free_port(), free_port()
        self._containers: dict[str, str] = {}
        self._command = [*command, "-p", self.project, "-f", str(ROOT / "infra" / "compose.yaml")]
        self._environment = {name: text for name, text in os.environ.items() if "KULL_SYNC" not in name} | {
            "KULL_SYNC_KEYS": str(keys),
            "KULL_SYNC_HTTP_PORT": f"127.0.0.1:{free_port()}",
            "KULL_SYNC_HTTPS_PORT": f"127.0.0.1:{self.https_port}",
            "KULL_SYNC_MQTTS_PORT": f"127.0.0.1:{self.mqtts_port}",
            "KULL_SYNC_PUBLIC_PORT": str(self.https_port),
        }

    def compose(self, *arguments: str, timeout: float = 60, check: bool = True) -> None:
        done = subprocess.run(
            [*self._command, *arguments],
            env=self._environment,
            capture_output=True,
            text=True,
            timeout=timeout,
            stdin=subprocess.DEVNULL,
        )
        assert done.returncode == 0 or not check, done.stdout + done.stderr

    def container(self, service: str) -> str:
        """The service's container; Docker itself is asked, which is far quicker than compose."""
        if service not in self._containers:
            labels = [f"label=com.docker.compose.project={self.project}"]
            labels += [f"label=com.docker.compose.service={service}"]
            filters = [option for label in labels for option in ("--filter", label)]
            self._containers[service] = docker("ps", "--all", "--quiet", *filters)
        return self._containers[service]

    def read(self, service: str, path: str) -> str:
        """A file as the service sees it: on this machine it belongs to the service's user."""
        return docker("exec", self.container(service), "cat", path)

    def inspect(self, service: str, what: str) -> str:
        return docker("inspect", "--format", what, self.container(service))

    def crash(self, service: str) -> None:
        """Kill the service's process as the kernel would; `docker kill` would count as a wish to stop it."""
        restarts = int(self.inspect(service, "{{.RestartCount}}"))
        os.kill(int(self.inspect(service, "{{.State.Pid}}")), signal.SIGKILL)
        deadline = time.monotonic() + PATIENCE
        while int(self.inspect(service, "{{.RestartCount}}")) == restarts:
            assert time.monotonic() < deadline, f"{service} was not started again"
            time.sleep(0.1)


def docker(*arguments: str) -> str:
    done = subprocess.run(["docker", *arguments], capture_output=True, text=True, timeout=30)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def compose_command() -> list[str]:
    """Docker's plugin, or Debian 12's program."""
    for command in (["docker", "compose"], ["docker-compose"]):
        if (
            shutil.which(command[0])
            and not subprocess.run([*command, "version"], capture_output=True, timeout=20).returncode
        ):
            return command
    return without_containers("there is neither `docker compose` nor docker-compose")


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[Stack]:
    require_engine()
    if os.geteuid() != 0:
        without_containers("killing the process in a container takes root")
    stack = Stack(compose_command(), tmp_path / "keys")
    try:
        stack.compose("up", "-d", "--build", timeout=500)
        yield stack
    finally:
        stack.compose("down", "--volumes", "--timeout", "5", check=False)


class App:
    """The app's backend and its devices, on the other side of the TLS front."""

    def __init__(self, stack: Stack, directory: Path) -> None:
        self.authority = directory / "authority.pem"
        self.authority.write_text(stack.read("front", "/etc/kull-sync/authority.pem"))
        self._secret = stack.read("functions", "/run/kull-sync/auth-secret")
        self._mqtts = f"mqtts://localhost:{stack.mqtts_port}"
        self.http = httpx.AsyncClient(
            base_url=f"https://localhost:{stack.https_port}",
            verify=ssl.create_default_context(cafile=str(self.authority)),
            timeout=10,
        )

    def bearer(self, subject: str, scope: str | None = None) -> dict[str, str]:
        claims = {"iss": "kull-sync-trial", "aud": "kull-sync", "sub": subject, "exp": time.time() + 3600}
        token = jwt.encode(claims | ({"scope": scope} if scope else {}), self._secret, algorithm="HS256")
        return {"Authorization": f"Bearer {token}"}

    async def post(self, route: str, body: dict[str, Any]) -> bool:
        """Whether the broker has it. What is on its way up again answers 502 to 504, or not at all."""
        with contextlib.suppress(httpx.TransportError):
            headers = self.bearer("shop", "sync:publish")
            answer = await self.http.post(f"/api/sync/{route}", json=body, headers=headers)
            assert answer.status_code in (202, 502, 503, 504), answer.text
            return answer.status_code == 202
        return False

    async def device(self, user: str, device: str, *, mqtts: bool = False) -> SyncClient:
        """A device, over WebSocket or plain MQTT; either ends its TLS at the front."""

        async def get_session(request: SessionRequest) -> SessionAnswer:
            answer = await self.http.post(
                "/api/sync/session",
                content=request.model_dump_json(),
                headers={**self.bearer(user), "Content-Type": "application/json"},
            )
            if answer.status_code != 200:
                raise SessionUnavailableError(f"{answer.status_code} {answer.text}")
            session = SessionAnswer.model_validate_json(answer.content)
            return session.model_copy(update={"urls": (self._mqtts,)}) if mqtts else session

        request = SessionRequest(user_id=user, device_id=device, name=device, platform="mac")
        return SyncClient(get_session, device=request, ca_file=self.authority)


@contextlib.asynccontextmanager
async def backend(stack: Stack, directory: Path) -> AsyncIterator[App]:
    app = App(stack, directory)
    async with app.http:
        yield app


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not await condition():
            await asyncio.sleep(0.2)


async def seen(device: SyncClient, wanted: Callable[[Any], bool]) -> None:
    """Return once the device is told a message like this."""
    async with asyncio.timeout(PATIENCE):
        async for event in device:
            if isinstance(event, Event) and wanted(event.message):
                return
    raise AssertionError("the device stopped")


def credits_of(balance: int) -> Callable[[Any], bool]:
    return lambda message: isinstance(message, CreditUpdateMessage) and message.data.new_balance == balance


def progress_of(count: int) -> Callable[[Any], bool]:
    return lambda message: isinstance(message, ShootProgressMessage) and message.data.processed_count == count


def user_of_worker(index: int) -> str:
    """A user that one of the two workers serves."""
    users = (f"user-{number}" for number in range(100))
    return next(user for user in users if int(shard(user), 16) % 2 == index)


async def report(device: SyncClient, count: int) -> None:
    """A device's own progress, until the bridge has taken it."""
    update = ShootProgress(shoot_id="wedding-17", status="processing", processed_count=count, total_count=9)
    async with asyncio.timeout(PATIENCE):
        assert await device.update_progress(update) == "acknowledged"


@pytest.mark.timeout(900)
async def test_everything_works_from_outside_and_comes_back_by_itself(stack: Stack, tmp_path: Path) -> None:
    """One command gives a working system behind TLS; a worker and the broker may die under it."""
    user = user_of_worker(1)

    async with backend(stack, tmp_path) as app:
        # One POST to two devices, each by another way in.
        await until(lambda: app.post("credit-update", credit(user, 1)))
        web = await app.device(user, "web")
        phone = await app.device(user, "phone", mqtts=True)
        async with web, phone:
            await seen(web, credits_of(1))
            await seen(phone, credits_of(1))
            assert await app.post("credit-update", credit(user, 2))
            await seen(web, credits_of(2))
            await seen(phone, credits_of(2))

            # From a device, through its worker, to the other; and again when the worker was killed.
            await report(phone, 1)
            await seen(web, progress_of(1))
            stack.crash("bridge-1")
            await report(phone, 2)
            await seen(web, progress_of(2))

            # The other worker's user has not noticed.
            async with await app.device(user_of_worker(0), "desk") as desk:
                await report(desk, 1)

            # As for new keys. Whoever was sent a signal by hand must still be started again.
            stack.compose("kill", "-s", "HUP", "broker")
            stack.crash("broker")
            await until(lambda: app.post("credit-update", credit(user, 3)))
            await seen(web, credits_of(3))
            await seen(phone, credits_of(3))

    for service in ("functions", "bridge-0", "bridge-1", "broker", "front"):
        # Docker's usual log grows until the disk is full.
        assert stack.inspect(service, "{{.HostConfig.LogConfig.Type}}") == "local", service
        assert stack.inspect(service, "{{.Config.User}}") not in ("", "0", "root"), service
        assert stack.inspect(service, "{{.State.Running}}") == "true", service


def credit(user: str, balance: int) -> dict[str, Any]:
    return {"userId": user, "newBalance": balance, "change": 1, "reason": "purchase"}
