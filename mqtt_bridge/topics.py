"""Every topic of the contract, as value types. The only place with topic strings.

A topic is built from ids that are checked here, so none can carry a wildcard or reach into a neighbour:

>>> str(ShootTopic(user="ada", shoot="wedding-17"))
'sync/v1/users/ada/events/shoots/wedding-17'
>>> parse("sync/v1/users/ada/events/shoots/wedding-17")
ShootTopic(user='ada', shoot='wedding-17')
"""

import hashlib
import re
from dataclasses import dataclass
from typing import ClassVar, Literal

from .errors import InvalidTopicError

ROOT = "sync/v1"

MAX_ID = 128
ID_PATTERN = r"^[!\"%-*,-.0-~]{1,128}$"
"""1 to 128 printable ASCII characters without space and ``/ + # $``."""
DEVICE_ID_PATTERN = r"^[!\"%-*,-.0-9;-~]{1,128}$"
"""As ``ID_PATTERN`` and no ``:``, so that the last colon splits a client id in one way only."""

FUNCTIONS = "$functions"
BRIDGE = "$bridge"
OPERATOR = "$operator"
"""Service principals start with ``$``, which no id can."""

SHARDS = "0123456789abcdef"

DAY = 24 * 60 * 60

UplinkKind = Literal["ping", "update-progress"]
UPLINK_KINDS: tuple[UplinkKind, ...] = ("ping", "update-progress")

_ID = re.compile(ID_PATTERN[:-1] + r"\Z")
_DEVICE_ID = re.compile(DEVICE_ID_PATTERN[:-1] + r"\Z")


def check_id(name: str, value: str) -> str:
    """Return a user or shoot id unchanged, or raise InvalidTopicError naming ``name``."""
    if not _ID.match(value):
        raise InvalidTopicError(
            f"{name} must be 1 to {MAX_ID} printable ASCII characters without space / + # $"
        )
    return value


def check_device_id(value: str) -> str:
    """Return a device id unchanged, or raise InvalidTopicError."""
    if not _DEVICE_ID.match(value):
        raise InvalidTopicError(
            f"device must be 1 to {MAX_ID} printable ASCII characters without space / + # $ and :"
        )
    return value


def client_id(principal: str, device: str) -> str:
    """The MQTT client id of a device, or of a service principal's instance: ``{principal}:{device}``."""
    if principal not in (FUNCTIONS, BRIDGE, OPERATOR):
        check_id("user", principal)
    return f"{principal}:{check_device_id(device)}"


def shard(user: str) -> str:
    """The uplink shard of a user: the first hex digit of SHA-256(user)."""
    return hashlib.sha256(check_id("user", user).encode("ascii")).hexdigest()[0]


def shards_of_worker(index: int, count: int) -> tuple[str, ...]:
    """The shards that worker ``index`` of ``count`` owns: all s with s mod count = index."""
    if not 1 <= count <= len(SHARDS):
        raise ValueError(f"count must be 1 to {len(SHARDS)}, not {count}")
    if not 0 <= index < count:
        raise ValueError(f"index must be 0 to {count - 1}, not {index}")
    return tuple(SHARDS[index::count])


def _parts(topic: "Topic") -> tuple[str, ...]:
    # What dataclasses.fields tells, at a third of the CPU; a topic is built for every publish.
    return topic.__match_args__


@dataclass(frozen=True, slots=True)
class Topic:
    """A concrete topic. Subclasses name its parts and how its messages are delivered."""

    template: ClassVar[str]
    retain: ClassVar[bool] = False
    expiry: ClassVar[int | None] = None
    """MQTT 5 message expiry in seconds; None: the message does not expire."""
    types: ClassVar[frozenset[str]] = frozenset()
    """The message types that belong here; a receiver drops every other."""

    def __post_init__(self) -> None:
        for name in _parts(self):
            value = getattr(self, name)
            if name == "device":
                check_device_id(value)
            elif name != "kind":
                check_id(name, value)

    def __str__(self) -> str:
        return self.template.format(**{name: getattr(self, name) for name in _parts(self)})


