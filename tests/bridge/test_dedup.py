"""What was seen of late."""

from mqtt_bridge.dedup import LIMIT, Recent, SeenIds


def test_an_id_is_new_once() -> None:
    """A message that is delivered twice is told once."""
    seen = SeenIds()

    assert [seen.is_new(each) for each in ("a", "b", "a", "b", "c")] == [True, True, False, False, True]


def test_4096_ids_are_remembered() -> None:
    """The contract's number: a redelivery within the last 4,096 messages is known; memory ends there."""
    seen = SeenIds()
    for number in range(LIMIT + 1):
        seen.is_new(str(number))

    assert LIMIT == 4096
    assert not seen.is_new("1")
    assert seen.is_new("0")


def test_an_id_that_keeps_coming_is_kept() -> None:
    """A retained message comes again every five minutes: it must not become news when others pass by."""
    seen = SeenIds(limit=3)
    for number in range(10):
        seen.is_new("retained")
        seen.is_new(str(number))

    assert not seen.is_new("retained")


def test_values_of_the_keys_used_last_are_kept() -> None:
    """State per shoot is bounded by the shoots used last, and a forgotten key is no error."""
    recent: Recent[int] = Recent(limit=2)
    recent.put("a", 1)
    recent.put("b", 2)
    assert recent.get("a") == 1
    recent.put("c", 3)
    recent.discard("never known")

    assert (recent.get("a"), recent.get("b"), recent.get("c")) == (1, None, 3)
    assert len(recent) == 2
    recent.discard("a")
    assert "a" not in recent
