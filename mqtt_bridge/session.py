"""The session answer: all that a client needs to connect. Filled by the functions, read by every client."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field

from . import tokens
from .messages import (
    Absent,
    Count,
    DeviceConnected,
    DeviceConnectedMessage,
    DeviceDisconnected,
    DeviceDisconnectedMessage,
    DeviceId,
    DisconnectReason,
    Platform,
    UserId,
    WireModel,
)
from .rights import Rights, bridge_rights, device_rights, operator_rights
from .tokens import SigningKey
from .topics import (
    ALL_DEVICES,
    BRIDGE,
    EPOCH,
    OPERATOR,
    PresenceTopic,
    Subscription,
    UplinkTopic,
    client_id,
    device_subscriptions,
    shards_of_worker,
    uplink_filter,
)

WILL_DELAY = 5
"""Seconds. A device that is back within them is never shown offline."""


class SessionTopics(WireModel):
    """The topics that a device writes to, and the one that ends a catch-up."""

    presence: str
    ping: str
    update_progress: str
    epoch: str


class BirthData(WireModel):
    """``data`` of DEVICE_CONNECTED without what only the device knows."""

    device_id: DeviceId
    name: Annotated[str, Field(min_length=1, max_length=100)]
    platform: Platform
    app_version: Annotated[str, Field(max_length=50)] | None = Absent


class BirthTemplate(WireModel):
    """DEVICE_CONNECTED without ``id``, ``timestamp``, ``data.session`` and ``data.epoch``."""

    type: Literal["DEVICE_CONNECTED"] = "DEVICE_CONNECTED"
    user_id: UserId
    device_id: DeviceId
    data: BirthData

    def fill(self, *, session: int, epoch: str) -> DeviceConnectedMessage:
        """The birth of one connection, with a fresh id."""
        return DeviceConnectedMessage(
            user_id=self.user_id,
            device_id=self.device_id,
            data=DeviceConnected(
                device_id=self.data.device_id,
                name=self.data.name,
                platform=self.data.platform,
                app_version=self.data.app_version,
                session=session,
                epoch=epoch,
            ),
        )


class FarewellData(WireModel):
    """``data`` of DEVICE_DISCONNECTED without the session."""

    device_id: DeviceId
    reason: DisconnectReason = "lost"


class FarewellTemplate(WireModel):
    """DEVICE_DISCONNECTED without ``id``, ``timestamp`` and ``data.session``."""

    type: Literal["DEVICE_DISCONNECTED"] = "DEVICE_DISCONNECTED"
    user_id: UserId
    device_id: DeviceId
    data: FarewellData

    def fill(self, *, session: int, reason: DisconnectReason | None = None) -> DeviceDisconnectedMessage:
        """The end of one connection, with a fresh id. Without a reason, that of the template."""
        return DeviceDisconnectedMessage(
            user_id=self.user_id,
            device_id=self.device_id,
            data=DeviceDisconnected(
                device_id=self.data.device_id, session=session, reason=reason or self.data.reason
            ),
        )


class WillTemplate(WireModel):
    """The last will to register with the CONNECT."""

    topic: str
    qos: Literal[1] = 1
    retain: Literal[True] = True
    delay: Annotated[int, Field(ge=0)]
    """Seconds that the broker waits before it speaks for the device (MQTT 5 will delay interval)."""
    expiry: Annotated[int, Field(gt=0)]
    """Seconds that the will stays retained, counted from when it fired (MQTT 5 message expiry interval)."""
    message: FarewellTemplate


class SessionRequest(BirthData):
    """The body of ``POST /api/sync/session`` for a user's device."""

    user_id: UserId
    last_session: Count | None = Absent
    """The highest session number that the device knows of itself; the answer's is above it."""


class BridgeSessionRequest(WireModel):
    """The body of ``POST /api/sync/session`` for a bridge worker."""

    role: Literal["bridge"] = "bridge"
    worker: str
    """Which worker of how many, from 0: ``0/2``."""


