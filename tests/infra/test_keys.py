"""The keys of a deployment: who may read what, what is made again, how one signing key follows another."""

import json
import stat
from pathlib import Path

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from infra.keys import main
from mqtt_bridge import tokens
from mqtt_bridge.errors import TokenRefusedError
from mqtt_bridge.rights import device_rights
from mqtt_bridge.tokens import SigningKey


class Keys:
    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def run(self, step: str, *options: str) -> None:
        main([step, str(self.directory), *options])

    def text(self, name: str) -> str:
        return (self.directory / name).read_text()

    def token(self) -> str:
        """A broker token as the functions mint one now."""
        key = SigningKey.from_pem(self.text("functions/signing-key.pem"))
        return tokens.mint(key, principal="ada", device="mac", rights=device_rights("ada", "mac"))

    def accepts(self, token: str) -> bool:
        """Whether the broker would take the token."""
        try:
            tokens.verify(token, json.loads(self.text("broker/jwks.json")))
        except TokenRefusedError:
            return False
        return True


@pytest.fixture
def keys(tmp_path: Path) -> Keys:
    keys = Keys(tmp_path / "keys")
    keys.run("make", "--domain", "sync.example.com")
    return keys


def test_each_part_gets_its_own_and_nobody_else_may_read(keys: Keys) -> None:
    """A part that is taken over has its own keys and no more."""
    files = {str(path.relative_to(keys.directory)) for path in keys.directory.rglob("*") if path.is_file()}
    assert files == {
        "functions/signing-key.pem",
        "functions/auth-secret",
        "broker/jwks.json",
        "bridge/service-token",
        "front/tls.pem",
        "front/authority.pem",
    }
    for path in keys.directory.glob("*/**"):
        mode = stat.S_IMODE(path.stat().st_mode)
        assert mode == (0o700 if path.is_dir() else 0o400), path
    assert keys.accepts(keys.token())
    claims = jwt.decode(
        keys.text("bridge/service-token").strip(),
        keys.text("functions/auth-secret").strip(),
        algorithms=["HS256"],
        audience="kull-sync",
        issuer="kull-sync-trial",
    )
    assert claims["scope"] == "sync:session sync:bridge"


def test_what_is_there_stays(keys: Keys) -> None:
    """compose runs it at every start."""
    before = {path: path.read_bytes() for path in keys.directory.rglob("*") if path.is_file()}
    keys.run("make")

    assert {path: path.read_bytes() for path in before} == before


@pytest.mark.parametrize("worthless", ["", "no token", jwt.encode({"exp": 1}, "x" * 32)])
def test_a_service_token_that_is_none_is_made_again(keys: Keys, worthless: str) -> None:
    """Without one the workers stand still."""
    path = keys.directory / "bridge" / "service-token"
    path.chmod(0o600)
    path.write_text(worthless)
    keys.run("make")

    assert jwt.decode(path.read_text().strip(), options={"verify_signature": False})["sub"] == "bridge"


def test_a_service_token_of_the_login_stays(keys: Keys) -> None:
    """With a JWKS the login signs it: one that is made here in its place, no function would take."""
    path = keys.directory / "bridge" / "service-token"
    path.chmod(0o600)
    token = jwt.encode(
        {"sub": "bridge", "exp": 1}, ec.generate_private_key(ec.SECP256R1()), algorithm="ES256"
    )
    path.write_text(token)
    keys.run("make")

    assert path.read_text() == token


def test_one_key_follows_another_and_nobody_is_locked_out(keys: Keys) -> None:
    """At each step the broker takes what the functions sign now and what they signed a step before."""
    old = keys.token()
    keys.run("stage")
    assert keys.accepts(old)
    assert keys.accepts(keys.token())
    keys.run("promote")
    new = keys.token()
    assert keys.accepts(old)
    assert keys.accepts(new)
    keys.run("retire")
    assert not keys.accepts(old)
    assert keys.accepts(new)


def test_a_step_out_of_turn_changes_nothing(keys: Keys) -> None:
    """The functions would sign with a key that the broker does not know."""
    with pytest.raises(SystemExit, match="no key is staged"):
        keys.run("promote")
    keys.run("stage")
    with pytest.raises(SystemExit, match="promote it"):
        keys.run("stage")
    with pytest.raises(SystemExit, match="promote it first"):
        keys.run("retire")
    assert keys.accepts(keys.token())
