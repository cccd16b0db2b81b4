"""A picture of each measurement: bars of the medians, whiskers from the lowest to the highest round."""

from collections.abc import Sequence
from pathlib import Path

from . import packages
from .processes import BenchError
from .rounds import Metric, Result

OURS, OTHERS = "#0b6e4f", "#8a94a6"
HIDDEN = {"loader_share"}
"""About the measurement, not about the servers."""


def draw(results: Sequence[Result], directory: Path) -> list[Path]:
    """Write one PNG for each result. Raises BenchError when the packages cannot be had."""
    if reason := packages.use():
        raise BenchError(reason)
    from matplotlib.figure import Figure

    written = []
    for result in results:
        metrics = [
            metric for metric in result.metrics if metric.name not in HIDDEN and _measured(result, metric)
        ]
        if not metrics:
            continue
        columns = min(3, len(metrics))
        rows = -(-len(metrics) // columns)
        peers = list(result.samples)
        figure = Figure(figsize=(4.2 * columns + 1.5, (0.36 * len(peers) + 1.2) * rows), layout="constrained")
        figure.suptitle(result.title)
        axes = figure.subplots(rows, columns, squeeze=False, sharey=True)
        for place, metric in zip(axes.flat, metrics, strict=False):
            _bars(place, result, peers, metric)
        # Shared by all: the first peer on top.
        axes[0][0].invert_yaxis()
        for place in list(axes.flat)[len(metrics) :]:
            place.set_visible(False)
        path = directory / f"{result.name}.png"
        figure.savefig(path, dpi=120)
        written.append(path)
    return written


def _measured(result: Result, metric: Metric) -> bool:
    return any(result.values(peer, metric.name) for peer in result.samples)


def _bars(place: "object", result: Result, peers: Sequence[str], metric: Metric) -> None:
    from matplotlib.axes import Axes

    assert isinstance(place, Axes)
    for row, peer in enumerate(peers):
        values = result.values(peer, metric.name)
        median = result.median(peer, metric.name)
        if median is None:
            continue
        colour = OURS if peer.startswith(("ours", "token")) else OTHERS
        whiskers = [[max(0.0, median - min(values))], [max(0.0, max(values) - median)]]
        place.barh(row, median, xerr=whiskers, color=colour, error_kw={"elinewidth": 1, "capsize": 2})
        place.annotate(f" {median:,.{metric.digits}f}", (median, row), va="bottom", fontsize=7)
    place.set_yticks(range(len(peers)), [result.titles.get(peer, peer) for peer in peers], fontsize=8)
    place.set_title(f"{metric.title} ({metric.unit})", fontsize=9)
    place.tick_params(axis="x", labelsize=7)
    place.margins(x=0.12)
    place.spines[["top", "right"]].set_visible(False)
