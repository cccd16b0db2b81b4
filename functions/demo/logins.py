"""App tokens of the demo's users and services, as an app's own login would issue them."""

import time
from dataclasses import dataclass, field
from typing import Self

import jwt

from mqtt_bridge.errors import ConfigurationError
from mqtt_bridge.settings import PREFIX, Settings

LIFETIME = 12 * 3600
"""Seconds: a working day."""


@dataclass(frozen=True, slots=True)
class Logins:
    """Signs with the secret that the functions verify callers with."""

    issuer: str
    audience: str
    algorithm: str
    secret: str = field(repr=False)

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """Raises ConfigurationError where the functions trust somebody else's keys."""
        if settings.auth_secret is None:
            raise ConfigurationError(
                {f"{PREFIX}AUTH_SECRET": "is not set; the demo signs its tokens with it"}
            )
        return cls(
            settings.auth_issuer,
            settings.auth_audience,
            settings.auth_algorithms[0],
            settings.auth_secret.get_secret_value(),
        )

    def mint(self, subject: str, scopes: tuple[str, ...] = ()) -> str:
        """A token for a user, or with scopes for a service."""
        now = int(time.time())
        claims = {"iss": self.issuer, "aud": self.audience, "sub": subject, "iat": now, "exp": now + LIFETIME}
        if scopes:
            claims["scope"] = " ".join(scopes)
        return jwt.encode(claims, self.secret, algorithm=self.algorithm)
