"""Every setting of the functions, read from the environment once: the one place with its keys."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    model_validator,
)

from . import tokens
from .broker_url import BrokerUrl
from .errors import ConfigurationError
from .logs import LogFormat, LogLevel

PREFIX = "KULL_SYNC_"


def _split(value: Any) -> Any:
    return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


def _is_broker_url(value: str) -> str:
    BrokerUrl.parse(value)
    return value


def _is_signing_key(value: SecretStr) -> SecretStr:
    tokens.SigningKey.from_pem(value.get_secret_value())
    return value


Listed = BeforeValidator(_split)
BrokerUrlText = Annotated[str, AfterValidator(_is_broker_url)]
AuthAlgorithm = Literal[
    "HS256", "HS384", "HS512", "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "EdDSA"
]


class EnvironmentSettings(BaseModel):
    """Settings of a process. Each field is ``KULL_SYNC_`` and its name in upper case."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    from_files: ClassVar[tuple[str, ...]] = ()
    """Fields that may also come from the file that ``KULL_SYNC_{NAME}_FILE`` names."""
    related: ClassVar[str] = "*"
    """What to call the settings that do not go together."""

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] = os.environ) -> Self:
        """Read the settings. Raises ConfigurationError naming every wrong or missing variable at once."""
        faults: dict[str, str] = {}
        values: dict[str, str] = {}
        origins: dict[str, str] = {}
        for name in cls.model_fields:
            if value := environ.get(PREFIX + name.upper()):
                values[name] = value
        for name in cls.from_files:
            if path := environ.get(f"{PREFIX}{name.upper()}_FILE"):
                origins[name] = f"{PREFIX}{name.upper()}_FILE"
                try:
                    values[name] = Path(path).read_text().strip()
                except (OSError, UnicodeDecodeError) as exc:
                    faults[origins[name]] = f"cannot be read: {type(exc).__name__}"
        try:
            settings = cls.model_validate(values)
        except ValidationError as exc:
            for error in exc.errors(include_url=False, include_input=False, include_context=False):
                field = str(error["loc"][0]) if error["loc"] else ""
                name = origins.get(field, PREFIX + (field.upper() or cls.related))
                if name not in faults:
                    missing = error["type"] == "missing"
                    faults[name] = "is not set" if missing else error["msg"].removeprefix("Value error, ")
        if faults:
            raise ConfigurationError(faults)
        return settings


class Settings(EnvironmentSettings):
    """Settings of the functions.

    ``signing_key`` and ``auth_secret`` may also come from a file: ``KULL_SYNC_SIGNING_KEY_FILE``,
    ``KULL_SYNC_AUTH_SECRET_FILE``.
    """

    from_files = ("signing_key", "auth_secret")
    related = "AUTH_*"

    broker_url: BrokerUrlText
    """Where the functions publish: ``mqtt://`` or ``mqtts://`` (``ws://`` and ``wss://`` work too)."""
    broker_ca_file: Path | None = None
    """PEM file of the authority that signed the broker's certificate; None: the system's."""
    public_broker_urls: Annotated[tuple[BrokerUrlText, ...], Listed, Field(min_length=1)]
    """Comma-separated URLs that devices connect to, best first; told in the session answer."""

    signing_key: Annotated[SecretStr, AfterValidator(_is_signing_key)]
    """EC P-256 private key in PEM, with which broker tokens are signed."""
    token_issuer: Annotated[str, Field(min_length=1)] = tokens.ISSUER
    token_audience: Annotated[str, Field(min_length=1)] = tokens.AUDIENCE
    token_lifetime: Annotated[int, Field(ge=60, le=86_400)] = tokens.LIFETIME
    """Seconds that a device's broker token is good for."""

    auth_issuer: Annotated[str, Field(min_length=1)]
    """``iss`` that the callers' tokens must bear."""
    auth_audience: Annotated[str, Field(min_length=1)]
    """``aud`` that the callers' tokens must bear."""
    auth_algorithms: Annotated[tuple[AuthAlgorithm, ...], Listed, Field(min_length=1)]
    """Comma-separated JWS algorithms that are accepted: HMAC with a secret, or asymmetric with a JWKS."""
    auth_secret: Annotated[SecretStr, Field(min_length=32)] | None = None
    """Shared secret of the callers' tokens, at least 32 bytes (RFC 7518, 3.2)."""
    auth_jwks_url: (
        Annotated[str, Field(pattern=r"^(https://|http://(127\.0\.0\.1|localhost)[:/]|file:///)")] | None
    ) = None
    """JWK Set with the public keys of the callers' tokens."""

    keepalive: Annotated[int, Field(ge=5, le=60)] = 30
    """Seconds; devices are told to use it. Above 60 the broker refuses them."""
    session_expiry: Annotated[int, Field(ge=0, le=86_400)] = 86_400
    """Seconds that the broker keeps a sleeping device's session."""
    queue_limit: Annotated[int, Field(ge=1)] = 1000
    """The broker's ``max_queued_messages``. So many before the end marker may mean that some were lost."""

    publish_timeout: Annotated[float, Field(gt=0, le=30)] = 1.2
    """Seconds that one attempt to publish may take. There are two, so a request is answered within 3 s."""
    cors_origins: Annotated[tuple[str, ...], Listed] = ()
    """Comma-separated origins of web apps that may call the functions from a browser."""
    log_format: LogFormat = "json"
    log_level: LogLevel = "INFO"

    @model_validator(mode="after")
    def _one_way_to_verify_callers(self) -> Self:
        if (self.auth_secret is None) == (self.auth_jwks_url is None):
            raise ValueError("exactly one of AUTH_SECRET and AUTH_JWKS_URL must be set")
        symmetric = {algorithm.startswith("HS") for algorithm in self.auth_algorithms}
        # Both kinds at once would let a public key pass for a shared secret.
        if symmetric != {self.auth_secret is not None}:
            raise ValueError(
                "AUTH_ALGORITHMS must be HS* with AUTH_SECRET, and none of them with AUTH_JWKS_URL"
            )
        if self.auth_secret is not None:
            bits = max(int(algorithm.removeprefix("HS")) for algorithm in self.auth_algorithms)
            # RFC 7518, 3.2: at least as long as the hash.
            if len(self.auth_secret.get_secret_value().encode()) * 8 < bits:
                raise ValueError(f"AUTH_SECRET must have at least {bits // 8} bytes for HS{bits}")
        return self
