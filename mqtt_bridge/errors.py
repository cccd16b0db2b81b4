"""What can go wrong, as types. Libraries' own errors are translated at the seam and chained with ``from``."""


class BridgeError(Exception):
    """Base of every error that this package raises on purpose."""


class ConfigurationError(BridgeError):
    """The process cannot start as configured.

    ``faults`` maps each setting's environment variable to what is wrong with it, all faults at once.
    """

    def __init__(self, faults: dict[str, str]) -> None:
        self.faults = faults
        super().__init__("; ".join(f"{name}: {fault}" for name, fault in faults.items()))


class ConfigurationUnavailableError(ConfigurationError):
    """What a setting refers to cannot be read just now. The same environment may do in a moment."""


class TokenTooLongError(BridgeError, ValueError):
    """The ids make a token that the broker would refuse unread."""


class InvalidTopicError(BridgeError, ValueError):
    """A topic or an id in it breaks the rules of ``topics.py``."""


class UnreadableMessageError(BridgeError, ValueError):
    """A received payload is no message of the contract, or not one for its topic.

    ``field`` is the path of the first wrong field (``data.totalCount``), or None when the payload has no
    fields at all. ``message_id`` is the sender's id where it could still be read, so it can be answered.
    """

    def __init__(self, detail: str, *, field: str | None = None, message_id: str | None = None) -> None:
        self.detail = detail
        self.field = field
        self.message_id = message_id
        super().__init__(f"{field}: {detail}" if field else detail)


class UnknownTypeError(UnreadableMessageError):
    """The message has a type that this version does not know: a newer sender. Receivers ignore it."""


class TokenRefusedError(BridgeError):
    """A token is not accepted. The text says why and never contains any part of the token."""


class PublishError(BridgeError):
    """The broker did not acknowledge the message. Retry with the same id: receivers drop duplicates."""

    retryable = True


class PublishRefusedError(PublishError):
    """The broker answered with a refusal; the same message will be refused again.

    ``reason_code`` is the MQTT 5 reason code of the PUBACK (0x80 or above).
    """

    retryable = False

    def __init__(self, topic: str, reason_code: int, reason: str) -> None:
        self.topic = topic
        self.reason_code = reason_code
        super().__init__(f"The broker refused the message to {topic}: {reason} (0x{reason_code:02x})")


class LinkError(BridgeError):
    """The connection to the broker could not be made, or was lost, or did not answer in time.

    ``reason_code`` is the MQTT 5 reason code of the broker's DISCONNECT or CONNACK, where it sent one.
    """

    def __init__(self, detail: str, *, reason_code: int | None = None) -> None:
        self.detail = detail
        self.reason_code = reason_code
        super().__init__(detail if reason_code is None else f"{detail} (0x{reason_code:02x})")


class LinkRefusedError(LinkError):
    """The broker answered CONNECT or SUBSCRIBE with a refusal."""


class SessionRefusedError(BridgeError):
    """There is no session to be had for this device: nobody is signed in, or the functions say 401 or 403."""


class SessionUnavailableError(BridgeError):
    """There is no session to be had at present. Try again."""


class UpdateRefusedError(BridgeError):
    """The bridge refused a device's update; the same one would be refused again.

    ``code`` is that of its ERROR; ``field`` is the path of the wrong field, where one is wrong.
    """

    def __init__(self, code: str, detail: str, *, field: str | None = None) -> None:
        self.code = code
        self.detail = detail
        self.field = field
        super().__init__(f"{code}: {field}: {detail}" if field else f"{code}: {detail}")


class ClientClosedError(BridgeError):
    """The device client has ended: nothing more is sent. Whether the bridge had taken it is not known."""

    def __init__(self) -> None:
        super().__init__("The client was closed")
