"""``kull-sync dev``: broker, functions, demo and a bridge worker, with keys that live as long as they do."""

import asyncio
import os
import secrets
import signal
import sys
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any, Literal, NoReturn

import httpx
import typer

from mqtt_bridge.errors import BridgeError
from mqtt_bridge.settings import Settings
from mqtt_bridge.tokens import SigningKey, write_jwks

from .banner import show_banner
from .broker_process import BrokerProcess, container_broker, local_broker
from .children import ChildEndedError, Children
from .errors import fail
from .log import MergedLog
from .ports import DEFAULT_PORTS, LOOPBACK, choose_ports
from .running import RunningDev, dev_directory, remove_state, write_private, write_state
from .signals import UntilSignal
from .token import ALGORITHM, AppAuth

ISSUER = "kull-sync-dev"
AUDIENCE = "kull-sync-dev"
READY_TIMEOUT = 30.0
"""Seconds that broker and functions each have until they answer."""

Port = int | None


class NotReadyError(BridgeError):
    """Something was started and does not answer."""


@dataclass(frozen=True, slots=True)
class _Plan:
    """All that is settled before the first process starts."""

    directory: Path
    ports: dict[str, int]
    broker: BrokerProcess
    signing_key_file: Path
    auth_secret: str

    @property
    def url(self) -> str:
        return f"http://{LOOPBACK}:{self.ports['http']}"

    @property
    def mqtt_url(self) -> str:
        return f"mqtt://{LOOPBACK}:{self.ports['mqtt']}"

    @property
    def ws_url(self) -> str:
        return f"ws://{LOOPBACK}:{self.ports['ws']}/mqtt"


def _port_option(use: str, help_text: str) -> Any:
    return typer.Option(
        min=0, max=65_535, help=help_text, show_default=f"{DEFAULT_PORTS[use]}, else a free one"
    )


def dev(
    broker: Annotated[
        Literal["local", "container"],
        typer.Option(help="Debian's Mosquitto with the plugin built here, or our image through Docker."),
    ] = "local",
    http_port: Annotated[Port, _port_option("http", "Of the functions.")] = None,
    mqtt_port: Annotated[Port, _port_option("mqtt", "Of MQTT over TCP.")] = None,
    ws_port: Annotated[Port, _port_option("ws", "Of MQTT over WebSocket.")] = None,
) -> None:
    """Run broker, functions, bridge worker and demo until Ctrl-C, with fresh keys; nothing is left behind.

    Everything listens on loopback alone. While it runs, `token`, `session`, `publish` and `watch` find it by
    themselves. Settings of the functions may come from the environment, e.g. KULL_SYNC_KEEPALIVE=10.
    """
    log = MergedLog()
    # Until the processes are watched over, a signal has to leave through every `finally`.
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _exit_by_signal)
    try:
        with dev_directory() as directory:
            wanted = {"http": http_port, "mqtt": mqtt_port, "ws": ws_port, "metrics": 0}
            ports = choose_ports(wanted)
            for use, port in ports.items():
                if wanted[use] is None and port != DEFAULT_PORTS[use]:
                    log.say(f"Port {DEFAULT_PORTS[use]} is taken, so --{use}-port is {port}.", "yellow")
            plan = _prepare(directory, broker, ports)
            # The functions would refuse it too, but once the broker runs and in more lines.
            Settings.from_environment(_functions_environment(plan))
            if log.lost:
                raise typer.Exit(1)
            try:
                status = asyncio.run(_run(plan, log))
            finally:
                plan.broker.clean_up()
    except ChildEndedError as exc:
        log.last_lines(exc.name, exc.lines)
        fail(f"{exc}; everything else was ended too.")
    except KeyboardInterrupt:
        status = 128 + signal.SIGINT
    raise typer.Exit(status)


def _exit_by_signal(number: int, _frame: object) -> NoReturn:
    sys.exit(128 + number)


def _prepare(directory: Path, broker: str, ports: dict[str, int]) -> _Plan:
    key = SigningKey.generate()
    jwks_file = directory / "jwks.json"
    write_jwks(jwks_file, key)
    signing_key_file = directory / "signing-key.pem"
    write_private(signing_key_file, key.to_pem())
    if broker == "container":
        process = container_broker(jwks_file, mqtt_port=ports["mqtt"], ws_port=ports["ws"])
    else:
        process = local_broker(directory / "broker", jwks_file, mqtt_port=ports["mqtt"], ws_port=ports["ws"])
    return _Plan(directory, ports, process, signing_key_file, secrets.token_urlsafe(32))


async def _run(plan: _Plan, log: MergedLog) -> int:
    """Run everything until a signal ends it. Returns the exit status; raises BridgeError."""
    children = Children(log)
    until_signal = UntilSignal(again=children.kill)
    log.on_lost = lambda: until_signal.end(signal.SIGHUP)

    async def work() -> None:
        try:
            await _serve(plan, children, log)
        finally:
            remove_state(plan.directory)
            if until_signal.received is not None:
                log.say("Ending everything; Ctrl-C again does not wait for it.", "bold")
            await children.stop()

    return await until_signal.run(work())


