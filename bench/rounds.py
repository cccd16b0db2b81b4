"""Rounds that take turns, A B A B, so that whatever else the machine does meets every peer alike."""

import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

REFERENCE = "node"
"""Ratios are to this peer: the server that kull-sync replaces."""

Sample = Mapping[str, float]
"""What one round of one peer gave: a number for each metric."""


@dataclass(frozen=True, slots=True)
class Metric:
    """A number that is measured. ``unit`` is that of the number; ``digits`` those shown after the point."""

    name: str
    title: str
    unit: str
    digits: int = 0


@dataclass(slots=True)
class Result:
    """All rounds of one measurement."""

    name: str
    title: str
    metrics: Sequence[Metric]
    titles: dict[str, str] = field(default_factory=dict)
    """Of the peers, by name, in the order of the table."""
    samples: dict[str, list[Sample]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    reference: str = REFERENCE

    def values(self, peer: str, metric: str) -> list[float]:
        """The metric in each round."""
        return [sample[metric] for sample in self.samples[peer] if metric in sample]

    def median(self, peer: str, metric: str) -> float | None:
        """Over the rounds; None: it was not measured."""
        values = self.values(peer, metric)
        return statistics.median(values) if values else None

    def ratio(self, peer: str, metric: str) -> float | None:
        """To the reference of the same round, median over the rounds; None without a reference."""
        if self.reference not in self.samples:
            return None
        pairs = zip(self.values(peer, metric), self.values(self.reference, metric), strict=False)
        ratios = [value / reference for value, reference in pairs if reference]
        return statistics.median(ratios) if ratios else None

    def note(self, text: str) -> None:
        """Add a remark once."""
        if text not in self.notes:
            self.notes.append(text)


def take_turns(
    result: Result,
    turns: Mapping[str, Callable[[], Sample]],
    *,
    rounds: int,
    say: Callable[[str], None],
) -> None:
    """Measure each in turn, ``rounds`` times over, and put what they give into the result."""
    for number in range(1, rounds + 1):
        for name, turn in turns.items():
            say(f"{result.name}: round {number} of {rounds}, {name}")
            result.samples.setdefault(name, []).append(turn())
