"""A session answer in use."""

from typing import Any

import pytest

from mqtt_bridge.errors import SessionUnavailableError
from mqtt_bridge.lease import Lease
from mqtt_bridge.messages import DeviceDisconnectedMessage
from mqtt_bridge.receive import receive
from mqtt_bridge.session import SessionAnswer, Terms, device_session, operator_session
from mqtt_bridge.tokens import SigningKey
from mqtt_bridge.topics import PresenceTopic

TERMS = Terms(key=SigningKey.generate(), urls=["wss://a.example.com", "mqtts://b.example.com"], lifetime=1000)


def answer(**changes: Any) -> SessionAnswer:
    device = device_session(TERMS, user="ada", device="mac", name="Mac", platform="mac")
    return device.model_copy(update=changes)


@pytest.mark.parametrize(("random", "renew_at"), [(0.0, 5700.0), (0.5, 5800.0), (0.999999, 5900.0)])
def test_token_is_renewed_at_70_to_90_percent_of_its_life(random: float, renew_at: float) -> None:
    """At random, so that devices that came together do not renew together; counted from the request."""
    lease = Lease(answer(), asked_at=5000.0, random=random)

    assert lease.renew_at == pytest.approx(renew_at, abs=0.01)


def test_each_connect_has_its_own_session_number() -> None:
    """The token's number plus the count of connects with it, failed ones included."""
    lease = Lease(answer(session=100), asked_at=0.0, random=0.0)

    assert [lease.next_session() for _ in range(3)] == [100, 101, 102]


def test_a_token_is_spent() -> None:
    """At its end, and when its numbers would run into those of the next token."""
    lease = Lease(answer(), asked_at=0.0, random=0.0)
    assert not lease.is_spent(999.9)
    assert lease.is_spent(1000.0)

    for _ in range(1000):
        assert not lease.is_spent(0.0)
        lease.next_session()
    assert lease.is_spent(0.0)


def test_will_bears_the_connection() -> None:
    """Session and id are filled in for each connection: a will with an old session would be ignored."""
    lease = Lease(answer(), asked_at=0.0, random=0.0)

    wills = [lease.will(session) for session in (7, 8)]

    messages = [receive(PresenceTopic("ada", "mac"), will.payload) for will in wills]
    assert all(isinstance(message, DeviceDisconnectedMessage) for message in messages)
    assert [message.data.session for message in messages] == [7, 8]  # type: ignore[union-attr]  # all() narrows nothing
    assert messages[0].id != messages[1].id
    assert (wills[0].topic, wills[0].delay, wills[0].expiry) == (
        "sync/v1/users/ada/devices/mac",
        5,
        2_592_000,
    )


def test_urls_take_turns() -> None:
    """The best first; the next one when it cannot be reached; then from the start."""
    lease = Lease(answer(), asked_at=0.0, random=0.0)
    tried = []
    for _ in range(3):
        tried.append(lease.url.host)
        lease.try_next_url()

    assert tried == ["a.example.com", "b.example.com", "a.example.com"]


@pytest.mark.parametrize(
    ("unusable", "why"),
    [
        pytest.param(answer(urls=["https://a.example.com"]), "must start with", id="not a broker's URL"),
        pytest.param(operator_session(TERMS, instance="desk"), "for no device", id="of another role"),
    ],
)
def test_an_answer_that_cannot_be_used(unusable: SessionAnswer, why: str) -> None:
    """Is as good as none: it is asked for again later, and the log says why."""
    with pytest.raises(SessionUnavailableError, match=why):
        Lease(unusable, asked_at=0.0, random=0.0)
