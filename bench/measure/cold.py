"""How long from starting a process to its first answer, the connect to the broker included?

Each handler gets the same event (API Gateway, payload 2.0), checks the caller's JWT, connects to the broker,
publishes at QoS 1 and answers 202. Started on the servers' core, the broker on the other. The time that
Lambda takes to set up a sandbox is in none of them, and files are in the page cache.
"""

import contextlib
import json
import statistics
import subprocess
import time
from functools import partial
from pathlib import Path

from bench import workload
from bench.peers.cold_handlers import ColdHandler, node_handlers, python_handlers
from bench.peers.mosquitto import broker
from bench.peers.ours import functions_environment
from bench.processes import CORES, BenchError, starting_on
from bench.rounds import Metric, Result, Sample, take_turns
from mqtt_bridge import tokens
from mqtt_bridge.local_broker import LocalBroker
from mqtt_bridge.rights import functions_rights
from mqtt_bridge.topics import FUNCTIONS, client_id

from .context import Context, directory

STARTS = 5
"""Of each handler in a round, which counts their median."""
TIMEOUT = 30.0
"""Seconds that one start may take."""
DEVICE = "cold"


def measure(context: Context) -> Result:
    """Cold start to first answer."""
    result = Result(
        "cold",
        "Cold start to first answer, MQTT connect included",
        (Metric("ms", "spawn to answer", "ms", 1), Metric("cpu_ms", "CPU", "ms", 1)),
        reference="plain",
    )
    with directory() as files:
        context.say("cold: building")
        handlers = python_handlers(files)
        try:
            handlers += node_handlers(files)
        except BenchError as exc:
            result.note(f"No handler in Node: {exc}")
        key = tokens.SigningKey.generate()
        with broker(context.mosquittos[0], files / "broker", key, core=CORES.loader) as mosquitto:
            environment = _environment(mosquitto, key)
            event = json.dumps(_event()).encode()
            starts = 1 if context.short else STARTS
            turns = {each.name: partial(_round, each, environment, event, starts, files) for each in handlers}
            # The first start of each pays for reading its files from the disk.
            for turn in turns.values():
                turn()
            result.titles = {each.name: each.title for each in handlers}
            take_turns(result, turns, rounds=context.rounds, say=context.say)
    for other in ("node", "node-bundled"):
        if other in result.samples:
            ratio = (result.median("ours", "ms") or 0) / (result.median(other, "ms") or 1)
            result.note(f"kull-sync to {result.titles[other]}: x{ratio:.2f}")
    return result


def _round(
    handler: ColdHandler, environment: dict[str, str], event: bytes, starts: int, files: Path
) -> Sample:
    samples = [_start(handler, environment, event, files) for _ in range(starts)]
    return {name: statistics.median(sample[name] for sample in samples) for name in ("ms", "cpu_ms")}


def _start(handler: ColdHandler, environment: dict[str, str], event: bytes, files: Path) -> dict[str, float]:
    with (files / "handlers.log").open("wb") as log, starting_on(CORES.servers):
        started = time.monotonic()
        process = subprocess.Popen(
            handler.command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            env={**environment, **handler.environment},
            cwd=files,
        )
    assert process.stdin
    assert process.stdout
    try:
        process.stdin.write(event)
        process.stdin.close()
        answer = b"{}"
        # A handler may log lines of its own before.
        for line in process.stdout:
            if b'"statusCode"' in line:
                answer = line
                break
        took = time.monotonic() - started
        spent = _cpu_seconds(process.pid)
    finally:
        process.kill()
        process.wait(TIMEOUT)
        process.stdout.close()
    if json.loads(answer).get("statusCode") != 202:
        log_tail = (files / "handlers.log").read_text(errors="replace")[-1500:]
        raise BenchError(f"{handler.title} did not answer 202: {answer.decode()}\n{log_tail}")
    return {"ms": took * 1000, "cpu_ms": spent * 1000}


def _cpu_seconds(pid: int) -> float:
    total = 0
    for task in Path(f"/proc/{pid}/task").iterdir():
        with contextlib.suppress(OSError):
            total += int((task / "schedstat").read_text().split()[0])
    return total / 1e9


def _environment(mosquitto: LocalBroker, key: tokens.SigningKey) -> dict[str, str]:
    token = tokens.mint(key, principal=FUNCTIONS, device=DEVICE, rights=functions_rights(DEVICE))
    return {
        **functions_environment(mosquitto, key),
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "BENCH_SECRET": workload.SECRET,
        "BENCH_ISSUER": workload.ISSUER,
        "BENCH_AUDIENCE": workload.AUDIENCE,
        "BENCH_MQTT_HOST": mosquitto.host,
        "BENCH_MQTT_PORT": str(mosquitto.tcp_port),
        "BENCH_MQTT_CLIENT": client_id(FUNCTIONS, DEVICE),
        "BENCH_MQTT_USER": FUNCTIONS,
        "BENCH_MQTT_TOKEN": token,
    }


def _event() -> dict[str, object]:
    user = workload.users(1)[0]
    return {
        "version": "2.0",
        "routeKey": f"POST {workload.PATH}",
        "rawPath": workload.PATH,
        "rawQueryString": "",
        "headers": {
            "authorization": f"Bearer {workload.app_token(user)}",
            "content-type": "application/json",
            "host": "bench.execute-api.local",
        },
        "requestContext": {
            "accountId": "0",
            "apiId": "bench",
            "domainName": "bench.execute-api.local",
            "http": {
                "method": "POST",
                "path": workload.PATH,
                "protocol": "HTTP/1.1",
                "sourceIp": "127.0.0.1",
                "userAgent": "bench",
            },
            "requestId": "bench",
            "stage": "$default",
            "timeEpoch": int(time.time() * 1000),
        },
        "body": workload.body(user).decode(),
        "isBase64Encoded": False,
    }