class SessionAnswer(WireModel):
    """The answer of ``POST /api/sync/session``.

    For the roles ``bridge`` and ``operator`` the user, device, topics, birth and will are null.
    """

    token: Annotated[str, Field(repr=False)]
    """The MQTT password. A secret: whoever has it is this device until it expires."""
    expires_in: Annotated[int, Field(gt=0)]
    """Seconds from now. Renew at a random 70 to 90 % of it, by a clock that nobody can set."""
    session: Annotated[int, Field(ge=0)]
    """The number of the first CONNECT with this token; each further CONNECT with it adds 1."""
    user_id: UserId | None = None
    device_id: DeviceId | None = None
    client_id: str
    """The MQTT client id; the broker takes no other with this token."""
    username: str
    """The MQTT user name; the broker takes no other with this token."""
    urls: Annotated[list[str], Field(min_length=1)]
    """Brokers to connect to, best first: ``wss://``, ``ws://``, ``mqtts://`` or ``mqtt://``."""
    keepalive: Annotated[int, Field(ge=1, le=65_535)]
    """Seconds."""
    session_expiry: Annotated[int, Field(ge=0, le=0xFFFFFFFF)]
    """Seconds that the broker keeps the session of a sleeping client (MQTT 5 session expiry interval)."""
    queue_limit: Annotated[int, Field(ge=1)]
    """As many QoS 1 messages before the epoch mean that the broker may have dropped some."""
    subscriptions: list[Subscription]
    """To subscribe to in this order on every connect."""
    topics: SessionTopics | None = None
    birth: BirthTemplate | None = None
    will: WillTemplate | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What all session answers of a deployment have in common."""

    key: SigningKey
    urls: Sequence[str]
    issuer: str = tokens.ISSUER
    audience: str = tokens.AUDIENCE
    lifetime: int = tokens.LIFETIME
    """Seconds."""
    keepalive: int = 30
    """Seconds."""
    session_expiry: int = 86_400
    """Seconds."""
    queue_limit: int = 1000


def device_session(
    terms: Terms,
    *,
    user: str,
    device: str,
    name: str,
    platform: Platform,
    app_version: str | None = None,
    last_session: int | None = None,
) -> SessionAnswer:
    """A session for a user's device. Raises InvalidTopicError on ids that break the rules."""
    presence = PresenceTopic(user, device)
    answer = _session(terms, user, device, device_rights(user, device), last_session)
    return answer.model_copy(
        update={
            "user_id": user,
            "device_id": device,
            "subscriptions": list(device_subscriptions(user, device)),
            "topics": SessionTopics(
                presence=str(presence),
                ping=str(UplinkTopic(user, device, "ping")),
                update_progress=str(UplinkTopic(user, device, "update-progress")),
                epoch=str(EPOCH),
            ),
            "birth": BirthTemplate(
                user_id=user,
                device_id=device,
                data=BirthData(device_id=device, name=name, platform=platform, app_version=app_version),
            ),
            "will": WillTemplate(
                topic=str(presence),
                delay=WILL_DELAY,
                expiry=presence.expiry,
                message=FarewellTemplate(user_id=user, device_id=device, data=FarewellData(device_id=device)),
            ),
        }
    )


def bridge_session(terms: Terms, *, index: int, count: int, last_session: int | None = None) -> SessionAnswer:
    """A session for bridge worker ``index`` of ``count``. Raises ValueError when there is no such worker.

    Its name is fixed, so that a worker that comes back finds the messages that waited for it.
    """
    shards = shards_of_worker(index, count)
    answer = _session(terms, BRIDGE, f"worker-{index}-of-{count}", bridge_rights(shards), last_session)
    subscriptions = [
        *(Subscription(uplink_filter(shard), 1) for shard in shards),
        Subscription(ALL_DEVICES, 0),
        Subscription(str(EPOCH), 1),
    ]
    return answer.model_copy(update={"subscriptions": subscriptions})


def operator_session(terms: Terms, *, instance: str, last_session: int | None = None) -> SessionAnswer:
    """A session for an operator, who looks and leaves nothing behind. Raises InvalidTopicError."""
    answer = _session(terms, OPERATOR, instance, operator_rights(), last_session)
    subscriptions = [Subscription(readable, 0) for readable in operator_rights().sub]
    return answer.model_copy(update={"subscriptions": subscriptions, "session_expiry": 0})


def _session(
    terms: Terms, principal: str, device: str, rights: Rights, last_session: int | None
) -> SessionAnswer:
    session = tokens.next_session(last_session)
    return SessionAnswer(
        token=tokens.mint(
            terms.key,
            principal=principal,
            device=device,
            rights=rights,
            session=session,
            issuer=terms.issuer,
            audience=terms.audience,
            lifetime=terms.lifetime,
        ),
        expires_in=terms.lifetime,
        session=session,
        client_id=client_id(principal, device),
        username=principal,
        urls=list(terms.urls),
        keepalive=terms.keepalive,
        session_expiry=terms.session_expiry,
        queue_limit=terms.queue_limit,
        subscriptions=[],
    )
