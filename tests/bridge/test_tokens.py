"""Broker tokens: minted, verified, refused."""

import json
import time
from base64 import urlsafe_b64decode
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from mqtt_bridge import tokens
from mqtt_bridge.errors import InvalidTopicError, TokenRefusedError, TokenTooLongError
from mqtt_bridge.rights import bridge_rights, device_rights
from mqtt_bridge.tokens import SigningKey

KEY = SigningKey.generate()
JWKS = {"keys": [KEY.public_jwk]}


def mint(**changes: Any) -> str:
    arguments: dict[str, Any] = {
        "principal": "ada",
        "device": "mac-1",
        "rights": device_rights("ada", "mac-1"),
    } | changes
    return tokens.mint(KEY, **arguments)


def claims(**changes: Any) -> dict[str, Any]:
    valid: dict[str, Any] = jwt.decode(mint(), options={"verify_signature": False})
    return {name: value for name, value in (valid | changes).items() if value is not None}


def test_minted_token_is_verified() -> None:
    """What the functions mint, the broker's rules accept, and it names the one client id it is good for."""
    verified = tokens.verify(mint(session=7), JWKS)

    assert (verified.sub, verified.device, verified.session) == ("ada", "mac-1", 7)
    assert verified.client_id == "ada:mac-1"
    assert verified.acl == device_rights("ada", "mac-1")
    assert verified.exp - verified.iat == tokens.LIFETIME


def test_tokens_are_told_apart() -> None:
    """Each token has its own jti."""
    assert tokens.verify(mint(), JWKS).jti != tokens.verify(mint(), JWKS).jti


@pytest.mark.parametrize(
    "longest",
    [
        pytest.param(
            {"principal": "u" * 128, "device": "d" * 128, "rights": device_rights("u" * 128, "d" * 128)},
            id="device",
        ),
        pytest.param(
            {"principal": "$bridge", "device": "d" * 128, "rights": bridge_rights("0123456789abcdef")},
            id="bridge",
        ),
    ],
)
def test_longest_token_fits(longest: dict[str, Any]) -> None:
    """Ids of the longest kind give a token that the broker still reads."""
    assert len(mint(**longest)) <= tokens.MAX_TOKEN


@pytest.mark.parametrize(("principal", "device"), [("a/b", "d"), ("ada", "a:b"), ("$root", "d"), ("", "d")])
def test_no_token_for_a_broken_id(principal: str, device: str) -> None:
    """No token is minted for an id that could not stand in a topic."""
    with pytest.raises(InvalidTopicError):
        mint(principal=principal, device=device)


def test_token_that_the_broker_would_refuse_is_not_minted() -> None:
    """JSON escapes quotes: ids full of them are refused here, not unread by the broker."""
    user, device = '"' * 128, '"' * 128

    with pytest.raises(TokenTooLongError, match="more than 4096 bytes"):
        mint(principal=user, device=device, rights=device_rights(user, device))


NOW = int(time.time())


@pytest.mark.parametrize(
    ("token", "reason"),
    [
        pytest.param("", "Not enough segments", id="empty"),
        pytest.param("a.b.c", "Invalid", id="garbage"),
        pytest.param("x" * 4097, "longer than 4096", id="too long"),
        pytest.param(SigningKey.generate().sign(claims()), "unknown key", id="another key"),
        pytest.param(jwt.encode(claims(), "", "none", {"kid": KEY.kid}), "alg", id="alg none"),
        pytest.param(jwt.encode(claims(), "k" * 32, "HS256", {"kid": KEY.kid}), "alg", id="HS256"),
        pytest.param(mint()[:-4] + "AAAA", "Signature", id="signature changed"),
        pytest.param(KEY.sign(claims(exp=NOW - 1)), "expired", id="expired"),
        pytest.param(KEY.sign(claims(nbf=NOW + 3600)), "not yet valid", id="not yet valid"),
        pytest.param(KEY.sign(claims(iat=NOW + 3600)), "not yet valid", id="minted in the future"),
        pytest.param(KEY.sign(claims(iss="other")), "issuer", id="another issuer"),
        pytest.param(KEY.sign(claims(aud="other")), "Audience", id="another audience"),
        pytest.param(KEY.sign(claims(aud=["kull-sync-broker"])), "aud", id="a list of audiences"),
        pytest.param(KEY.sign(claims(exp=None)), "exp", id="no exp"),
        pytest.param(KEY.sign(claims(session=None)), "claim session", id="no session"),
        pytest.param(KEY.sign(claims(session="7")), "claim session", id="session is text"),
        pytest.param(KEY.sign(claims(acl=None)), "claim acl", id="no acl"),
    ],
)
def test_untrusted_token_is_refused(token: str, reason: str) -> None:
    """Whatever is wrong with a token, it is refused with the reason, and the reason holds no part of it."""
    with pytest.raises(TokenRefusedError, match=reason) as refusal:
        tokens.verify(token, JWKS)

    assert not token or token[:20] not in str(refusal.value)


