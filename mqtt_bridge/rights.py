"""What each of the four roles may publish and subscribe to: the ``acl`` of a broker token."""

from collections.abc import Iterable

from pydantic import BaseModel, ConfigDict

from .topics import (
    ALL_DEVICES,
    ALL_EVENTS,
    ALL_INBOXES,
    ALL_PROMPTS,
    ALL_SHOOTS,
    EPOCH,
    REVOKE,
    UPLINK_KINDS,
    FunctionsInboxTopic,
    PresenceTopic,
    UplinkTopic,
    device_subscriptions,
    uplink_filter,
)


class Rights(BaseModel):
    """Topic filters, spelled out. The broker refuses whatever none of them covers.

    The form is the one that EMQX reads from a JWT too (claim ``acl``).
    """

    model_config = ConfigDict(frozen=True, extra="ignore", strict=True)

    pub: list[str]
    sub: list[str]


def device_rights(user: str, device: str) -> Rights:
    """A device: its own presence and uplink; what concerns its user."""
    return Rights(
        pub=[
            str(PresenceTopic(user, device)),
            *(str(UplinkTopic(user, device, kind)) for kind in UPLINK_KINDS),
        ],
        sub=[subscription.filter for subscription in device_subscriptions(user, device)],
    )


def functions_rights(device: str) -> Rights:
    """One instance of the HTTP functions: publishes for everyone, reads presence and its own round trips."""
    return Rights(
        pub=[ALL_EVENTS, ALL_DEVICES, ALL_INBOXES, str(ALL_PROMPTS), REVOKE],
        sub=[ALL_DEVICES, str(FunctionsInboxTopic(device))],
    )


def bridge_rights(shards: Iterable[str]) -> Rights:
    """A bridge worker: reads its shards of the uplink, writes progress, presence and answers."""
    return Rights(
        pub=[ALL_SHOOTS, ALL_DEVICES, ALL_INBOXES],
        sub=[*(uplink_filter(shard) for shard in shards), ALL_DEVICES, str(EPOCH)],
    )


def operator_rights() -> Rights:
    """An operator: looks, and changes nothing."""
    return Rights(pub=[], sub=[ALL_DEVICES, "$SYS/#"])
