"""Bridge workers that are killed in the middle of their work."""

import uuid
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from .bridge import Device
from .conftest import TestBroker
from .processes import BridgeProcess, functions, service_token
from .uplink_run import run


@pytest.fixture(autouse=True)
async def _devices_end_with_their_test() -> AsyncIterator[None]:
    yield
    await Device.close_all()


async def test_killing_workers_loses_nothing(broker: TestBroker, tmp_path: Path) -> None:
    """What a device was told is taken has been seen by the others, in order; what comes twice has its id.

    `make soak` does the same at length.
    """
    with functions(broker, tmp_path) as url:
        workers = [
            BridgeProcess(tmp_path, number, api_url=url, service_token=service_token())
            for number in ("0/2", "1/2")
        ]
        try:
            for worker in workers:
                worker.start()
            for worker in workers:
                await worker.until_ready()
            report = await run(
                broker,
                workers,
                users=[f"user-{uuid.uuid4().hex[:16]}" for _ in range(8)],
                shoots_per_device=2,
                updates_per_shoot=20,
                kills=3,
            )
            for worker in workers:
                await worker.until_ready()
        finally:
            logs = [worker.log for worker in workers]
            statuses = [worker.end() for worker in workers]

    assert report.faults == []
    assert (report.updates, report.kills) == (8 * 2 * 2 * 20, 3)
    assert statuses == [0, 0], logs
