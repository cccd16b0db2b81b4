"""Importing a handler leaves nothing behind that copies of one snapshot must not share (Lambda SnapStart)."""

import json
import subprocess
import sys

import pytest

from infra.aws import lambda_zip
from infra.aws.lambda_zip import ROOT

LOOK = """
import importlib, json, os, sys
done = []
def hook(event, arguments):
    if event.startswith(("socket.", "subprocess.", "_thread.start")) or event in ("os.fork", "asyncio.start"):
        done.append(event)
sys.addaudithook(hook)
module = importlib.import_module(sys.argv[1])
def simple(value):
    if isinstance(value, (set, frozenset)):
        return sorted(map(repr, value))
    if isinstance(value, (str, bytes, int, float, tuple, list, dict)):
        return repr(value)
state = {}
for name, loaded in sorted(sys.modules.items()):
    if name.partition(".")[0] in ("functions", "mqtt_bridge"):
        for key, value in vars(loaded).items():
            if not key.startswith("__") and " at 0x" not in (text := str(simple(value))):
                state[f"{name}.{key}"] = text
import gc, socket
sockets = [each for each in gc.get_objects() if isinstance(each, socket.socket)]
print(json.dumps({"done": done, "sockets": len(sockets), "state": state}))
"""


def imported(handler: str, seed: str) -> dict[str, object]:
    done = subprocess.run(
        [sys.executable, "-c", LOOK, handler],
        env={"PYTHONHASHSEED": seed},
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    result: dict[str, object] = json.loads(done.stdout)
    return result


@pytest.mark.parametrize("handler", ["functions.app", "functions.credit_update"])
def test_import_leaves_nothing_that_copies_must_not_share(handler: str) -> None:
    """No socket, no thread and no process; and nothing random: another process holds the same values.

    The broker cuts the older of two connections with one client id: copies of a snapshot with an id made at
    import would push each other out, again and again.
    """
    one, other = imported(handler, "1"), imported(handler, "2")

    assert one["done"] == []
    assert one["sockets"] == 0
    assert one["state"]
    assert one["state"] == other["state"]


def test_all_other_handlers_are_imported_with_the_app() -> None:
    """So that looking at the app is looking at them."""
    code = "import sys, functions.app; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60)

    assert set(lambda_zip.handlers()) <= set(done.stdout.split())
