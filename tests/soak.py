"""The bridge at length (``make soak``): 200 devices, 20,000 updates of 400 shoots, three workers killed."""

import asyncio
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

from mqtt_bridge.local_broker import LocalBroker
from mqtt_bridge.tokens import SigningKey, write_jwks

from .broker.bridge import Device
from .broker.conftest import TestBroker
from .broker.processes import BridgeProcess, functions, service_token
from .broker.uplink_run import Report, run

USERS = 100
TIME_LIMIT = 900.0
"""Seconds."""


async def soak(directory: Path) -> Report:
    """Run it on a broker of its own."""
    key = SigningKey.generate()
    jwks_file = directory / "jwks.json"
    write_jwks(jwks_file, key)
    with ExitStack() as stack:
        control = stack.enter_context(LocalBroker(directory / "broker", jwks_file=jwks_file))
        broker = TestBroker(control, key, jwks_file, [])
        url = stack.enter_context(functions(broker, directory))
        workers = [
            BridgeProcess(directory, number, api_url=url, service_token=service_token(), log_level="INFO")
            for number in ("0/2", "1/2")
        ]
        for worker in workers:
            worker.start()
            stack.callback(worker.end)
            await worker.until_ready()
        try:
            return await run(
                broker,
                workers,
                users=[f"user-{number}" for number in range(USERS)],
                shoots_per_device=2,
                updates_per_shoot=50,
                kills=3,
                time_limit=TIME_LIMIT,
            )
        finally:
            await Device.close_all()


def main() -> int:
    """Print what was counted and what was wrong; 1 when something was."""
    with tempfile.TemporaryDirectory(prefix="kull-sync-soak-") as directory:
        report = asyncio.run(soak(Path(directory)))
    print("\n".join([str(report), *report.faults]))  # noqa: T201  # the report
    return 1 if report.faults else 0


if __name__ == "__main__":
    sys.exit(main())
