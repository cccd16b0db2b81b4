"""Centrifugo: a WebSocket server in Go. Its HTTP API knows an API key and no JWT; devices bring a JWT."""

import contextlib
import json
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import jwt

from bench import workload
from bench.loader import Frame, Protocol, Publisher, Subscriber
from bench.packages import ROOT
from bench.processes import HOST, free_port, server_process

from .base import Peer, Server

MODULE = "github.com/centrifugal/centrifugo/v6@v6.9.1"
INSTALLED = ROOT / ".make/go"
INSTALL_TIMEOUT = 900.0
"""Seconds that fetching and compiling it may take."""
API_KEY = "bench-api-key"


@cache
def _program(install: bool) -> tuple[Path | None, str]:
    """Where it is, or why it is nowhere."""
    if found := shutil.which("centrifugo") or shutil.which("centrifugo", path=str(INSTALLED)):
        return Path(found), ""
    if not install:
        return None, "no `centrifugo` on PATH; only the full form installs it, which takes minutes"
    if (go := shutil.which("go")) is None:
        return None, "no `centrifugo` on PATH, and no Go to install it with"
    try:
        done = subprocess.run(
            [go, "install", MODULE],
            env={**os.environ, "GOBIN": str(INSTALLED)},
            capture_output=True,
            text=True,
            timeout=INSTALL_TIMEOUT,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return None, f"`go install {MODULE}` took over {INSTALL_TIMEOUT:.0f} s"
    if done.returncode:
        return None, f"`go install {MODULE}` failed: {' '.join(done.stderr.split())[:240]}"
    return INSTALLED / "centrifugo", ""


class Centrifugo(Peer):
    """One process; each user has a channel, to which the server subscribes its devices."""

    name = "centrifugo"
    title = "Centrifugo"

    def __init__(self, *, install: bool) -> None:
        self._install = install

    def unavailable(self) -> str | None:
        program, reason = _program(self._install)
        return None if program else reason

    def notes(self) -> list[str]:
        return ["Centrifugo checks an API key on each POST, not a JWT, and takes the message as it is."]

    @contextlib.contextmanager
    def running(self, directory: Path) -> Iterator[Server]:
        program, _ = _program(self._install)
        assert program
        port = free_port()
        configuration = directory / "centrifugo.json"
        configuration.write_text(
            json.dumps(
                {
                    "http_server": {"address": HOST, "port": port},
                    "http_api": {"key": API_KEY},
                    "client": {
                        "token": {
                            "hmac_secret_key": workload.SECRET,
                            "audience": workload.AUDIENCE,
                            "issuer": workload.ISSUER,
                        },
                        "allowed_origins": ["*"],
                    },
                    "log": {"level": "error"},
                    # Nothing of this leaves the machine.
                    "usage_stats": {"disabled": True},
                }
            )
        )
        with server_process(
            [program, "--config", configuration],
            port=port,
            log=directory / "centrifugo.log",
            # All peers have one core.
            environment={"GOMAXPROCS": "1"},
        ) as pid:
            yield Server(
                pids=[pid],
                # Without `id` and with nothing in it: the server's ping; the answer is the same.
                protocol=Protocol(ready=b'"connect":{', ping=b"{}", pong=Frame(b"{}", text=True)),
                subscriber=lambda user, _: _subscriber(port, user),
                publisher=lambda _: Publisher(port),
                request=lambda user: _request(port, user),
            )


def _channel(user: str) -> str:
    return f"user-{user}"


def _subscriber(port: int, user: str) -> Subscriber:
    now = int(time.time())
    claims = {
        "iss": workload.ISSUER,
        "aud": workload.AUDIENCE,
        "sub": user,
        "iat": now,
        "exp": now + 24 * 3600,
        # Subscribed by the server, as soon as the device is connected.
        "channels": [_channel(user)],
    }
    token = jwt.encode(claims, workload.SECRET, algorithm=workload.ALGORITHM)
    connect = json.dumps({"id": 1, "connect": {"token": token}}).encode()
    return Subscriber(port, workload.upgrade(port, "/connection/websocket"), [Frame(connect, text=True)])


def _request(port: int, user: str) -> bytes:
    publication = {"channel": _channel(user), "data": json.loads(workload.envelope(user))}
    payload = json.dumps(publication, separators=(",", ":")).encode()
    return workload.http_post(port, "/api/publish", payload, {"X-API-Key": API_KEY})
