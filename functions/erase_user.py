"""DELETE /api/sync/users/{user}: have the broker forget a user."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Annotated, TypeVar

from fastapi import APIRouter, Path

from mqtt_bridge.errors import PublishError
from mqtt_bridge.messages import UserId, WireModel, now_ms
from mqtt_bridge.publisher import Publisher
from mqtt_bridge.sign_out import RevokeOrder
from mqtt_bridge.topics import PresenceTopic, ShootTopic, UserTopic

from . import auth, logs
from .application import FromEnvironment
from .aws import lambda_handler
from .dependencies import CurrentCaller, WarmServices
from .responses import ERASURE

router = APIRouter(tags=["devices"])

SECONDS = 20
"""What takes longer is left for the next try: gateways give up on a request after some 30 s."""
AT_ONCE = 50
"""Devices, or topics, that are forgotten at a time."""

_T = TypeVar("_T")


class Erased(WireModel):
    """What the broker has forgotten: how many of each were retained."""

    devices: int
    """They are signed out too."""
    shoots: int
    credits: int
    """0 or 1: a user has one balance."""


@router.delete(
    "/api/sync/users/{user}", response_description="Nothing of the user is retained.", responses=ERASURE
)
async def erase_user(
    user: Annotated[UserId, Path(description="The user's id.")],
    caller: CurrentCaller,
    services: WarmServices,
) -> Erased:
    """Sign out all devices of a user, and have the broker forget presence, progress and balance.

    Needs the scope `sync:erase`. Do it when the user's logins have ended and nothing is published for it any
    more. To do it again is safe; after a 503 it is needed, and begins where it stopped.
    """
    caller.require(auth.ERASE)
    logs.note(user=user)
    try:
        async with asyncio.timeout(SECONDS):
            devices = await _forget_devices(services.publisher, user, lifetime=services.terms.lifetime)
            events = await _forget_events(services.publisher, user)
    except TimeoutError as exc:
        raise PublishError(f"Not done within {SECONDS} s") from exc
    shoots = sum(isinstance(topic, ShootTopic) for topic in events)
    return Erased(devices=len(devices), shoots=shoots, credits=len(events) - shoots)


async def _forget_devices(publisher: Publisher, user: str, *, lifetime: int) -> set[str]:
    async def forget(device: str) -> None:
        await publisher.revoke(
            RevokeOrder.of(user, device, known_session=sessions.get(device), now=now_ms(), lifetime=lifetime)
        )
        # No farewell before: it would be retained for 30 days if this were the last that happens.
        await publisher.clear(PresenceTopic(user, device))

    forgotten: set[str] = set()
    while True:
        listed = await publisher.list_devices(user)
        sessions = {each.device: each.session for each in listed.devices}
        await _each(forget, listed.device_ids)
        forgotten.update(listed.device_ids)
        if listed.complete:
            return forgotten


async def _forget_events(publisher: Publisher, user: str) -> set[UserTopic]:
    forgotten: set[UserTopic] = set()
    while topics := await publisher.list_events(user):
        await _each(publisher.clear, topics)
        forgotten.update(topics)
    return forgotten


async def _each(do: Callable[[_T], Awaitable[None]], things: Sequence[_T]) -> None:
    for start in range(0, len(things), AT_ONCE):
        await asyncio.gather(*(do(thing) for thing in things[start : start + AT_ONCE]))


handler = lambda_handler(FromEnvironment(router))
