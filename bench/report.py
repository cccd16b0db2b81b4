"""Results as tables on a terminal and as JSON."""

import json
import os
import platform
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from .processes import CORES
from .rounds import Result


def table(result: Result) -> str:
    """A row for each peer; under each metric the median, the spread over the rounds, the ratio."""
    metrics = [
        metric
        for metric in result.metrics
        if any(result.values(peer, metric.name) for peer in result.samples)
    ]
    rows = [["", *(f"{metric.title} ({metric.unit})" for metric in metrics)]]
    for peer, title in result.titles.items():
        if peer in result.samples:
            rows.append([title, *(_cell(result, peer, metric.name, metric.digits) for metric in metrics)])
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    rounds = max((len(samples) for samples in result.samples.values()), default=0)
    lines = [
        f"== {result.title}",
        f"   median of {rounds} rounds [lowest to highest] x ratio to {result.reference}",
    ]
    for row in rows:
        cells = [row[0].ljust(widths[0])]
        cells += [cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True)]
        lines.append("   ".join(cells).rstrip())
    lines += [f"   note: {note}" for note in result.notes]
    return "\n".join(lines)


def _cell(result: Result, peer: str, metric: str, digits: int) -> str:
    values = result.values(peer, metric)
    median = result.median(peer, metric)
    if median is None:
        return "-"
    text = f"{median:,.{digits}f}"
    if len(values) > 1:
        text += f" [{min(values):,.{digits}f} to {max(values):,.{digits}f}]"
    ratio = result.ratio(peer, metric)
    return text if ratio is None else f"{text} x{ratio:.2f}"


def as_json(results: Sequence[Result], *, peers: Sequence[str], skipped: dict[str, str]) -> dict[str, Any]:
    """Everything that was measured, and on what."""
    return {
        "machine": machine(),
        "peers": list(peers),
        "skipped": skipped,
        "measurements": [
            {
                "name": result.name,
                "title": result.title,
                "reference": result.reference,
                "metrics": [
                    {"name": metric.name, "title": metric.title, "unit": metric.unit}
                    for metric in result.metrics
                ],
                "peers": {
                    peer: {
                        "title": result.titles.get(peer, peer),
                        "rounds": samples,
                        "median": {m.name: result.median(peer, m.name) for m in result.metrics},
                        "ratio": {m.name: result.ratio(peer, m.name) for m in result.metrics},
                    }
                    for peer, samples in result.samples.items()
                },
                "notes": result.notes,
            }
            for result in results
        ],
    }


def machine() -> dict[str, Any]:
    """What the figures were measured on."""
    model = next(
        (line.split(":", 1)[1].strip() for line in _lines("/proc/cpuinfo") if line.startswith("model name")),
        platform.machine(),
    )
    return {
        "processor": model,
        "cores": os.cpu_count(),
        "servers_on_core": CORES.servers,
        "loader_on_core": CORES.loader,
        "kernel": platform.release(),
        "python": f"{platform.python_version()} of {sys.base_prefix}",
        "load_average": os.getloadavg()[0],
    }


def _lines(path: str) -> list[str]:
    try:
        return Path(path).read_text().splitlines()
    except OSError:
        return []


def write_json(path: Path, content: dict[str, Any]) -> None:
    """Write it for other programs."""
    path.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n")
