"""Each function from the zip that is deployed, in an environment that has nothing else."""

import sys
import sysconfig
import zipfile
from pathlib import Path
from typing import Any

import pytest

from infra.aws import lambda_zip
from tests.broker.conftest import TestBroker
from tests.functions.callers import (
    BATCH_ROUTE,
    CREDIT_UPDATE,
    CREDITS,
    DEVICES,
    PROMPT_CHANGE,
    SESSION,
    SHOOT_PROGRESS,
    STATUS,
)

from .aws_events import request
from .environments import Environment, settings_of

RUNTIME = ("awslambdaric", "simplejson", "snapshot_restore_py.py", "runtime_client.*.so")
"""What Lambda brings along, in a directory of its own."""


@pytest.fixture(scope="module")
def task(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The zip for this machine and this Python, unpacked."""
    task = tmp_path_factory.mktemp("task")
    archive = tmp_path_factory.mktemp("zip") / "functions.zip"
    lambda_zip.build(archive, Path(sysconfig.get_path("platlib")), Path(sys.executable))
    with zipfile.ZipFile(archive) as packed:
        packed.extractall(task)
    return task


@pytest.fixture(scope="module")
def runtime(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The runtime and what it needs."""
    runtime = tmp_path_factory.mktemp("runtime")
    site = Path(sysconfig.get_path("platlib"))
    for pattern in RUNTIME:
        (found,) = site.glob(pattern)
        (runtime / found.name).symlink_to(found)
    return runtime


def requests(user: str) -> dict[str, tuple[dict[str, Any], int]]:
    """A good request for each function, and its answer's status."""
    progress = {"userId": user, "shootId": "s", "status": "queued", "processedCount": 0, "totalCount": 1}
    device = {"userId": user, "deviceId": "mac", "name": "Mac", "platform": "mac"}
    return {
        "session": (request("POST", SESSION, device), 200),
        "shoot_progress": (request("POST", SHOOT_PROGRESS, progress), 202),
        "credit_update": (request("POST", CREDIT_UPDATE, CREDITS | {"userId": user}), 202),
        "prompt_change": (request("POST", PROMPT_CHANGE, {"userId": user, "action": "updated"}), 202),
        "batch": (request("POST", BATCH_ROUTE, {"items": [{"type": "SHOOT_PROGRESS", **progress}]}), 200),
        "devices": (request("GET", DEVICES, query=f"userId={user}"), 200),
        "sign_out": (request("DELETE", f"{DEVICES}/mac", query=f"userId={user}"), 204),
        "erase_user": (request("DELETE", f"/api/sync/users/{user}"), 200),
        "status": (request("GET", STATUS), 200),
    }


@pytest.mark.parametrize("name", [*requests("nobody"), "app"])
def test_a_function_answers(
    broker: TestBroker, user: str, task: Path, runtime: Path, tmp_path: Path, name: str
) -> None:
    """Its handler under the real runtime, with the real broker; the one for all answers for all."""
    everything = requests(user)
    # -S: no packages but those of the zip and the runtime.
    command = (sys.executable, "-S", "-B", "-m", "awslambdaric")
    variables = settings_of(broker) | {"PYTHONPATH": str(runtime)}
    handler = f"functions.{name}.handler"
    with Environment(tmp_path, handler, variables, command=command, root=task) as environment:
        for event, status in everything.values() if name == "app" else [everything[name]]:
            answer = environment.invoke(event)

            assert answer.status == status, environment.log
        assert environment.count("Refused") == environment.count("Failed") == 0


def test_every_function_is_tried() -> None:
    """A new one joins the table above."""
    assert {f"functions.{name}" for name in (*requests("nobody"), "app")} == set(lambda_zip.handlers())