@dataclass(frozen=True, slots=True)
class UserTopic(Topic):
    """A topic that belongs to one user."""

    user: str


@dataclass(frozen=True, slots=True)
class ShootTopic(UserTopic):
    """The present progress of one shoot."""

    shoot: str
    template: ClassVar[str] = f"{ROOT}/users/{{user}}/events/shoots/{{shoot}}"
    retain: ClassVar[bool] = True
    expiry: ClassVar[int | None] = DAY
    types: ClassVar[frozenset[str]] = frozenset({"SHOOT_PROGRESS"})


@dataclass(frozen=True, slots=True)
class CreditsTopic(UserTopic):
    """A user's present balance."""

    template: ClassVar[str] = f"{ROOT}/users/{{user}}/events/credits"
    retain: ClassVar[bool] = True
    expiry: ClassVar[int | None] = 30 * DAY
    types: ClassVar[frozenset[str]] = frozenset({"CREDIT_UPDATE"})


@dataclass(frozen=True, slots=True)
class PromptsTopic(UserTopic):
    """Prompt changes that concern one user."""

    template: ClassVar[str] = f"{ROOT}/users/{{user}}/events/prompts"
    types: ClassVar[frozenset[str]] = frozenset({"PROMPT_CHANGE"})


@dataclass(frozen=True, slots=True)
class AllPromptsTopic(Topic):
    """Prompt changes that concern everyone."""

    template: ClassVar[str] = f"{ROOT}/all/prompts"
    types: ClassVar[frozenset[str]] = frozenset({"PROMPT_CHANGE"})


@dataclass(frozen=True, slots=True)
class EpochTopic(Topic):
    """The broker's boot id, as bare text; written by the broker alone."""

    template: ClassVar[str] = f"{ROOT}/all/epoch"
    retain: ClassVar[bool] = True


@dataclass(frozen=True, slots=True)
class PresenceTopic(UserTopic):
    """The presence of one device; an empty payload removes the device."""

    device: str
    template: ClassVar[str] = f"{ROOT}/users/{{user}}/devices/{{device}}"
    retain: ClassVar[bool] = True
    expiry: ClassVar[int] = 30 * DAY
    types: ClassVar[frozenset[str]] = frozenset({"DEVICE_CONNECTED", "DEVICE_DISCONNECTED"})


@dataclass(frozen=True, slots=True)
class InboxTopic(UserTopic):
    """Answers to one device."""

    device: str
    template: ClassVar[str] = f"{ROOT}/users/{{user}}/inbox/{{device}}"
    expiry: ClassVar[int | None] = 60
    types: ClassVar[frozenset[str]] = frozenset({"ACK", "PONG", "ERROR"})


@dataclass(frozen=True, slots=True)
class FunctionsInboxTopic(Topic):
    """Where one instance of the functions hears itself: round trips and end markers. Payloads are its own."""

    device: str
    template: ClassVar[str] = f"{ROOT}/users/{FUNCTIONS}/inbox/{{device}}"
    expiry: ClassVar[int | None] = 60


@dataclass(frozen=True, slots=True)
class UplinkTopic(UserTopic):
    """What one device sends to the bridge. The shard comes from the user."""

    device: str
    kind: UplinkKind
    template: ClassVar[str] = f"{ROOT}/uplink/{{shard}}/{{user}}/{{device}}/{{kind}}"

    def __post_init__(self) -> None:
        # The dataclass decorator replaces the class, so a bare super() would not find it (slots=True).
        super(UplinkTopic, self).__post_init__()
        if self.kind not in UPLINK_KINDS:
            raise InvalidTopicError(f"kind must be one of {', '.join(UPLINK_KINDS)}")

    def __str__(self) -> str:
        return self.template.format(
            shard=shard(self.user), user=self.user, device=self.device, kind=self.kind
        )

    @property
    def message_type(self) -> str:
        """The one message type that belongs here."""
        return {"ping": "PING", "update-progress": "UPDATE_PROGRESS"}[self.kind]


ALL_PROMPTS = AllPromptsTopic()
EPOCH = EpochTopic()
REVOKE = "$CONTROL/kull-sync/v1/revoke"
"""Sign-out orders to the broker's plugin. No Topic: it carries no message of the contract."""

