"""Acknowledgements in the order of arrival."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mqtt_bridge.connection import Incoming
from mqtt_bridge.in_order import InOrder


def message(mid: int) -> Incoming:
    return Incoming(topic="t", payload=b"", qos=1, retain=False, expires_in=None, mid=mid)


@pytest.mark.parametrize(
    ("finished", "acknowledged"),
    [
        ([0], [0]),
        ([1], []),
        ([1, 0], [0, 1]),
        ([2, 0], [0]),
        ([2, 1, 0], [0, 1, 2]),
    ],
)
def test_nothing_overtakes_what_came_before(finished: list[int], acknowledged: list[int]) -> None:
    """An acknowledgement waits for those of all earlier messages."""
    sent: list[int] = []
    line = InOrder(lambda done: sent.append(done.mid))
    arrivals = [line.arrived(message(mid)) for mid in range(3)]
    for index in finished:
        line.done(arrivals[index])

    assert sent == acknowledged
    assert len(line) == 3 - len(acknowledged)


@given(st.permutations(range(8)))
def test_all_are_acknowledged_in_order_at_last(finished: list[int]) -> None:
    """In whatever order the work ends."""
    sent: list[int] = []
    line = InOrder(lambda done: sent.append(done.mid))
    arrivals = [line.arrived(message(mid)) for mid in range(8)]
    for index in finished:
        line.done(arrivals[index])

    assert sent == list(range(8))
