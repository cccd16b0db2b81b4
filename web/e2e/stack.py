"""Broker, functions and a bridge worker for the browser tests, told what to do on standard input.

    python -m web.e2e.stack ws://127.0.0.1:9999/mqtt process

The URL is where devices are told to connect: a proxy of the tests. The broker is this machine's Mosquitto, as
a ``process``, or our image, as a ``container``.

Says one line of JSON once all answers, then ``done`` after each order that it was given: ``kill-broker``
(SIGKILL), ``start-broker``, ``pause-broker``, ``resume-broker``. The line is ``{"skipped": "why"}`` when
there is no Docker engine for the container; where KULL_SYNC_REQUIRE_CONTAINER is 1 that is an error. It ends,
with everything that it started, at the end of its input: also when the tests were killed.
"""

import json
import os
import secrets
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from contextlib import ExitStack
from pathlib import Path

import pytest

from mqtt_bridge.cli.token import AppAuth
from mqtt_bridge.local_broker import HOST, LocalBroker, free_port
from mqtt_bridge.rights import functions_rights
from mqtt_bridge.tokens import SigningKey, mint, write_jwks
from tests.broker.conftest import Control
from tests.broker.container import ContainerBroker, built_image

READY_TIMEOUT = 30.0
"""Seconds."""


def start(command: list[str], environment: dict[str, str], stack: ExitStack, *, ready: str) -> None:
    """Start a process that ends with ``stack``, and return once this URL answers 200."""
    process = subprocess.Popen(
        command, env=os.environ | environment, stdin=subprocess.DEVNULL, stdout=sys.stderr, process_group=0
    )

    def end() -> None:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    stack.callback(end)
    deadline = time.monotonic() + READY_TIMEOUT
    while True:
        try:
            with urllib.request.urlopen(ready, timeout=5):  # noqa: S310  # of this machine
                return
        except (urllib.error.URLError, OSError):
            if time.monotonic() > deadline or process.poll() is not None:
                raise
            time.sleep(0.05)


def say(line: str) -> None:
    """Tell the tests."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def complain(line: str) -> None:
    """Tell who looks into why the tests failed."""
    sys.stderr.write(f"{line}\n")


def make_broker(form: str, directory: Path, jwks_file: Path) -> Control:
    """A broker that has not been started. Raises what pytest skips by when a container has no engine."""
    if form == "container":
        return ContainerBroker(built_image(directory), jwks_file=jwks_file, log=complain)
    return LocalBroker(directory / "broker", jwks_file=jwks_file)


def main(public_url: str, form: str) -> None:
    with ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="kull-sync-e2e-")))
        key = SigningKey.generate()
        # In a directory of their own: a container has it mounted.
        jwks_file = directory / "keys" / "jwks.json"
        jwks_file.parent.mkdir()
        write_jwks(jwks_file, key)
        try:
            broker = stack.enter_context(make_broker(form, directory, jwks_file))
        except pytest.skip.Exception as exc:
            say(json.dumps({"skipped": exc.msg}))
            return
        auth = AppAuth("e2e", "e2e", secrets.token_urlsafe(32))
        port, metrics_port = free_port(), free_port()
        url = f"http://{HOST}:{port}"
        broker_url = f"mqtt://{HOST}:{broker.tcp_port}"
        start(
            [sys.executable, "-m", "uvicorn", "functions.app:app", "--host", HOST, "--port", str(port)],
            {
                "KULL_SYNC_BROKER_URL": broker_url,
                "KULL_SYNC_PUBLIC_BROKER_URLS": public_url,
                "KULL_SYNC_SIGNING_KEY": key.to_pem(),
                "KULL_SYNC_AUTH_ISSUER": auth.issuer,
                "KULL_SYNC_AUTH_AUDIENCE": auth.audience,
                "KULL_SYNC_AUTH_ALGORITHMS": "HS256",
                "KULL_SYNC_AUTH_SECRET": auth.secret,
            },
            stack,
            ready=f"{url}/api/sync/status",
        )
        start(
            [str(Path(sys.executable).with_name("kull-sync")), "bridge", "--worker", "0/1"],
            {
                "KULL_SYNC_API_URL": url,
                "KULL_SYNC_SERVICE_TOKEN": auth.mint("bridge", scopes=("sync:session", "sync:bridge")),
                "KULL_SYNC_BROKER_URL": broker_url,
                "KULL_SYNC_METRICS_PORT": str(metrics_port),
            },
            stack,
            ready=f"http://{HOST}:{metrics_port}/readyz",
        )
        callers = {"issuer": auth.issuer, "audience": auth.audience, "secret": auth.secret}
        publisher = mint(key, principal="$functions", device="e2e", rights=functions_rights("e2e"))
        ports = {"wsPort": broker.ws_port, "tcpPort": broker.tcp_port}
        say(json.dumps({"url": url, **ports, "auth": callers, "publisherToken": publisher}))
        orders = {
            "kill-broker": broker.kill,
            "start-broker": broker.start,
            "pause-broker": broker.pause,
            "resume-broker": broker.resume,
        }
        for line in sys.stdin:
            orders[line.strip()]()
            say("done")


if __name__ == "__main__":
    main(*sys.argv[1:])
