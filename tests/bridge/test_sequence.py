"""The clock that orders updates whose sender did not."""

import pytest

from mqtt_bridge.sequence import Clock


@pytest.mark.parametrize(
    ("readings", "expected"),
    [
        ([5, 6, 9], [5, 6, 9]),
        ([5, 5, 5, 6, 9], [5, 6, 7, 8, 9]),
        ([9, 3, 4, 20], [9, 10, 11, 20]),
    ],
    ids=["it runs", "it stands", "it is set back"],
)
def test_it_grows_whatever_the_clock_does(readings: list[int], expected: list[int]) -> None:
    """Two updates with one number have no order, and one below the last is dropped by receivers."""
    source = iter(readings)
    clock = Clock(lambda: next(source))

    assert [clock.next() for _ in readings] == expected
