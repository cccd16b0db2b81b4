"""Every start of the broker has a new random id, and nobody ever reads the one before."""

import re

from .conftest import StartBroker, TestBroker
from .link import ACCEPTED

EPOCH = "sync/v1/all/epoch"


def _epoch(broker: TestBroker, user: str, transport: str = "tcp") -> str:
    with broker.device(user, transport=transport) as device:
        assert device.subscribe(EPOCH) == [1]
        message = device.receive()
        assert (message.topic, message.qos, message.retain) == (EPOCH, 1, True)
        return message.payload.decode()


def test_the_epoch_is_128_random_bits(broker: TestBroker, user: str, transport: str) -> None:
    """Bare hexadecimal text, the same for everybody as long as the broker runs."""
    epoch = _epoch(broker, user, transport)

    assert re.fullmatch("[0-9a-f]{32}", epoch)
    assert _epoch(broker, f"neighbour-of-{user}") == epoch


def test_every_start_has_its_own(start_broker: StartBroker, user: str) -> None:
    """After a crash as after a clean end, and though the store still holds the epoch before."""
    broker = start_broker()
    epochs = [_epoch(broker, user)]
    for crash in (False, True, False):
        broker.restart(crash=crash)
        epochs.append(_epoch(broker, user))

    assert len(set(epochs)) == len(epochs)


def test_a_sleeping_session_hears_of_the_restart_last(start_broker: StartBroker, user: str) -> None:
    """What waited in the session comes first, the new epoch after it: it marks the end of the queue."""
    broker = start_broker()
    prompts = f"sync/v1/users/{user}/events/prompts"
    device = broker.device(user, clean_start=False, session_expiry=600)
    assert device.subscribe(prompts, EPOCH) == [1, 1]
    before = device.receive().payload
    device.disconnect()
    with broker.functions() as functions:
        assert functions.publish(prompts, b"waiting") == ACCEPTED

    broker.restart()

    with broker.device(user, clean_start=False, session_expiry=600) as device:
        assert device.session_present
        assert device.receive().payload == b"waiting"
        after = device.receive()
        assert after.topic == EPOCH
        assert after.payload != before
