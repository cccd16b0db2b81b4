"""How many shoots a user has today, and which state of a shoot is the newest."""

from typing import Any

import pytest

from mqtt_bridge.messages import ShootProgress, ShootProgressMessage
from mqtt_bridge.shoot_book import DAY_MS, ShootBook

NOON = 20_000 * DAY_MS + DAY_MS // 2


def progress(shoot: str = "wedding", message_id: str = "m1", **data: Any) -> ShootProgressMessage:
    known: dict[str, Any] = {"status": "processing", "processed_count": 1, "total_count": 9, "sequence": 5}
    return ShootProgressMessage(
        id=message_id, user_id="ada", data=ShootProgress(shoot_id=shoot, **(known | data))
    )


@pytest.mark.parametrize(
    ("change", "entry"),
    [
        ({"sequence": 6}, "newest"),
        ({"sequence": 4}, "superseded"),
        ({"sequence": 5}, "superseded"),
        ({"sequence": 4, "run": 1}, "newest"),
        ({"sequence": 4, "status": "completed"}, "newest"),
        ({"sequence": 5, "message_id": "m1"}, "newest"),
    ],
    ids=["newer", "older", "equal, but another", "a higher run", "finished", "the same again"],
)
def test_an_older_state_is_told_from_a_newer_one(change: dict[str, Any], entry: str) -> None:
    """By run, finished and sequence, as receivers do. The same message may be published twice."""
    book = ShootBook()
    book.enter("ada", progress(), now=NOON)

    assert book.enter("ada", progress(**({"message_id": "m2"} | change)), now=NOON) == entry


def test_a_superseded_state_changes_nothing() -> None:
    """What was the newest stays it."""
    book = ShootBook()
    book.enter("ada", progress(sequence=9), now=NOON)
    book.enter("ada", progress(sequence=3, message_id="m2"), now=NOON)

    assert book.enter("ada", progress(sequence=8, message_id="m3"), now=NOON) == "superseded"


def test_shoots_are_counted_per_user_and_day() -> None:
    """Another user, and another day, has a count of its own."""
    book = ShootBook(per_user=2)
    entries = [book.enter("ada", progress(shoot), now=NOON) for shoot in ("a", "b", "c", "a")]

    assert entries == ["newest", "newest", "too-many", "newest"]
    assert book.enter("bob", progress("c"), now=NOON) == "newest"
    late = (NOON // DAY_MS + 1) * DAY_MS
    assert book.enter("ada", progress("c"), now=late - 1) == "too-many"
    assert book.enter("ada", progress("c"), now=late) == "newest"
    assert len(book) == 1


def test_the_wait_ends_with_the_day() -> None:
    """In UTC, and never after nothing."""
    assert ShootBook.until_tomorrow(NOON) == DAY_MS // 2
    assert ShootBook.until_tomorrow(0) == DAY_MS


def test_a_struck_shoot_does_not_count() -> None:
    """It was not published, so it is not retained."""
    book = ShootBook(per_user=1)
    book.enter("ada", progress("a"), now=NOON)
    book.strike("ada", "never heard of", "m1")
    book.strike("bob", "a", "m1")
    assert len(book) == 1
    book.strike("ada", "a", "m1")

    assert len(book) == 0
    assert book.enter("ada", progress("b"), now=NOON) == "newest"


def test_a_newer_state_outlives_the_refusal_of_an_older() -> None:
    """What was entered meanwhile still keeps late, older updates from being retained over it."""
    book = ShootBook()
    book.enter("ada", progress("a", "m5", sequence=5), now=NOON)
    book.enter("ada", progress("a", "m6", sequence=6), now=NOON)
    book.strike("ada", "a", "m5")

    assert book.enter("ada", progress("a", "m4", sequence=4), now=NOON) == "superseded"


def test_memory_is_bounded() -> None:
    """The users who were heard of longest ago are forgotten, never the one who is speaking."""
    book = ShootBook(per_user=10, in_all=5)
    for user in ("ada", "bob", "ada", "cleo"):
        for shoot in ("a", "b"):
            book.enter(user, progress(shoot), now=NOON)
    assert len(book) == 4
    older = progress("a", "m2", sequence=1)
    assert book.enter("ada", older, now=NOON) == "superseded"
    assert book.enter("bob", older, now=NOON) == "newest"

    alone = ShootBook(per_user=10, in_all=3)
    for number in range(10):
        alone.enter("ada", progress(f"s{number}"), now=NOON)
    assert len(alone) == 10
