"""A sign-out order: which sessions it ends, and that the next login is not among them."""

import json

import pytest

from mqtt_bridge.errors import InvalidTopicError
from mqtt_bridge.presence import presence_rank, read_own_presence
from mqtt_bridge.sign_out import RevokeOrder
from mqtt_bridge.tokens import LEEWAY, MAX_CLOCK_SKEW, SESSION_STEP, next_session

NOW = 1_790_000_000_000
HOUR = 3600


def order(known: int | None, *, now: int = NOW) -> RevokeOrder:
    return RevokeOrder.of("ada", "mac", known_session=known, now=now, lifetime=HOUR)


HANDED_OUT = [
    pytest.param(None, next_session(now=NOW), id="in the same millisecond"),
    pytest.param(None, next_session(now=NOW + LEEWAY * 1000), id="by a clock that is ahead"),
    pytest.param(NOW - 5, next_session(NOW - 5, now=NOW), id="a renewal that was not announced yet"),
    pytest.param(NOW + 60_000, NOW + 60_000, id="announced, ahead of the clock"),
    pytest.param(
        NOW + 60_000,
        next_session(NOW + 60_999, now=NOW),
        id="ahead of the clock, and renewed after 999 connects",
    ),
    pytest.param(NOW + MAX_CLOCK_SKEW, NOW + MAX_CLOCK_SKEW, id="a day ahead"),
    pytest.param(NOW + MAX_CLOCK_SKEW + 1, NOW, id="announced with nonsense"),
    pytest.param(2**53 - 1, NOW, id="announced with the largest number"),
]


@pytest.mark.parametrize(("known", "token"), HANDED_OUT)
def test_every_session_so_far_ends(known: int | None, token: int) -> None:
    """Whatever token the device has, the broker refuses it from now on."""
    assert token <= order(known).session


@pytest.mark.parametrize(
    ("known", "slow"),
    [
        *((known, slow) for known in (None, NOW - 5, NOW + 60_000, 2**53 - 1) for slow in (0, 1, 3_600_000)),
        (NOW + MAX_CLOCK_SKEW, 0),
    ],
)
def test_the_next_login_is_above(known: int | None, slow: int) -> None:
    """In the same millisecond, and on a host with a slow clock: it knows the number from the presence."""
    ended = order(known)

    session = next_session(ended.session, now=NOW - slow)

    assert session > ended.session
    verdict = read_own_presence(ended.farewell(), session=session, first_session=session)
    assert verdict == "announce-again"


def test_the_device_obeys_when_it_comes_back_by_itself() -> None:
    """With a login that nobody ended it gets a new session, reads its presence, and stops."""
    ended = order(NOW - 5)
    session = next_session(ended.session, now=NOW)

    assert read_own_presence(ended.farewell(), session=session, first_session=NOW - 5) == "signed-out"


@pytest.mark.parametrize("known", [NOW - 5, NOW + 60_000])
def test_others_believe_the_farewell(known: int) -> None:
    """It ranks above the birth that they know."""
    assert presence_rank(order(known).farewell()) > (known, True)


def test_a_repetition_hardly_moves_the_number() -> None:
    """Somebody who clicks a hundred times does not push the device's numbers hours ahead."""
    ended = order(NOW)
    for _ in range(100):
        ended = order(ended.session)

    assert ended.session <= NOW + LEEWAY * 1000 + 100 * 2 * SESSION_STEP


def test_it_is_kept_until_all_tokens_have_expired() -> None:
    """Also those of a clock that is ahead by as much as the broker allows."""
    until = order(None).until

    assert until > NOW / 1000 + LEEWAY + HOUR
    assert until < NOW / 1000 + 2 * HOUR


def test_the_plugins_form() -> None:
    """These four members and no other, in whole numbers."""
    ended = order(None)

    assert json.loads(ended.to_json()) == {
        "user": "ada",
        "device": "mac",
        "session": ended.session,
        "until": ended.until,
    }


@pytest.mark.parametrize(
    ("user", "device"), [("a/b", "mac"), ("$functions", "mac"), ("ada", "m:c"), ("", "mac")]
)
def test_bad_ids_make_no_order(user: str, device: str) -> None:
    """A service's own connection cannot be signed out by this either."""
    with pytest.raises(InvalidTopicError):
        RevokeOrder.of(user, device, known_session=None, now=NOW, lifetime=HOUR)