_USER_EVENTS = re.compile(
    rf"{ROOT}/users/([^/]+)/(events/shoots|events/credits|events/prompts|devices|inbox)(?:/([^/]+))?\Z"
)
_UPLINK = re.compile(rf"{ROOT}/uplink/([0-9a-f])/([^/]+)/([^/]+)/([^/]+)\Z")


def parse(topic: str) -> Topic:
    """Read a topic name back into its parts.

    Raises InvalidTopicError for everything that this contract cannot build, a wrong shard included.
    """
    parsed = _parse(topic)
    if parsed is None or str(parsed) != topic:
        raise InvalidTopicError("not a topic of this contract")
    return parsed


def _parse(topic: str) -> Topic | None:
    if topic == str(ALL_PROMPTS):
        return ALL_PROMPTS
    if topic == str(EPOCH):
        return EPOCH
    if match := _UPLINK.match(topic):
        _, user, device, kind = match.groups()
        return UplinkTopic(user, device, kind)  # type: ignore[arg-type]  # checked in __post_init__
    if not (match := _USER_EVENTS.match(topic)):
        return None
    user, place, leaf = match.groups()
    if user == FUNCTIONS:
        return FunctionsInboxTopic(leaf) if place == "inbox" and leaf else None
    match place, leaf:
        case "events/credits", None:
            return CreditsTopic(user)
        case "events/prompts", None:
            return PromptsTopic(user)
        case "events/shoots", str():
            return ShootTopic(user, leaf)
        case "devices", str():
            return PresenceTopic(user, leaf)
        case "inbox", str():
            return InboxTopic(user, leaf)
    return None


def uplink_sender(topic: str) -> InboxTopic | None:
    """Where to answer what was published on the uplink, on topics that this contract does not know too.

    None when the topic does not name a device.
    """
    match topic.split("/"):
        case [*root, "uplink", _, user, device, _] if "/".join(root) == ROOT:
            try:
                return InboxTopic(user, device)
            except InvalidTopicError:
                return None
    return None


@dataclass(frozen=True, slots=True)
class Subscription:
    """One filter that a client subscribes to, with its maximum QoS."""

    filter: str
    qos: Literal[0, 1]


def device_subscriptions(user: str, device: str) -> tuple[Subscription, ...]:
    """What a device subscribes to, in this order, again on every connect and wake.

    State comes at QoS 0, because a broker queues QoS 1 for a sleeping device until the queue is full and
    then drops the newest; the retained copy brings the present all the same. The epoch comes last and at
    QoS 1: its retained copy arrives behind everything that the broker had queued, and marks its end.
    """
    return (
        Subscription(f"{ROOT}/users/{check_id('user', user)}/events/shoots/+", 0),
        Subscription(f"{ROOT}/users/{user}/devices/+", 0),
        Subscription(str(CreditsTopic(user)), 1),
        Subscription(str(PromptsTopic(user)), 1),
        Subscription(str(InboxTopic(user, device)), 1),
        Subscription(str(ALL_PROMPTS), 1),
        Subscription(str(EPOCH), 1),
    )


ALL_SHOOTS = f"{ROOT}/users/+/events/shoots/+"
ALL_EVENTS = f"{ROOT}/users/+/events/#"
ALL_DEVICES = f"{ROOT}/users/+/devices/+"
ALL_INBOXES = f"{ROOT}/users/+/inbox/+"
"""Filters over all users, for service principals alone."""


def user_devices(user: str) -> str:
    """The filter of all devices of one user."""
    return f"{ROOT}/users/{check_id('user', user)}/devices/+"


def user_shoots(user: str) -> str:
    """The filter of all shoots of one user."""
    return f"{ROOT}/users/{check_id('user', user)}/events/shoots/+"


def uplink_filter(shard: str) -> str:
    """The filter of one uplink shard, for the worker that owns it."""
    if len(shard) != 1 or shard not in SHARDS:
        raise InvalidTopicError("shard must be one lower-case hex digit")
    return f"{ROOT}/uplink/{shard}/#"
