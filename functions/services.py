"""What all functions share while they are warm: what publishes, the terms of sessions and the probe."""

from dataclasses import dataclass
from typing import Self

from mqtt_bridge.publisher import Publisher
from mqtt_bridge.session import Terms
from mqtt_bridge.settings import Settings
from mqtt_bridge.tokens import SigningKey

from .auth import Verifier
from .probe import Probe
from .publishing import Publishing


@dataclass(frozen=True)
class Services(Publishing):
    """One of these per app, in ``app.state.services``."""

    terms: Terms
    probe: Probe

    @classmethod
    def of(cls, settings: Settings, publisher: Publisher) -> Self:
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
