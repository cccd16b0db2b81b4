"""Waits between two tries: random in full, growing, bounded."""

import pytest

from mqtt_bridge.backoff import full_jitter


@pytest.mark.parametrize(
    ("attempt", "random", "delay"),
    [
        (0, 0.0, 0.0),
        (0, 0.5, 0.5),
        (1, 0.5, 1.0),
        (4, 0.5, 8.0),
        (5, 0.5, 15.0),
        (6, 1.0, 30.0),
        (10_000_000, 0.5, 15.0),
    ],
)
def test_wait_doubles_up_to_its_cap(attempt: int, random: float, delay: float) -> None:
    """Any wait up to a limit is possible; the limit doubles to 30 s, and a long outage never overflows it."""
    assert full_jitter(attempt, cap=30.0, random=random) == delay
