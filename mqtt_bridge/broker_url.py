"""Where a broker is: ``mqtt://``, ``mqtts://``, ``ws://`` or ``wss://`` with host, port and path."""

from dataclasses import dataclass
from typing import Literal, Self
from urllib.parse import urlsplit

_SCHEMES: dict[str, tuple[Literal["tcp", "websockets"], bool, int]] = {
    "mqtt": ("tcp", False, 1883),
    "mqtts": ("tcp", True, 8883),
    "ws": ("websockets", False, 80),
    "wss": ("websockets", True, 443),
}


@dataclass(frozen=True, slots=True)
class BrokerUrl:
    """A parsed broker URL."""

    scheme: Literal["mqtt", "mqtts", "ws", "wss"]
    host: str
    port: int
    path: str
    """Of the WebSocket request; empty for plain TCP."""

    @classmethod
    def parse(cls, url: str) -> Self:
        """Read a URL. Raises ValueError saying what is wrong; the text never repeats the URL."""
        parts = urlsplit(url)
        if parts.scheme not in _SCHEMES:
            raise ValueError("must start with mqtt://, mqtts://, ws:// or wss://")
        if parts.username is not None or parts.password is not None:
            raise ValueError("must not carry credentials")
        if not parts.hostname:
            raise ValueError("must name a host")
        transport, _, default_port = _SCHEMES[parts.scheme]
        if transport == "tcp" and parts.path.strip("/"):
            raise ValueError("must not have a path: only ws:// and wss:// do")
        if parts.query or parts.fragment:
            # The URL is logged and handed to every client; a query is where keys end up.
            raise ValueError("must not have a query or a fragment")
        path = (parts.path or "/mqtt") if transport == "websockets" else ""
        return cls(parts.scheme, parts.hostname, parts.port or default_port, path)  # type: ignore[arg-type]  # checked above

    @property
    def transport(self) -> Literal["tcp", "websockets"]:
        """As aiomqtt names it."""
        return _SCHEMES[self.scheme][0]

    @property
    def tls(self) -> bool:
        """Whether the link is encrypted."""
        return _SCHEMES[self.scheme][1]

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{self.port}{self.path}"
