"""The functions under uvicorn, as a process."""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from mqtt_bridge.settings import PREFIX

from .callers import PROGRESS, SHOOT_PROGRESS, user
from .test_aws import ENVIRONMENT

ROOT = Path(__file__).parents[2]


@contextmanager
def uvicorn(environment: dict[str, str]) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """A server on a port that was bound beforehand, so that requests wait until it listens."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        bound.listen()
        command = [sys.executable, "-m", "uvicorn", "functions.app:app", "--fd", str(bound.fileno())]
        clean = {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}
        process = subprocess.Popen(
            command,
            cwd=ROOT,
            env=clean | {PREFIX + name: value for name, value in environment.items()},
            pass_fds=[bound.fileno()],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        try:
            yield process, bound.getsockname()[1]
        finally:
            process.kill()
            process.communicate()


def test_a_server_answers_and_stops_cleanly() -> None:
    """One line per request, ours; the end is asked for by SIGTERM and is no failure."""
    with uvicorn(ENVIRONMENT | {"LOG_LEVEL": "INFO"}) as (process, port):
        url = f"http://127.0.0.1:{port}{SHOOT_PROGRESS}"
        # Nobody listens on the broker's port: not acknowledged, and within the time of two attempts.
        response = httpx.post(url, json=PROGRESS, headers=user(), timeout=30)
        process.terminate()
        out, err = process.communicate(timeout=30)

    assert response.status_code == 503
    assert response.headers["Retry-After"]
    assert out == ""
    lines = [json.loads(line) for line in err.splitlines() if line.startswith("{")]
    (request,) = (line for line in lines if line["logger"] == "functions.logs")
    assert (request["status"], request["problem"]) == (503, "not-acknowledged")
    assert err.count(SHOOT_PROGRESS) == 2  # the message and the route of that one line
    assert process.returncode in (0, -15)


@pytest.mark.parametrize(
    ("environment", "faults"),
    [
        pytest.param({}, ["BROKER_URL", "PUBLIC_BROKER_URLS", "SIGNING_KEY", "AUTH_ISSUER"], id="empty"),
        pytest.param(
            ENVIRONMENT | {"KEEPALIVE": "x", "BROKER_URL": "http://x"},
            ["KEEPALIVE", "BROKER_URL"],
            id="wrong",
        ),
    ],
)
def test_a_wrong_environment_ends_the_server(environment: dict[str, str], faults: list[str]) -> None:
    """At its start, with every fault named on stderr and no value repeated."""
    with uvicorn(environment) as (process, _):
        out, err = process.communicate(timeout=30)

    assert process.returncode not in (0, None)
    assert out == ""
    for fault in faults:
        assert f"  {PREFIX}{fault}: " in err
    assert "Traceback" not in err
    for secret in environment.values():
        if len(secret) > 20:
            assert secret not in err
