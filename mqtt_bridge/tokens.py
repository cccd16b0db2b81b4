"""Broker tokens: an ES256 JWT as the MQTT password, which the broker verifies with public keys alone."""

import hashlib
import json
import secrets
import time
from base64 import urlsafe_b64encode
from pathlib import Path
from typing import Any, Self

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from pydantic import BaseModel, ConfigDict, ValidationError

from .errors import TokenRefusedError, TokenTooLongError
from .messages import SAFE_INTEGER
from .rights import Rights
from .topics import client_id

ALGORITHM = "ES256"
ISSUER = "kull-sync"
AUDIENCE = "kull-sync-broker"
LIFETIME = 3600
"""Seconds."""
MAX_TOKEN = 4096
"""Bytes; the broker refuses a longer one unread."""
LEEWAY = 30
"""Seconds that ``iat`` and ``nbf`` may lie in the verifier's future. ``exp`` gets none."""
SESSION_STEP = 1000
"""Room between two tokens' session numbers for the connects made with the first."""
MAX_CLOCK_SKEW = 24 * 60 * 60 * 1000
"""Milliseconds. A last known session further ahead is ignored: it would lock the device out of its future."""


class BrokerClaims(BaseModel):
    """The claims of a broker token. Times are seconds since 1970 (RFC 7519 NumericDate)."""

    model_config = ConfigDict(frozen=True, strict=True, extra="ignore")

    iss: str
    aud: str
    sub: str
    """The user, or a service principal; also the MQTT user name."""
    device: str
    """The device, or a service principal's instance; the MQTT client id is ``{sub}:{device}``."""
    session: int
    iat: int
    nbf: int
    exp: int
    jti: str
    acl: Rights

    @property
    def client_id(self) -> str:
        """The MQTT client id that the token is good for."""
        return client_id(self.sub, self.device)


class SigningKey:
    """An EC P-256 private key and the key id that names its public half to the broker."""

    def __init__(self, key: ec.EllipticCurvePrivateKey) -> None:
        if not isinstance(key.curve, ec.SECP256R1):
            raise ValueError(f"must be on the curve P-256, not {key.curve.name}")
        self._key = key
        self.public_jwk = _public_jwk(key.public_key())
        self.kid: str = self.public_jwk["kid"]

    @classmethod
    def generate(cls) -> Self:
        """A fresh random key."""
        return cls(ec.generate_private_key(ec.SECP256R1()))

    @classmethod
    def from_pem(cls, pem: str) -> Self:
        """Read a PEM private key (PKCS #8 or SEC 1, unencrypted). Raises ValueError on anything else."""
        try:
            key = serialization.load_pem_private_key(pem.encode(), password=None)
        except (TypeError, ValueError) as exc:
            # The library's text is dropped: it may quote what it was given.
            raise ValueError("must be an unencrypted PEM private key") from exc
        if not isinstance(key, ec.EllipticCurvePrivateKey):
            raise ValueError("must be an EC key (ES256)")
        return cls(key)

    def to_pem(self) -> str:
        """The private key as PKCS #8 PEM."""
        return self._key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        ).decode()

    def sign(self, claims: dict[str, Any]) -> str:
        """The claims as a signed JWT."""
        return jwt.encode(claims, self._key, algorithm=ALGORITHM, headers={"kid": self.kid})

    def __repr__(self) -> str:
        return f"SigningKey(kid={self.kid!r})"


def _public_jwk(key: ec.EllipticCurvePublicKey) -> dict[str, str]:
    numbers = key.public_numbers()
    required = {"crv": "P-256", "kty": "EC", "x": _base64url(numbers.x), "y": _base64url(numbers.y)}
    # RFC 7638: SHA-256 over the required members in lexicographic order, without white space.
    canonical = json.dumps(required, separators=(",", ":"), sort_keys=True)
    kid = urlsafe_b64encode(hashlib.sha256(canonical.encode()).digest()).rstrip(b"=").decode()
    return {**required, "alg": ALGORITHM, "use": "sig", "kid": kid}


def _base64url(coordinate: int) -> str:
    return urlsafe_b64encode(coordinate.to_bytes(32, "big")).rstrip(b"=").decode()


def write_jwks(path: Path, *keys: SigningKey) -> None:
    """Write the public keys as a JWK Set (RFC 7517), the file that the broker's plugin reads."""
    path.write_text(json.dumps({"keys": [key.public_jwk for key in keys]}, indent=2) + "\n")


def next_session(last_known: int | None = None, *, now: int | None = None) -> int:
    """A session number: the present in milliseconds, and at least ``SESSION_STEP`` above the last known one.

    A host with a slow clock thus never hands out a number that receivers would take for an old one.
    """
    now = time.time_ns() // 1_000_000 if now is None else now
    if last_known is None or last_known > now + MAX_CLOCK_SKEW:
        return now
    return min(max(now, last_known + SESSION_STEP), SAFE_INTEGER)


def mint(
    key: SigningKey,
    *,
    principal: str,
    device: str,
    rights: Rights,
    session: int | None = None,
    issuer: str = ISSUER,
    audience: str = AUDIENCE,
    lifetime: int = LIFETIME,
) -> str:
    """Mint a broker token for a user's device, or for a service principal's instance.

    ``session`` is a number from ``next_session``; ``lifetime`` is in seconds.

    Raises InvalidTopicError for ids that break the rules, and TokenTooLongError for well over a hundred
    characters that JSON must escape: the token spells them out once per topic.
    """
    client_id(principal, device)
    now = int(time.time())
    claims = {
        "iss": issuer,
        "aud": audience,
        "sub": principal,
        "device": device,
        "session": next_session() if session is None else session,
        "iat": now,
        "nbf": now,
        "exp": now + lifetime,
        "jti": secrets.token_urlsafe(12),
        "acl": rights.model_dump(),
    }
    token = key.sign(claims)
    if len(token) > MAX_TOKEN:
        raise TokenTooLongError(f"The ids make a token of more than {MAX_TOKEN} bytes")
    return token


def verify(
    token: str, jwks: dict[str, Any], *, issuer: str = ISSUER, audience: str = AUDIENCE
) -> BrokerClaims:
    """Verify a broker token the way the broker does. Raises TokenRefusedError saying why."""
    if len(token) > MAX_TOKEN:
        raise TokenRefusedError(f"longer than {MAX_TOKEN} bytes")
    try:
        kid = jwt.get_unverified_header(token).get("kid")
        keys = {entry.get("kid"): entry for entry in jwks["keys"]}
        if kid not in keys:
            raise TokenRefusedError("signed with an unknown key")
        payload = jwt.decode(
            token,
            jwt.PyJWK(keys[kid], ALGORITHM).key,
            algorithms=[ALGORITHM],
            issuer=issuer,
            audience=audience,
            options={
                "require": ["exp", "iat", "nbf"],
                "verify_exp": False,
                "verify_iat": False,
                "verify_nbf": False,
            },
        )
        claims = BrokerClaims.model_validate(payload)
    except jwt.PyJWTError as exc:
        raise TokenRefusedError(str(exc)) from exc
    except ValidationError as exc:
        raise TokenRefusedError(f"claim {exc.errors()[0]['loc'][0]} is missing or of a wrong type") from exc
    now = time.time()
    if claims.exp <= now:
        raise TokenRefusedError("expired")
    if max(claims.nbf, claims.iat) > now + LEEWAY:
        raise TokenRefusedError("not yet valid")
    return claims
