"""Signing a device out: which of its sessions end, and what is told to whom."""

from pydantic import BaseModel, ConfigDict

from .messages import DeviceDisconnected, DeviceDisconnectedMessage
from .tokens import LEEWAY, MAX_CLOCK_SKEW, SESSION_STEP
from .topics import check_device_id, check_id

CLOCKS_APART = LEEWAY * 1000
"""Milliseconds that the clock of who minted a token may be ahead of ours; the broker takes none from further
ahead."""
NOT_SEEN_YET = 2 * SESSION_STEP
"""Room for connects that the device has not announced yet, and for its next token."""


class RevokeOrder(BaseModel):
    """What the broker's plugin is told on ``REVOKE``: refuse this device's tokens up to a session."""

    model_config = ConfigDict(frozen=True)

    user: str
    device: str
    session: int
    """The last session that is refused."""
    until: int
    """Seconds since 1970 when all those tokens have expired, and the order may be forgotten."""

    @classmethod
    def of(
        cls, user: str, device: str, *, known_session: int | None, now: int, lifetime: int
    ) -> "RevokeOrder":
        """The order that ends every session which was handed out before ``now`` (milliseconds since 1970).

        ``known_session`` is the one in the device's retained presence. It may be ahead of the clock: each
        token is at least ``SESSION_STEP`` above the one before. More than a day ahead it is nonsense, as in
        ``tokens.next_session``. ``lifetime`` is that of tokens, in seconds.

        The session of the next login must be above the order's. The session function sees to it: it reads the
        device's presence, which ``farewell`` replaces. Raises InvalidTopicError on ids that break the rules.
        """
        check_id("user", user)
        check_device_id(device)
        if known_session is None or known_session > now + MAX_CLOCK_SKEW:
            known_session = 0
        return cls(
            user=user,
            device=device,
            # No further, or the session function would take it for nonsense.
            session=min(max(now + CLOCKS_APART, known_session + NOT_SEEN_YET), now + MAX_CLOCK_SKEW),
            until=now // 1000 + LEEWAY + lifetime + 1,
        )

    def to_json(self) -> bytes:
        """The order as the plugin reads it."""
        return self.model_dump_json().encode()

    def farewell(self) -> DeviceDisconnectedMessage:
        """What the user's other devices are told, and the device itself when it comes back."""
        return DeviceDisconnectedMessage(
            user_id=self.user,
            device_id=self.device,
            data=DeviceDisconnected(device_id=self.device, session=self.session, reason="signed-out"),
        )
