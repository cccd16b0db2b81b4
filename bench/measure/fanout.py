"""How long until the last of a thousand subscribers has it, and what does it cost?

One user with a thousand devices; five posts a second, so that each finds the server idle.
"""

import contextlib
from functools import partial

from bench.peers.base import Peer
from bench.processes import cpu_seconds
from bench.rounds import Metric, Result, Sample, take_turns

from .context import Context, Loaded, judge, loaded
from .latency import percentile

SUBSCRIBERS = 1000
RATE = 5
"""Posts per second."""
METRICS = (
    Metric("p50", "to the last, p50", "ms", 1),
    Metric("p99", "p99", "ms", 1),
    Metric("cpu_us", "CPU per delivery", "µs", 1),
)


def measure(context: Context) -> Result:
    """Time and CPU of a POST that reaches a thousand devices."""
    subscribers, posts = (200, 5) if context.short else (SUBSCRIBERS, 50)
    result = Result("fanout", f"Fan-out of a POST to {subscribers:,} subscribers", METRICS)
    with contextlib.ExitStack() as stack:
        turns = {}
        for peer in context.peers:
            context.say(f"fanout: starting {peer.title}")
            ready = stack.enter_context(loaded(peer, users=1, devices=subscribers, publishers=4))
            ready.loader.open(RATE * 4, 5 if context.short else 40, deliveries=ready.deliveries)
            result.titles[peer.name] = peer.title
            turns[peer.name] = partial(_round, result, peer, ready, posts)
        take_turns(result, turns, rounds=context.rounds, say=context.say)
    return result


def _round(result: Result, peer: Peer, ready: Loaded, posts: int) -> Sample:
    before = cpu_seconds(ready.server.pids)
    load = ready.loader.open(RATE, posts, deliveries=ready.deliveries)
    spent = cpu_seconds(ready.server.pids) - before
    judge(result, peer, load)
    times = [time / 1000 for time in load.delivery_us if time is not None]
    return {
        "p50": percentile(times, 50),
        "p99": percentile(times, 99),
        "cpu_us": spent / (posts * ready.deliveries) * 1e6,
    }
