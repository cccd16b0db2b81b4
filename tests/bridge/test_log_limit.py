"""Which log lines about devices are written."""

import pytest

from mqtt_bridge.log_limit import INTERVAL, LogLimit


@pytest.fixture
def clock() -> list[float]:
    """The one reading of the clock, to be set."""
    return [1000.0]


@pytest.fixture
def limit(clock: list[float]) -> LogLimit:
    return LogLimit(lambda: clock[0], remembered=100)


def test_the_first_of_each_is_written(limit: LogLimit) -> None:
    """A noisy device hides no other device, and no other fault of its own."""
    lines = [
        ("ada", "mac", "invalid"),
        ("ada", "pad", "invalid"),
        ("bob", "mac", "invalid"),
        ("ada", "mac", "internal"),
        (None, None, "invalid"),
    ]

    assert [limit.admit(*line) for line in lines] == [0] * 5
    assert [limit.admit(*line) for line in lines] == [None] * 5


def test_a_repetition_is_written_once_per_interval_with_the_count(
    limit: LogLimit, clock: list[float]
) -> None:
    """An operator sees that it goes on, and how much of it."""
    admitted = []
    for _ in range(4):
        admitted.append([limit.admit("ada", "mac", "invalid") for _ in range(50)])
        clock[0] += INTERVAL

    first, *others = admitted
    assert first == [0] + [None] * 49
    assert others == [[49] + [None] * 49] * 3


def test_all_repetitions_share_the_interval(limit: LogLimit, clock: list[float]) -> None:
    """A hundred devices that do wrong cost no more lines than one."""
    devices = [f"device-{number}" for number in range(100)]
    for device in devices:
        limit.admit("ada", device, "invalid")
    clock[0] += INTERVAL

    assert [limit.admit("ada", device, "invalid") for device in devices] == [0] + [None] * 99


def test_a_first_line_says_what_was_left_out_before(limit: LogLimit) -> None:
    """No line is left out unseen for longer than needed."""
    for _ in range(10):
        limit.admit("ada", "mac", "invalid")

    assert limit.admit("bob", "mac", "invalid") == 9
    assert limit.admit("eve", "mac", "invalid") == 0


def test_memory_is_bounded_and_the_noisy_stay_known(limit: LogLimit) -> None:
    """However many devices pass by, the one that keeps on does not become news again."""
    limit.admit("ada", "mac", "invalid")
    for number in range(1000):
        assert limit.admit("ada", "mac", "invalid") is None
        assert limit.admit("ada", f"device-{number}", "invalid") is not None

    assert len(limit._known) == 100
