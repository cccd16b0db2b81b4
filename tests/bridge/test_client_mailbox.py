"""Between a connection that never waits and an app that may be slow."""

import asyncio

import pytest

from mqtt_bridge.events import DeviceRemoved, Event, Resync
from mqtt_bridge.mailbox import Mailbox
from mqtt_bridge.messages import PromptChange, PromptChangeMessage


def prompt(title: str) -> Event:
    return Event(PromptChangeMessage(user_id=None, data=PromptChange(action="updated", title=title)))


async def take_all(mailbox: Mailbox) -> list[object]:
    mailbox.close()
    taken: list[object] = []
    while True:
        try:
            taken.append(await mailbox.get())
        except StopAsyncIteration:
            return taken


async def test_events_come_in_order() -> None:
    """What arrives first is told first."""
    mailbox = Mailbox()
    events = [prompt(str(number)) for number in range(5)]
    for event in events:
        mailbox.put(event)

    assert await take_all(mailbox) == events


async def test_of_a_state_only_the_newest_waits() -> None:
    """3,000 images of one shoot are one bar: a slow app draws the last, and memory stays small."""
    mailbox = Mailbox(limit=10)
    for number in range(3000):
        mailbox.put(one := prompt(f"one {number}"), state="one shoot")
        mailbox.put(other := prompt(f"other {number}"), state="other shoot")

    assert await take_all(mailbox) == [one, other]


async def test_too_many_events_become_a_resync() -> None:
    """Nothing is lost in silence: the app is told to fetch, once, and states are kept."""
    mailbox = Mailbox(limit=3)
    state = DeviceRemoved("phone")
    mailbox.put(state, state="phone")
    for number in range(4):
        mailbox.put(prompt(str(number)))

    assert mailbox.dropped == 4
    assert await take_all(mailbox) == [state, Resync("overflow")]


async def test_it_goes_on_after_an_overflow() -> None:
    """What comes after the resync is told again, and a place that was emptied counts as free."""
    mailbox = Mailbox(limit=1)
    for number in range(2):
        mailbox.put(prompt(str(number)))
    assert await mailbox.get() == Resync("overflow")
    for number in range(5):
        event = prompt(str(number))
        mailbox.put(event)
        assert await mailbox.get() == event
    assert mailbox.dropped == 2


async def test_who_waits_is_woken() -> None:
    """By an event, and by the end."""
    mailbox = Mailbox()
    event = prompt("late")
    waiting = asyncio.create_task(mailbox.get())
    await asyncio.sleep(0)
    mailbox.put(event)
    assert await waiting == event

    async def until_the_end() -> bool:
        try:
            await mailbox.get()
        except StopAsyncIteration:
            return True
        return False

    ending = asyncio.create_task(until_the_end())
    await asyncio.sleep(0)
    mailbox.close()
    assert await ending


async def test_an_error_comes_after_what_was_left() -> None:
    """A fault is not swallowed: the app gets what came before it, then the fault, each time it asks."""
    mailbox = Mailbox()
    event = prompt("last")
    mailbox.put(event)
    mailbox.close(ZeroDivisionError("fault"))
    mailbox.close()
    mailbox.put(prompt("too late"))

    assert await mailbox.get() == event
    for _ in range(2):
        with pytest.raises(ZeroDivisionError, match="fault"):
            await mailbox.get()