async def _serve(plan: _Plan, children: Children, log: MergedLog) -> None:
    await children.start("broker", plan.broker.command, os.environ, on_our_death=plan.broker.on_our_death)
    await _until(_listens(plan.ports["mqtt"]), children, "The broker does not listen")
    await children.start("functions", _functions_command(plan), _functions_environment(plan))
    status = f"{plan.url}/api/sync/status"
    await _until(_answers(status), children, "The functions do not reach the broker")
    if find_spec("prometheus_client") is None:
        log.say("No bridge worker, which needs: pip install 'kull-sync[bridge]'", "yellow")
    else:
        await children.start("bridge", _BRIDGE_COMMAND, _bridge_environment(plan))
        ready = f"http://{LOOPBACK}:{plan.ports['metrics']}/readyz"
        await _until(_answers(ready), children, "The bridge worker does not reach the broker")
    running = RunningDev(
        pid=os.getpid(),
        started=time.time(),
        url=plan.url,
        auth_issuer=ISSUER,
        auth_audience=AUDIENCE,
        auth_secret=plan.auth_secret,
    )
    write_state(plan.directory, running)
    show_banner(log, running, plan.mqtt_url, plan.ws_url)
    await children.wait()


def _functions_command(plan: _Plan) -> list[str]:
    # Found without being imported: this package must not depend on it.
    found = find_spec("functions")
    if found is None or found.origin is None:
        raise NotReadyError("The functions are not installed: pip install 'kull-sync[cli,functions]'")
    # A directory of that name where the command was typed must not take its place: -P, and --app-dir first.
    command = [sys.executable, "-P", "-m", "uvicorn", "functions.demo:app"]
    command += ["--app-dir", str(Path(found.origin).parents[1]), "--host", LOOPBACK]
    command += ["--port", str(plan.ports["http"]), "--timeout-graceful-shutdown", "2"]
    command += ["--log-level", "warning", "--no-use-colors"]
    return command


def _functions_environment(plan: _Plan) -> dict[str, str]:
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(tuple(f"KULL_SYNC_{decided}" for decided in _DECIDED_HERE))
    }
    return {
        # Settings that a developer may want to try otherwise.
        "KULL_SYNC_LOG_FORMAT": "console",
        **kept,
        "KULL_SYNC_BROKER_URL": plan.mqtt_url,
        "KULL_SYNC_PUBLIC_BROKER_URLS": f"{plan.ws_url},{plan.mqtt_url}",
        "KULL_SYNC_SIGNING_KEY_FILE": str(plan.signing_key_file),
        "KULL_SYNC_AUTH_ISSUER": ISSUER,
        "KULL_SYNC_AUTH_AUDIENCE": AUDIENCE,
        "KULL_SYNC_AUTH_ALGORITHMS": ALGORITHM,
        "KULL_SYNC_AUTH_SECRET": plan.auth_secret,
        "KULL_SYNC_DEMO_URL": plan.url,
        "PYTHONUNBUFFERED": "1",
    }


_DECIDED_HERE = (
    "AUTH_",
    "BROKER_",
    "PUBLIC_BROKER_",
    "SIGNING_KEY",
    "TOKEN_ISSUER",
    "TOKEN_AUDIENCE",
    "DEMO_",
)
"""What broker, functions and demo must agree on."""


# -P: a directory of that name where the command was typed must not take its place.
_BRIDGE_COMMAND = [sys.executable, "-P", "-m", "mqtt_bridge.bridge_process"]


def _bridge_environment(plan: _Plan) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("KULL_SYNC_")}
    auth = AppAuth(ISSUER, AUDIENCE, plan.auth_secret)
    return {
        **kept,
        "KULL_SYNC_LOG_FORMAT": os.environ.get("KULL_SYNC_LOG_FORMAT", "console"),
        "KULL_SYNC_LOG_LEVEL": os.environ.get("KULL_SYNC_LOG_LEVEL", "INFO"),
        "KULL_SYNC_WORKER": "0/1",
        "KULL_SYNC_API_URL": plan.url,
        "KULL_SYNC_SERVICE_TOKEN": auth.mint("dev-bridge", scopes=_BRIDGE_SCOPES, lifetime=_BRIDGE_LIFETIME),
        "KULL_SYNC_BROKER_URL": plan.mqtt_url,
        "KULL_SYNC_METRICS_PORT": str(plan.ports["metrics"]),
        # The functions are on this machine, whatever proxy the others are behind.
        "NO_PROXY": ",".join(filter(None, (os.environ.get("NO_PROXY"), LOOPBACK))),
    }


_BRIDGE_SCOPES = ("sync:session", "sync:bridge")
_BRIDGE_LIFETIME = 366 * 24 * 3600
"""Seconds: longer than a ``dev`` runs."""


async def _until(ready: Callable[[], Awaitable[bool]], children: Children, otherwise: str) -> None:
    """Wait until it is ready. Raises ChildEndedError, or NotReadyError after ``READY_TIMEOUT``."""
    ending = asyncio.create_task(children.wait())
    try:
        async with asyncio.timeout(READY_TIMEOUT):
            while not await ready():
                await asyncio.wait({ending}, timeout=0.05)
                if ending.done():
                    await ending
    except TimeoutError as exc:
        raise NotReadyError(f"{otherwise} after {READY_TIMEOUT:g} s; see the log above.") from exc
    finally:
        ending.cancel()


def _listens(port: int) -> Callable[[], Awaitable[bool]]:
    async def ready() -> bool:
        try:
            _, writer = await asyncio.open_connection(LOOPBACK, port)
        except OSError:
            return False
        writer.close()
        return True

    return ready


def _answers(url: str) -> Callable[[], Awaitable[bool]]:
    async def ready() -> bool:
        async with httpx.AsyncClient(timeout=5, trust_env=False) as client:
            try:
                return (await client.get(url)).is_success
            except httpx.HTTPError:
                return False

    return ready
