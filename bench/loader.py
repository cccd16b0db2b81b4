"""Drives the load generator in ``bench/load``, which is C: it must cost less than any server."""

import contextlib
import json
import os
import select
import subprocess
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from .processes import CORES, BenchError, starting_on

SOURCES = Path(__file__).parent / "load"
BUILD = Path(__file__).parents[1] / ".make/load"
STALL = 10.0
"""Seconds without an answer or a delivery after which a run is given up."""
BUSY = 0.85
"""Share of its core above which the loader may have been what limited a run."""


@dataclass(frozen=True, slots=True)
class Frame:
    """A WebSocket message that a client sends."""

    payload: bytes
    text: bool = False

    def encoded(self) -> str:
        return ("t" if self.text else "b") + self.payload.hex()


@dataclass(frozen=True, slots=True)
class Protocol:
    """What is alike for all subscribers of a server."""

    ready: bytes
    """A subscriber that has read this is subscribed."""
    ping: bytes = b""
    """A message with this text ..."""
    pong: Frame | None = None
    """... is answered with this."""
    keepalive: Frame | None = None
    """Sent every 20 s by each subscriber."""

    def command(self) -> str:
        pong, keepalive = (frame.encoded() if frame else "-" for frame in (self.pong, self.keepalive))
        seconds = 20 if self.keepalive else 0
        return f"protocol {self.ready.hex()} {self.ping.hex() or '-'} {pong} {keepalive} {seconds}"


@dataclass(frozen=True, slots=True)
class Subscriber:
    """One device: how it connects, and what it says to be subscribed."""

    port: int
    handshake: bytes | None
    """The HTTP request that opens a WebSocket; None: plain MQTT."""
    opening: Sequence[Frame]

    def command(self) -> str:
        if self.handshake is None:
            return f"raw {self.port} {b''.join(frame.payload for frame in self.opening).hex()}"
        return " ".join(
            ["websocket", str(self.port), self.handshake.hex(), *(frame.encoded() for frame in self.opening)]
        )


@dataclass(frozen=True, slots=True)
class Publisher:
    """One connection that posts: HTTP, or MQTT with this CONNECT."""

    port: int
    connect: bytes | None = None

    def command(self) -> str:
        return f"http {self.port}" if self.connect is None else f"mqtt {self.port} {self.connect.hex()}"


@dataclass(frozen=True, slots=True)
class Load:
    """What a run brought. Times are microseconds from when a request was due; None: it never came."""

    count: int
    refused: int
    missing: int
    """Deliveries that did not come."""
    seconds: float
    loader_share: float
    """Of its core, that the loader took."""
    late_us: list[int] = field(repr=False)
    """How late the request was sent: by the loader itself, or for want of a free connection."""
    answer_us: list[int | None] = field(repr=False)
    delivery_us: list[int | None] = field(repr=False)
    """When the last subscriber had it."""

    @property
    def limited_by_loader(self) -> bool:
        return self.loader_share > BUSY

    @classmethod
    def of(cls, answer: dict[str, Any]) -> "Load":
        if answer["refused"] or answer["answered"] < answer["count"]:
            raise BenchError(
                f"Of {answer['count']} requests {answer['answered']} were answered,"
                f" {answer['refused']} of them with a refusal"
            )
        if answer["lost"]:
            raise BenchError(f"{answer['lost']} connections were lost")
        return cls(
            answer["count"],
            answer["refused"],
            answer["missing"],
            answer["seconds"],
            answer["loader_cpu_seconds"] / answer["seconds"],
            answer["late_us"],
            answer["answer_us"],
            answer["delivery_us"],
        )


@cache
def build() -> Path:
    """The load generator, compiled from these sources."""
    done = subprocess.run(
        ["make", "--silent", "-C", str(SOURCES), f"BUILD={BUILD}", "CC=gcc"],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    if done.returncode:
        raise BenchError(f"The load generator cannot be built:\n{done.stderr.strip()}")
    return BUILD / "loader"


class Loader:
    """A running load generator with its connections to one server."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process
        self._answers = b""

    def prepare(
        self,
        protocol: Protocol,
        subscribers: Sequence[Subscriber],
        publishers: Sequence[Publisher],
        requests: Sequence[bytes],
    ) -> None:
        """Say whom to connect and what to post; nothing is connected yet."""
        lines = [protocol.command()]
        lines += [subscriber.command() for subscriber in subscribers]
        lines += [publisher.command() for publisher in publishers]
        lines += [f"request {request.hex()}" for request in requests]
        self._write(lines)

    def connect(self, *, parallel: int = 16, timeout: float = 60.0) -> float:
        """Connect all, and return the seconds it took. Raises BenchError unless every one is ready."""
        answer = self._ask(f"connect {parallel} {timeout}", timeout)
        if answer["ready"] != answer["of"]:
            raise BenchError(f"Only {answer['ready']} of {answer['of']} connections became ready")
        return float(answer["seconds"])

    def closed(self, count: int, *, deliveries: int) -> Load:
        """Each publisher posts again as soon as it is answered, until ``count`` were posted."""
        return Load.of(self._ask(f"load {count} 0 {deliveries} {STALL}", 300.0))

    def open(self, rate: float, count: int, *, deliveries: int) -> Load:
        """Post at a fixed rate (a second), whether or not earlier posts were answered."""
        return Load.of(self._ask(f"load {count} {rate} {deliveries} {STALL}", count / rate + 300.0))

    def _write(self, lines: Sequence[str]) -> None:
        assert self._process.stdin
        try:
            self._process.stdin.write("".join(line + "\n" for line in lines).encode())
            self._process.stdin.flush()
        except BrokenPipeError as exc:
            raise BenchError("The load generator ended; see its message above") from exc

    def _ask(self, line: str, timeout: float) -> dict[str, Any]:
        assert self._process.stdout
        self._write([line])
        deadline = time.monotonic() + timeout + STALL + 5
        while b"\n" not in self._answers:
            ready, _, _ = select.select([self._process.stdout], [], [], max(0.0, deadline - time.monotonic()))
            if not ready:
                raise BenchError(f"The load generator did not answer within {timeout:g} s")
            if not (piece := os.read(self._process.stdout.fileno(), 1 << 20)):
                raise BenchError("The load generator ended; see its message above")
            self._answers += piece
        answer, _, self._answers = self._answers.partition(b"\n")
        decoded: dict[str, Any] = json.loads(answer)
        return decoded


@contextlib.contextmanager
def loader() -> Iterator[Loader]:
    """A load generator on its core, ended afterwards."""
    with starting_on(CORES.loader):
        process = subprocess.Popen([str(build())], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        yield Loader(process)
    finally:
        process.kill()
        process.communicate()
