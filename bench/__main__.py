"""Measure kull-sync against its peers: tables on stdout, JSON and plots in ``bench/results``.

python -m bench                                           everything, which takes a good hour
python -m bench cpu latency --peers ours,node --rounds 3  some of it
python -m bench --short                                   does all of it run? Says nothing about speed
"""

import argparse
import os
import resource
import shutil
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from . import plots, report
from .measure import cold, connect, cpu, fanout, latency, memory
from .measure.context import Context
from .peers.base import Peer
from .peers.centrifugo import Centrifugo
from .peers.fastapi_memory import FastApiInMemory
from .peers.floor import Floor
from .peers.mosquitto import Mosquitto
from .peers.node_servers import Seed, SocketIo
from .peers.ours import Ours
from .processes import CORES, BenchError
from .rounds import Result

RESULTS = Path(__file__).parent / "results"
BUSY = 2.0
"""Load average above which something else took part: servers and load generator make less."""

MEASUREMENTS: dict[str, Callable[[Context], Result]] = {
    "cpu": cpu.measure,
    "latency": latency.measure,
    "fanout": fanout.measure,
    "memory": memory.measure,
    "cold": cold.measure,
    "connect": connect.measure,
}
FAMILIES = ("ours", "node", "socketio", "fastapi", "centrifugo", "floor")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command. Returns its exit status: 1 when something could not be measured."""
    options = _parser().parse_args(arguments)
    unknown = set(options.measurements) - set(MEASUREMENTS)
    if unknown:
        _parser().error(f"there is no measurement {', '.join(sorted(unknown))}")
    try:
        mosquittos = _mosquittos(options.mosquitto, options.sqlite_store)
        peers, skipped = _peers(options.peers.split(","), mosquittos, install=not options.short)
    except BenchError as exc:
        print(f"bench: {exc}", file=sys.stderr)
        return 1
    # Ten thousand connections need as many descriptors, here and in the servers.
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    rounds = options.rounds or (1 if options.short else 5)
    context = Context(peers, mosquittos, rounds, options.short, _say)
    _introduce(context, skipped)

    results: list[Result] = []
    failed = False
    for name in options.measurements or MEASUREMENTS:
        try:
            result = MEASUREMENTS[name](context)
        except BenchError as exc:
            failed = True
            print(f"bench: {name} cannot run: {exc}", file=sys.stderr)
            continue
        if (load := os.getloadavg()[0]) > BUSY:
            result.note(
                f"Load average {load:.1f} at the end: other work disturbed this, above all times and p99."
            )
        results.append(result)
        print("\n" + report.table(result), flush=True)
    _write(options.output, results, peers, skipped)
    return 1 if failed else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m bench", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("measurements", nargs="*", help=f"of {', '.join(MEASUREMENTS)}; default: all")
    parser.add_argument("--peers", default=",".join(FAMILIES), help="default: %(default)s")
    parser.add_argument("--rounds", type=int, help="default: 5, with --short 1")
    parser.add_argument("--short", action="store_true", help="see that it runs, in a few seconds a table")
    parser.add_argument(
        "--mosquitto",
        action="append",
        type=Path,
        default=[],
        metavar="PATH",
        help="another Mosquitto beside the installed one; may be repeated",
    )
    parser.add_argument(
        "--sqlite-store", type=Path, metavar="PATH", help="mosquitto_persist_sqlite.so of a 2.1 named above"
    )
    parser.add_argument(
        "--output", type=Path, default=RESULTS, metavar="DIRECTORY", help="default: bench/results"
    )
    return parser


def _mosquittos(further: Sequence[Path], sqlite_store: Path | None) -> list[Mosquitto]:
    installed = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin")
    programs = [Path(installed)] if installed else []
    found = [Mosquitto.at(program, sqlite_store) for program in [*programs, *further]]
    if not found:
        raise BenchError("there is no Mosquitto: sudo apt-get install mosquitto")
    # The newest first; of one version only one.
    by_version = {mosquitto.minor: mosquitto for mosquitto in found}
    return [by_version[minor] for minor in sorted(by_version, reverse=True)]


def _peers(
    families: Sequence[str], mosquittos: Sequence[Mosquitto], *, install: bool
) -> tuple[list[Peer], dict[str, str]]:
    every: dict[str, list[Peer]] = {
        "ours": [Ours(mosquitto) for mosquitto in mosquittos],
        "node": [Seed()],
        "socketio": [SocketIo()],
        "fastapi": [FastApiInMemory()],
        "centrifugo": [Centrifugo(install=install)],
        "floor": [Floor(mosquitto) for mosquitto in mosquittos],
    }
    if unknown := set(families) - set(every):
        raise BenchError(f"there is no peer {', '.join(sorted(unknown))}; there are {', '.join(every)}")
    peers: list[Peer] = []
    skipped: dict[str, str] = {}
    for peer in (peer for family in families for peer in every[family]):
        if reason := peer.unavailable():
            skipped[peer.name] = reason
        else:
            peers.append(peer)
    return peers, skipped


def _introduce(context: Context, skipped: dict[str, str]) -> None:
    machine = report.machine()
    print(f"{machine['processor']}, {machine['cores']} cores, Linux {machine['kernel']}")
    print(f"Python {machine['python']}")
    print(f"Servers on core {CORES.servers}, load generator on core {CORES.loader}, {context.rounds} rounds")
    if CORES.shared:
        print("One core only: the load generator takes time from the servers, so the figures say little")
    if machine["load_average"] > 0.5:
        print(f"Something else is running here: load average {machine['load_average']:.1f}")
    if len(context.mosquittos) == 1:
        print(f"Only {context.mosquittos[0].label} is measured: no other was found or named with --mosquitto")
    for peer in context.peers:
        for note in peer.notes():
            print(note)
    for name, reason in skipped.items():
        print(f"Skipped {name}: {reason}")
    sys.stdout.flush()


def _say(text: str) -> None:
    print(f"  {text}", file=sys.stderr, flush=True)


def _write(output: Path, results: Sequence[Result], peers: Sequence[Peer], skipped: dict[str, str]) -> None:
    output.mkdir(parents=True, exist_ok=True)
    content = report.as_json(results, peers=[peer.name for peer in peers], skipped=skipped)
    report.write_json(output / "results.json", content)
    written = [output / "results.json"]
    try:
        written += plots.draw(results, output)
    except BenchError as exc:
        print(f"\nNo plots: {exc}")
    print("\nWritten: " + ", ".join(map(str, written)))


if __name__ == "__main__":
    sys.exit(main())
