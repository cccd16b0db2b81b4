"""From deliveries to events: once, newest state only, and nothing that is not of the contract."""

import json
import logging
from typing import Any

import pytest

from mqtt_bridge.connection import Incoming
from mqtt_bridge.events import DeviceRemoved, Event
from mqtt_bridge.inbound import Inbound, state_of
from mqtt_bridge.messages import (
    CreditUpdate,
    CreditUpdateMessage,
    Envelope,
    PromptChange,
    PromptChangeMessage,
    ShootProgress,
    ShootProgressMessage,
)
from mqtt_bridge.topics import ALL_PROMPTS, CreditsTopic, PresenceTopic, ShootTopic, Topic
from tests.bridge.test_presence import born, ended

SHOOT = ShootTopic("ada", "s")
CREDITS = CreditsTopic("ada")
MAC = PresenceTopic("ada", "mac")


def progress(done: int, *, sequence: int, device: str | None = None) -> ShootProgressMessage:
    data = ShootProgress(
        shoot_id="s", status="processing", processed_count=done, total_count=9, sequence=sequence
    )
    return ShootProgressMessage(user_id="ada", device_id=device, data=data)


def balance(amount: int, *, sequence: int) -> CreditUpdateMessage:
    data = CreditUpdate(new_balance=amount, change=1, reason="bought", sequence=sequence)
    return CreditUpdateMessage(user_id="ada", data=data)


def deliver(inbound: Inbound, topic: Topic | str, message: Envelope | bytes, **marks: Any) -> object:
    payload = message if isinstance(message, bytes) else message.to_json()
    details: dict[str, Any] = {"qos": 0, "retain": False, "expires_in": None, "mid": 0, **marks}
    incoming = Incoming(topic=str(topic), payload=payload, **details)
    read = inbound.read(incoming)
    return None if read is None else inbound.news(read, incoming, replayed=False)


@pytest.fixture
def inbound() -> Inbound:
    return Inbound("mac")


def test_a_message_is_told_once(inbound: Inbound) -> None:
    """At least once on the wire, exactly once to the app."""
    message = PromptChangeMessage(user_id=None, data=PromptChange(action="created"))

    assert deliver(inbound, ALL_PROMPTS, message) == Event(message)
    assert deliver(inbound, ALL_PROMPTS, message) is None


def test_progress_never_goes_back(inbound: Inbound) -> None:
    """An update that was overtaken is dropped, whatever its id."""
    newer, older = progress(5, sequence=2), progress(4, sequence=1)

    assert deliver(inbound, SHOOT, newer) == Event(newer)
    assert deliver(inbound, SHOOT, older) is None


def test_an_older_balance_is_dropped(inbound: Inbound) -> None:
    """The retained copy of an old balance must not overwrite the new one on the screen."""
    newer, older = balance(10, sequence=2), balance(90, sequence=1)

    assert deliver(inbound, CREDITS, newer) == Event(newer)
    assert deliver(inbound, CREDITS, older) is None


def test_presence_is_not_deduplicated_by_id(inbound: Inbound) -> None:
    """A will keeps the id that it was registered with; the session alone decides."""
    first = born(1)
    second = ended(2).model_copy(update={"id": first.id})

    assert deliver(inbound, MAC, first) == Event(first, own=True)
    assert deliver(inbound, MAC, second) == Event(second, own=True)


def test_marks(inbound: Inbound) -> None:
    """Own echoes, retained copies and what is left of their life are told with the message."""
    message = progress(1, sequence=1, device="mac")

    event = deliver(inbound, SHOOT, message, retain=True, expires_in=60)

    assert event == Event(message, own=True, retained=True, expires_in=60)


def test_another_device_is_not_oneself(inbound: Inbound) -> None:
    """Only what began at this very device is its echo."""
    message = progress(1, sequence=1, device="phone")

    assert deliver(inbound, SHOOT, message) == Event(message, own=False)


def test_a_removed_device(inbound: Inbound) -> None:
    """An empty payload removes a device that is known; one that is not needs no removing."""
    phone = PresenceTopic("ada", "phone")
    deliver(inbound, phone, born(1, "phone"))

    assert deliver(inbound, phone, b"") == DeviceRemoved("phone")
    assert deliver(inbound, phone, b"") is None


@pytest.mark.parametrize(
    ("topic", "payload"),
    [
        pytest.param(SHOOT, b"", id="empty"),
        pytest.param(SHOOT, b"{", id="not JSON"),
        pytest.param(SHOOT, b"[1]", id="no object"),
        pytest.param(SHOOT, balance(1, sequence=1).to_json(), id="type foreign to the topic"),
        pytest.param(ShootTopic("ada", "t"), progress(1, sequence=1).to_json(), id="another shoot"),
        pytest.param(ShootTopic("eve", "s"), progress(1, sequence=1).to_json(), id="another user"),
        pytest.param("sync/v1/users/ada/events/secrets", b"{}", id="topic of nobody"),
        pytest.param("sync/v2/anything", b"{}", id="another contract"),
    ],
)
def test_what_breaks_the_contract_is_dropped_and_counted(
    inbound: Inbound, caplog: pytest.LogCaptureFixture, topic: Topic | str, payload: bytes
) -> None:
    """It is never told, never raises, and leaves a line with the topic but not with the payload."""
    with caplog.at_level(logging.WARNING):
        assert deliver(inbound, topic, payload) is None

    assert inbound.dropped == {"unreadable": 1}
    assert str(topic) in caplog.text
    assert payload == b"" or payload.decode() not in caplog.text


def test_a_type_of_a_newer_server_is_ignored(inbound: Inbound) -> None:
    """A newer server must not break an older app."""
    message = json.dumps({"type": "SHOOT_SHARED", "id": "1"}).encode()

    assert deliver(inbound, SHOOT, message) is None
    assert inbound.dropped == {"unknown-type": 1}


def test_a_flood_of_broken_messages_does_not_flood_the_log(
    inbound: Inbound, caplog: pytest.LogCaptureFixture
) -> None:
    """The first one is a warning; after that the count tells."""
    with caplog.at_level(logging.WARNING):
        for _ in range(100):
            deliver(inbound, SHOOT, b"{")

    assert inbound.dropped == {"unreadable": 100}
    assert len(caplog.records) == 1


def test_what_is_state() -> None:
    """Of progress and presence the newest is enough; balances and prompts are also news."""
    assert state_of(str(SHOOT)) == str(SHOOT)
    assert state_of(str(MAC)) == str(MAC)
    assert state_of(str(CREDITS)) is None
    assert state_of(str(ALL_PROMPTS)) is None
    assert state_of("of/nobody") is None