def test_clocks_may_differ_by_the_leeway() -> None:
    """A token minted by a host whose clock is 20 s fast is accepted."""
    assert tokens.verify(KEY.sign(claims(iat=NOW + 20, nbf=NOW + 20)), JWKS).sub == "ada"


def test_keys_are_rotated_without_a_gap(tmp_path: Path) -> None:
    """With both keys in the set, tokens of the old and the new key are accepted."""
    new = SigningKey.generate()
    tokens.write_jwks(tmp_path / "jwks.json", KEY, new)
    jwks = json.loads((tmp_path / "jwks.json").read_text())

    for key in (KEY, new):
        assert tokens.verify(key.sign(claims()), jwks).sub == "ada"
    assert all("d" not in entry for entry in jwks["keys"]), "a private key in the public file"


def test_key_survives_its_file() -> None:
    """A key read back from PEM is the same key, with the same id."""
    assert SigningKey.from_pem(KEY.to_pem()).public_jwk == KEY.public_jwk


def test_key_id_is_the_thumbprint() -> None:
    """The key id is RFC 7638's thumbprint; checked with the example key of RFC 7515, A.3."""
    d = int.from_bytes(urlsafe_b64decode("jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI="))
    example = SigningKey(ec.derive_private_key(d, ec.SECP256R1()))

    assert example.public_jwk["x"] == "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU"
    assert example.public_jwk["y"] == "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"
    assert example.kid == "oKIywvGUpTVTyxMQ3bwIIeQUudfr_CkLMjCE19ECD-U"


def _pem(key: Any) -> str:
    encoding, form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    return str(key.private_bytes(encoding, form, serialization.NoEncryption()).decode())


@pytest.mark.parametrize(
    ("pem", "reason"),
    [
        pytest.param("hunter2", "PEM", id="no PEM"),
        pytest.param(_pem(rsa.generate_private_key(65537, 2048)), "EC key", id="RSA"),
        pytest.param(_pem(ec.generate_private_key(ec.SECP384R1())), "P-256", id="another curve"),
    ],
)
def test_wrong_key_is_refused(pem: str, reason: str) -> None:
    """A key that cannot sign ES256 is refused, without a word of it in the error."""
    with pytest.raises(ValueError, match=reason) as refusal:
        SigningKey.from_pem(pem)

    assert pem not in str(refusal.value)


def test_key_does_not_print_itself() -> None:
    """A key that ends in a log or a traceback shows its id alone."""
    assert repr(KEY) == f"SigningKey(kid='{KEY.kid}')"


DAY_MS = 86_400_000


@pytest.mark.parametrize(
    ("last_known", "expected"),
    [
        pytest.param(None, 1_000_000, id="a new device"),
        pytest.param(500, 1_000_000, id="the clock is ahead of the last"),
        pytest.param(999_999, 1_000_999, id="the last is a moment ago"),
        pytest.param(1_500_000, 1_501_000, id="this host's clock is slow"),
        pytest.param(1_000_000 + DAY_MS, 1_001_000 + DAY_MS, id="a day ahead"),
        pytest.param(1_000_001 + DAY_MS, 1_000_000, id="more than a day ahead is no clock"),
    ],
)
def test_session_numbers_grow(last_known: int | None, expected: int) -> None:
    """The next session is above the last by at least a step, so no slow clock makes a device look old."""
    assert tokens.next_session(last_known, now=1_000_000) == expected
