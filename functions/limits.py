"""How large a body may be, and how long it may take to arrive.

Both are counted while it arrives: a content-length may be absent, or a lie, and servers wait for ever for the
rest of a body that was announced.
"""

from .asgi import Receive, Scope, header
from .patience import Patience
from .problems import ProblemError

MAX_BODY = 64 * 1024
"""Bytes."""
SECONDS = 10.0
"""For the whole body, and not for each piece: one byte at a time would hold a connection for ever too."""

patience = Patience(SECONDS)

# The connection cannot be used again before the rest of the body has arrived (RFC 9112, 9.6).
_CLOSE = {"Connection": "close"}


def too_large() -> ProblemError:
    """413."""
    detail = f"A body may have {MAX_BODY} bytes."
    return ProblemError(413, "too-large", detail, title="The body is too large", headers=_CLOSE)


def too_slow() -> ProblemError:
    """408, with which a server closes the connection (RFC 9110, 15.5.9)."""
    detail = f"A body must arrive within {SECONDS:.0f} seconds."
    return ProblemError(408, "too-slow", detail, title="The body did not arrive in time", headers=_CLOSE)


async def read(scope: Scope, receive: Receive) -> bytes | None:
    """The whole body; None when the caller hung up. Raises 413 over ``MAX_BODY`` and 408 over ``SECONDS``.

    Of every request, also where nobody wants the body: so the limits hold for all of them.
    """
    if _announced(scope) > MAX_BODY:
        raise too_large()
    body = bytearray()
    try:
        with patience:
            while True:
                message = await receive()
                if message["type"] == "http.disconnect":
                    return None
                body += message.get("body", b"")
                if len(body) > MAX_BODY:
                    raise too_large()
                if not message.get("more_body", False):
                    return bytes(body)
    except TimeoutError:
        raise too_slow() from None


def _announced(scope: Scope) -> int:
    try:
        return int(header(scope, b"content-length") or 0)
    except ValueError:
        return 0
