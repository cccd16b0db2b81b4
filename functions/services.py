"""What the functions share while they are warm: settings, the publisher, the check of callers."""

from dataclasses import dataclass, field

from mqtt_bridge.publisher import Publisher
from mqtt_bridge.session import Terms
from mqtt_bridge.settings import Settings
from mqtt_bridge.tokens import SigningKey

from .auth import Verifier
from .probe import Probe


@dataclass
class Counts:
    """What this process did since it started."""

    published: int = 0
    """Posted messages that the broker acknowledged."""
    failed: int = 0
    """Posted messages that it did not acknowledge, or refused."""


@dataclass(frozen=True)
class Services:
    """One of these per app, in ``app.state.services``."""

    publisher: Publisher
    verifier: Verifier
    terms: Terms
    probe: Probe
    counts: Counts = field(default_factory=Counts)

    @classmethod
    def of(cls, settings: Settings, publisher: Publisher) -> "Services":
        """The services of a deployment."""
        terms = Terms(
            key=SigningKey.from_pem(settings.signing_key.get_secret_value()),
            urls=settings.public_broker_urls,
            issuer=settings.token_issuer,
            audience=settings.token_audience,
            lifetime=settings.token_lifetime,
            keepalive=settings.keepalive,
            session_expiry=settings.session_expiry,
            queue_limit=settings.queue_limit,
        )
        return cls(
            publisher=publisher,
            verifier=Verifier(settings),
            terms=terms,
            probe=Probe(publisher, timeout=2 * settings.publish_timeout),
        )
