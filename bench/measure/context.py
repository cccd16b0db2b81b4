"""What every measurement is given, and how it connects a load to a server."""

import contextlib
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench import workload
from bench.loader import Load, Loader, loader
from bench.peers.base import Peer, Server
from bench.peers.mosquitto import Mosquitto
from bench.processes import BenchError
from bench.rounds import Result


@dataclass(frozen=True, slots=True)
class Context:
    """Whom to measure, and for how long."""

    peers: Sequence[Peer]
    mosquittos: Sequence[Mosquitto]
    rounds: int
    short: bool
    """A few seconds for each table: enough to see that all of it runs, not to tell anything apart."""
    say: Callable[[str], None]
    """Tells where the work is."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """A server, and a load generator that is connected to it."""

    server: Server
    loader: Loader
    deliveries: int
    """How many subscribers each request reaches."""


@contextlib.contextmanager
def directory() -> Iterator[Path]:
    """For files of servers, removed afterwards."""
    with tempfile.TemporaryDirectory(prefix="kull-sync-bench-") as name:
        yield Path(name)


@contextlib.contextmanager
def loaded(peer: Peer, *, users: int, devices: int, publishers: int) -> Iterator[Loaded]:
    """A server with all devices subscribed and all publishers connected."""
    with directory() as files, peer.running(files) as server, loader() as generator:
        names = workload.users(users)
        generator.prepare(
            server.protocol,
            [server.subscriber(user, workload.device(number)) for user in names for number in range(devices)],
            [server.publisher(number) for number in range(publishers)],
            [server.request(user) for user in names],
        )
        try:
            generator.connect()
        except BenchError as exc:
            raise BenchError(f"{peer.title}: {exc}") from exc
        yield Loaded(server, generator, devices)


def judge(result: Result, peer: Peer, load: Load) -> None:
    """Note what makes a run doubtful."""
    if load.limited_by_loader:
        result.note(
            f"{peer.title}: the load generator was the bottleneck ({load.loader_share:.0%} of its core)."
        )
    if load.missing:
        result.note(f"{peer.title}: {load.missing} deliveries of {load.count} requests did not come.")
