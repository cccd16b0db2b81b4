"""The clock and the chance that the client uses when no test hands in others."""

from mqtt_bridge.timing import Timing, seconds


async def test_time_passes_while_it_sleeps() -> None:
    """By its own clock, at least as long as it was asked to sleep."""
    timing = Timing()
    before = timing.now()
    await timing.sleep(0.05)

    assert timing.now() - before >= 0.05
    assert seconds() >= timing.now() - 1


def test_chance_is_a_share() -> None:
    """From 0 up to but not including 1, and not always the same."""
    drawn = {Timing().random() for _ in range(100)}

    assert all(0 <= share < 1 for share in drawn)
    assert len(drawn) > 1
