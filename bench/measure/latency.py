"""How long until the last of a user's three devices has it?

Posts go out at a fixed rate, whether or not earlier ones were answered, and each is timed from when it was
due: a server that stalls is charged for all that had to wait (no coordinated omission). Ten users, three
devices each.
"""

import contextlib
import statistics
from collections.abc import Sequence
from functools import partial

from bench.peers.base import Peer
from bench.rounds import Metric, Result, Sample, take_turns

from .context import Context, Loaded, judge, loaded

RATES = (50, 500)
"""Posts per second."""
USERS = 10
DEVICES = 3
CONNECTIONS = 32
PERCENTILES = (50, 95, 99)
METRICS = tuple(
    Metric(f"p{percent}_{rate}", f"p{percent} at {rate}/s", "ms", 2)
    for rate in RATES
    for percent in PERCENTILES
)


def percentile(values: Sequence[float], percent: float) -> float:
    """The smallest value that is not below ``percent`` per cent of them."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))]


def measure(context: Context) -> Result:
    """Time from a POST to the last of three devices."""
    seconds = 0.5 if context.short else 10.0
    result = Result("latency", f"POST to the last of {DEVICES} devices, open loop", METRICS)
    with contextlib.ExitStack() as stack:
        turns = {}
        for peer in context.peers:
            context.say(f"latency: starting {peer.title}")
            ready = stack.enter_context(loaded(peer, users=USERS, devices=DEVICES, publishers=CONNECTIONS))
            # Compilers and caches of the servers get warm: what is told is the long run.
            ready.loader.closed(200 if context.short else 4000, deliveries=ready.deliveries)
            result.titles[peer.name] = peer.title
            turns[peer.name] = partial(_round, result, peer, ready, seconds)
        take_turns(result, turns, rounds=context.rounds, say=context.say)
    return result


def _round(result: Result, peer: Peer, ready: Loaded, seconds: float) -> Sample:
    sample: dict[str, float] = {}
    for rate in RATES:
        load = ready.loader.open(rate, int(rate * seconds), deliveries=ready.deliveries)
        judge(result, peer, load)
        times = [time / 1000 for time in load.delivery_us if time is not None]
        sample |= {f"p{percent}_{rate}": percentile(times, percent) for percent in PERCENTILES}
        sample[f"mean_{rate}"] = statistics.fmean(times)
        sample[f"late_p99_{rate}"] = percentile(load.late_us, 99) / 1000
    return sample
