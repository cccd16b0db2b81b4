"""Where a user's progress and credits are retained, found out the way a device of that user does."""

import asyncio
import secrets
from pathlib import Path
from typing import Any

from . import tokens
from .broker_url import BrokerUrl
from .errors import InvalidTopicError, LinkError
from .incoming import Incoming
from .mqtt5.connection import Connection
from .rights import Rights
from .tokens import SigningKey
from .topics import EPOCH, CreditsTopic, Subscription, UserTopic, client_id, parse, user_shoots

KEEPALIVE = 30
"""Seconds."""
TOKEN_LIFETIME = 60
"""Seconds."""


async def retained_events(
    broker: BrokerUrl,
    user: str,
    *,
    key: SigningKey,
    issuer: str,
    audience: str,
    timeout: float,  # noqa: ASYNC109  # of each answer, and of the copies
    ca_file: Path | None = None,
) -> list[UserTopic]:
    """The topics with something retained; as many as the broker delivers at once, and none if there is none.

    Raises LinkError.

    Nobody but the user's devices may subscribe under its events, or a publisher could not tell whether a
    device listens. So this is one for a moment, under a random name, with the right to read and nothing else.
    It announces nothing and has no will.
    """
    device = f"reader-{secrets.token_hex(8)}"
    # The epoch comes behind all that is retained on what was subscribed to before it.
    wanted = (
        Subscription(user_shoots(user), 0),
        Subscription(str(CreditsTopic(user)), 0),
        Subscription(str(EPOCH), 1),
    )
    found: set[UserTopic] = set()
    all_told: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def hear(message: Incoming) -> None:
        try:
            topic = parse(message.topic)
        except InvalidTopicError:
            # A foreign publisher's; no shoot of ours can have this id.
            return
        if isinstance(topic, UserTopic):
            # News, not retained: what comes meanwhile is retained from then on, unless it is empty.
            (found.add if message.payload else found.discard)(topic)
        elif not all_told.done():
            all_told.set_result(None)

    connection = await Connection.open(
        broker,
        client_id=client_id(user, device),
        username=user,
        password=tokens.mint(
            key,
            principal=user,
            device=device,
            rights=Rights(pub=[], sub=[each.filter for each in wanted]),
            issuer=issuer,
            audience=audience,
            lifetime=TOKEN_LIFETIME,
        ),
        keepalive=KEEPALIVE,
        timeout=timeout,
        ca_file=ca_file,
        on_message=hear,
    )
    try:
        await connection.subscribe(wanted)
        ends: set[asyncio.Future[Any]] = {all_told, connection.lost}
        await asyncio.wait(ends, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
        # Behind some 15,000 copies Mosquitto keeps the epoch back.
        if not found and not all_told.done():
            raise LinkError(f"{broker} did not send what it retains within {timeout:g} s")
        # Before the connection ends: that the broker has noticed a DISCONNECT, nobody is told.
        await connection.unsubscribe(each.filter for each in wanted)
        return sorted(found, key=str)
    finally:
        await connection.close()
