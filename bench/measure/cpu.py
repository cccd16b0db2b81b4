"""What does a POST cost, and how many does one core carry?

All server processes share one core, the load comes from another. 32 connections post without a pause, each as
soon as it is answered, for ten users with one device each. The time on a CPU is the kernel's, of all server
processes together; the run ends when the last device has the last message.
"""

import contextlib
from functools import partial

from bench.peers.base import Peer
from bench.processes import cpu_seconds
from bench.rounds import Metric, Result, Sample, take_turns

from .context import Context, Loaded, judge, loaded

CONNECTIONS = 32
USERS = 10
METRICS = (
    Metric("cpu_us", "CPU per POST", "µs"),
    Metric("front_us", "of it HTTP process", "µs"),
    Metric("rate", "POST/s on one core", "1/s"),
    Metric("loader_share", "load generator", "% of its core"),
)


def measure(context: Context) -> Result:
    """CPU per POST, and POSTs per second on one core."""
    warm_up, seconds = (300, 0.5) if context.short else (4000, 4.0)
    result = Result("cpu", f"CPU per POST, one core, {CONNECTIONS} connections, closed loop", METRICS)
    with contextlib.ExitStack() as stack:
        turns = {}
        for peer in context.peers:
            context.say(f"cpu: starting {peer.title}")
            ready = stack.enter_context(loaded(peer, users=USERS, devices=1, publishers=CONNECTIONS))
            ready.loader.closed(warm_up // 2, deliveries=ready.deliveries)
            warm = ready.loader.closed(warm_up // 2, deliveries=ready.deliveries)
            count = max(CONNECTIONS, int(seconds * warm.count / warm.seconds))
            result.titles[peer.name] = peer.title
            turns[peer.name] = partial(_round, result, peer, ready, count)
        take_turns(result, turns, rounds=context.rounds, say=context.say)
    return result


def _round(result: Result, peer: Peer, ready: Loaded, count: int) -> Sample:
    pids = ready.server.pids
    before = [cpu_seconds([pid]) for pid in pids]
    load = ready.loader.closed(count, deliveries=ready.deliveries)
    spent = [cpu_seconds([pid]) - start for pid, start in zip(pids, before, strict=True)]
    judge(result, peer, load)
    sample = {
        "cpu_us": sum(spent) / count * 1e6,
        "rate": count / load.seconds,
        "loader_share": load.loader_share * 100,
    }
    if len(pids) > 1:
        sample["front_us"] = spent[0] / count * 1e6
    return sample
