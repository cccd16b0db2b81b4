"""The publisher that tests of callers use."""

import pytest

from mqtt_bridge.errors import PublishError
from mqtt_bridge.messages import PromptChange, PromptChangeMessage
from mqtt_bridge.publisher import Receipt
from mqtt_bridge.recording import RecordingPublisher
from mqtt_bridge.topics import ALL_PROMPTS

MESSAGE = PromptChangeMessage(user_id=None, data=PromptChange(action="created"))


async def test_it_keeps_what_it_was_given() -> None:
    """In order, with topic and message, and receipts that name the message."""
    publisher = RecordingPublisher()
    publisher.listeners = "none"

    assert await publisher.publish(ALL_PROMPTS, MESSAGE) == Receipt(id=MESSAGE.id, listeners="none")
    assert publisher.sent == [(ALL_PROMPTS, MESSAGE)]
    assert await publisher.round_trip() == 0.0


async def test_it_fails_as_told() -> None:
    """A failure is raised from every call, and the message counts as not sent."""
    publisher = RecordingPublisher()
    publisher.fail_with = PublishError("broker away")

    with pytest.raises(PublishError, match="broker away"):
        await publisher.publish(ALL_PROMPTS, MESSAGE)
    with pytest.raises(PublishError, match="broker away"):
        await publisher.round_trip()
    assert publisher.sent == []


async def test_it_tells_that_it_was_closed() -> None:
    """So that a test can see that the app closes its publisher."""
    publisher = RecordingPublisher()
    assert not publisher.closed

    await publisher.aclose()

    assert publisher.closed
