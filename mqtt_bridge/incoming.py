"""A message as it came from the broker, whatever read it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Incoming:
    """A message as it came from the broker."""

    topic: str
    payload: bytes
    qos: int
    retain: bool
    """The retained copy that a new subscription brings, not news."""
    expires_in: int | None
    """Seconds that are left of the message's expiry interval; None: it does not expire."""
    mid: int
    """Packet identifier, for a manual acknowledgement."""
    subscription_ids: tuple[int, ...] = ()
    """The identifiers of the subscriptions that it came for, where they have one."""
