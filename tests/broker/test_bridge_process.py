"""``kull-sync bridge`` as a process: its exit statuses, its log, its port, and what SIGTERM does."""

import asyncio
import json
import socket
import subprocess
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from .bridge import Device
from .conftest import TestBroker
from .link import PATIENCE
from .processes import KULL_SYNC, BridgeProcess, environment, functions, service_token

EX_CONFIG = 78


@pytest.fixture(autouse=True)
async def _devices_end_with_their_test() -> AsyncIterator[None]:
    yield
    await Device.close_all()


@pytest.fixture
def api(broker: TestBroker, tmp_path: Path) -> Iterator[str]:
    with functions(broker, tmp_path) as url:
        yield url


def refused(**settings: Any) -> str:
    """What it says on stderr when it does not start."""
    done = subprocess.run(
        [KULL_SYNC, "bridge"],
        env=environment(**settings),
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert (done.returncode, done.stdout) == (EX_CONFIG, "")
    return done.stderr


class TestConfiguration:
    """What waiting cannot mend ends the process, with a status that says so, and each fault by its name."""

    def test_every_setting_that_is_wrong_is_named(self) -> None:
        said = refused(worker="2/2", service_token="canary", metrics_port="high").splitlines()

        assert sorted(line.partition(":")[0] for line in said) == [
            "KULL_SYNC_API_URL",
            "KULL_SYNC_METRICS_PORT",
            "KULL_SYNC_WORKER",
        ]
        assert "canary" not in str(said)

    def test_a_port_that_is_taken(self) -> None:
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            port = taken.getsockname()[1]
            said = refused(worker="0/1", api_url="http://127.0.0.1:1", service_token="t", metrics_port=port)
        assert "KULL_SYNC_METRICS_PORT: cannot listen on 127.0.0.1" in said

    @pytest.mark.parametrize(
        "token", ["nonsense", service_token("sync:session")], ids=["no token", "no scope"]
    )
    def test_a_service_token_that_the_functions_refuse(self, api: str, token: str) -> None:
        said = refused(worker="0/1", api_url=api, service_token=token, metrics_port=0)

        assert f"KULL_SYNC_SERVICE_TOKEN: {api} answered 40" in said
        assert token not in said


async def get(worker: BridgeProcess, path: str) -> httpx.Response:
    async with httpx.AsyncClient() as http:
        return await http.get(f"http://127.0.0.1:{await worker.port()}{path}")


async def test_it_serves_until_it_is_told_to_end(
    broker: TestBroker, api: str, tmp_path: Path, user: str
) -> None:
    """From the settings to the answer: session, broker, metrics, log, and SIGTERM."""
    token_file = tmp_path / "token"
    token_file.write_text(service_token())
    worker = BridgeProcess(tmp_path, "0/1", api_url=api, service_token_file=token_file)
    worker.start()
    try:
        await worker.until_ready()
        mac = await Device.online(broker, user)
        update = await mac.send(mac.update(current_image="canary.NEF"))
        await mac.acked(update.id)
        exposition = (await get(worker, "/metrics")).text
        assert (await get(worker, "/healthz")).status_code == 200
    finally:
        status = await asyncio.to_thread(worker.end)

    assert status == 0
    assert 'kull_sync_bridge_messages_total{outcome="published",type="UPDATE_PROGRESS"}' in exposition
    lines = [json.loads(line) for line in worker.log.splitlines()]
    (served,) = [line for line in lines if line.get("message_id") == update.id]
    assert (served["user"], served["device"], served["outcome"]) == (user, "mac", "published")
    assert lines[-1]["message"] == "Bridge worker 0/1 ended"
    assert "canary" not in worker.log
    assert token_file.read_text() not in worker.log


async def test_it_is_alive_and_not_ready_while_it_waits(tmp_path: Path) -> None:
    """A supervisor must not restart what only waits for the functions; SIGTERM ends the wait."""
    worker = BridgeProcess(tmp_path, "0/1", api_url="http://127.0.0.1:1", service_token="t")
    worker.start()
    try:
        assert (await get(worker, "/healthz")).status_code == 200
        assert (await get(worker, "/readyz")).status_code == 503
    finally:
        status = await asyncio.to_thread(worker.end)
    assert status == 0
