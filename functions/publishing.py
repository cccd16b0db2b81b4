"""What the publish routes share while they are warm: the publisher, the check of callers, the counts."""

from dataclasses import dataclass, field
from typing import Self

from mqtt_bridge.publisher import Publisher
from mqtt_bridge.settings import Settings

from .auth import Verifier


@dataclass
class Counts:
    """What this process did since it started."""

    published: int = 0
    """Posted messages that the broker acknowledged."""
    failed: int = 0
    """Posted messages that it did not acknowledge, or refused."""


@dataclass(frozen=True)
class Publishing:
    """One of these per app."""

    publisher: Publisher
    verifier: Verifier
    counts: Counts = field(default_factory=Counts, kw_only=True)

    @classmethod
    def of(cls, settings: Settings, publisher: Publisher) -> Self:
        """That of a deployment."""
        return cls(publisher, Verifier(settings))
