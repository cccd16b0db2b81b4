"""What does an idle WebSocket connection weigh, and what did it cost to connect?

Each device has a token of its own, three devices a user, subscribed to all that a device subscribes to. Told
is the growth of the servers' memory (of all processes, without that of files) divided by the connections;
memory of the kernel for sockets, alike for all, is not in it. Every round starts a fresh server.
"""

import resource
import time
from functools import partial

from bench import workload
from bench.loader import Loader, loader
from bench.peers.base import Peer, Server
from bench.processes import cpu_seconds, memory_bytes
from bench.rounds import Metric, Result, Sample, take_turns

from .context import Context, directory

SIZES = (2000, 10_000)
"""Connections."""
DEVICES_OF_A_USER = 3
SETTLE = 3.0
"""Seconds before memory is read: garbage collectors run when nothing else does."""
FIRST = 50
"""Connections before the first look."""
SPARE_DESCRIPTORS = 200


def measure(context: Context) -> Result:
    """Memory per idle connection."""
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    wanted = (100, 200) if context.short else SIZES
    sizes = [size for size in wanted if size + SPARE_DESCRIPTORS <= limit]
    metrics = [
        *(Metric(f"kb_{size}", f"per connection at {size:,}", "kB", 2) for size in sizes),
        Metric("connect_us", "CPU per connect", "µs"),
    ]
    result = Result("memory", "Memory per idle WebSocket connection, with a token", metrics)
    for size in set(wanted) - set(sizes):
        result.note(f"{size:,} connections are more than this machine allows (ulimit -n {limit}).")
    result.titles = {peer.name: peer.title for peer in context.peers if peer.over_websocket}
    turns = {
        peer.name: partial(_round, peer, sizes, 0.2 if context.short else SETTLE)
        for peer in context.peers
        if peer.over_websocket
    }
    take_turns(result, turns, rounds=context.rounds, say=context.say)
    return result


def _round(peer: Peer, sizes: list[int], settle: float) -> Sample:
    with directory() as files, peer.running(files) as server, loader() as generator:
        # What a server allocates once, at its first connections, is no part of what each costs.
        _connect(server, generator, range(FIRST))
        time.sleep(settle)
        before, spent = memory_bytes(server.pids), cpu_seconds(server.pids)
        sample: dict[str, float] = {}
        connected = FIRST
        for size in sizes:
            _connect(server, generator, range(connected, size))
            connected = size
            if "connect_us" not in sample:
                sample["connect_us"] = (cpu_seconds(server.pids) - spent) / (size - FIRST) * 1e6
            time.sleep(settle)
            sample[f"kb_{size}"] = (memory_bytes(server.pids) - before) / (size - FIRST) / 1000
        return sample


def _connect(server: Server, generator: Loader, numbers: range) -> None:
    subscribers = []
    for number in numbers:
        user, device = divmod(number, DEVICES_OF_A_USER)
        subscribers.append(server.subscriber(f"bench-{user}", workload.device(device)))
    generator.prepare(server.protocol, subscribers, [], [])
    generator.connect(parallel=64, timeout=240)
