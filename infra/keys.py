"""Makes what a deployment must keep secret, one directory for each part that may read it.

    python3 infra/keys.py make keys --domain sync.example.com

    keys/functions   signing-key.pem, auth-secret      the functions alone
    keys/broker      jwks.json                         the public keys of the tokens
    keys/bridge      service-token                     with which the workers ask for their sessions
    keys/front       tls.pem, authority.pem            a certificate for a trial; put your own in its place

``make`` leaves what is there, but for a service token of its own that is about to expire. A new signing key
comes in three steps, each followed by a restart or reload of who reads it: ``stage``, ``promote``,
``retire``. docs/deploy.md has them in full.
"""

import argparse
import contextlib
import datetime
import ipaddress
import os
import secrets
import sys
import time
from collections.abc import Callable
from pathlib import Path

import jwt
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from mqtt_bridge.tokens import SigningKey, write_jwks

SERVICE = "bridge"
SCOPES = "sync:session sync:bridge"
SERVICE_TOKEN_DAYS = 365
RENEW_BEFORE = 30 * 86_400
"""Seconds before its expiry that ``make`` replaces the service token."""
CERTIFICATE_DAYS = 398

OWNERS = {"functions": 1884, "bridge": 1884, "broker": 1883, "front": 1885}
"""Users of the images. Root gives each its directory; anybody else keeps them."""


class Keys:
    """The directory, as it is and as it shall be."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        for name in OWNERS:
            (directory / name).mkdir(parents=True, exist_ok=True)
        self.active = directory / "functions" / "signing-key.pem"
        self.staged = directory / "functions" / "signing-key.next.pem"
        self.auth_secret = directory / "functions" / "auth-secret"
        self.jwks = directory / "broker" / "jwks.json"
        self.service_token = directory / "bridge" / "service-token"
        self.certificate = directory / "front" / "tls.pem"
        self.authority = directory / "front" / "authority.pem"

    def make(self, domain: str, issuer: str, audience: str) -> None:
        """Whatever is missing."""
        if not self.active.exists():
            _write(self.active, SigningKey.generate().to_pem())
        if not self.jwks.exists():
            self._publish(self.active)
        if not self.auth_secret.exists():
            _write(self.auth_secret, secrets.token_urlsafe(48) + "\n")
        if not self._service_token_lasts():
            claims = {
                "iss": issuer,
                "aud": audience,
                "sub": SERVICE,
                "scope": SCOPES,
                "iat": int(time.time()),
            }
            claims["exp"] = int(time.time()) + SERVICE_TOKEN_DAYS * 86_400
            secret = self.auth_secret.read_text().strip()
            _write(self.service_token, jwt.encode(claims, secret, algorithm="HS256") + "\n")
        if not self.certificate.exists():
            authority, certificate = trial_certificate(domain)
            _write(self.authority, authority)
            _write(self.certificate, certificate)

    def stage(self) -> None:
        """A second key, which the broker knows and nobody uses yet."""
        if self.staged.exists():
            raise SystemExit(f"Error: {self.staged} exists already: promote it")
        _write(self.staged, SigningKey.generate().to_pem())
        self._publish(self.active, self.staged)

    def promote(self) -> None:
        """The functions sign with the second key; the broker still takes what the first has signed."""
        if not self.staged.exists():
            raise SystemExit("Error: no key is staged")
        old = SigningKey.from_pem(self.active.read_text())
        self.staged.replace(self.active)
        self._publish_keys(SigningKey.from_pem(self.active.read_text()), old)

    def retire(self) -> None:
        """The broker takes the present key alone."""
        if self.staged.exists():
            raise SystemExit(f"Error: {self.staged} exists: promote it first")
        self._publish(self.active)

    def hand_over(self) -> None:
        """Each part reads its own directory, and no other."""
        for name, owner in OWNERS.items():
            directory = self._directory / name
            for path in (directory, *directory.iterdir()):
                path.chmod(0o700 if path.is_dir() else 0o400)
                if os.geteuid() == 0:
                    os.chown(path, owner, owner)

    def _publish(self, *files: Path) -> None:
        self._publish_keys(*(SigningKey.from_pem(file.read_text()) for file in files))

    def _publish_keys(self, *keys: SigningKey) -> None:
        partial = self.jwks.with_name(".jwks.json.new")
        write_jwks(partial, *keys)
        # The broker never reads half of it; and who is not root may not write into the old one.
        partial.replace(self.jwks)

    def _service_token_lasts(self) -> bool:
        with contextlib.suppress(OSError, jwt.InvalidTokenError):
            token = self.service_token.read_text().strip()
            if jwt.get_unverified_header(token).get("alg", "HS256") != "HS256":
                # The login made it, with a key that only the login has: nobody here can make a better one.
                return True
            claims = jwt.decode(
                token,
                self.auth_secret.read_text().strip(),
                algorithms=["HS256"],
                options={"verify_aud": False, "require": ["exp"]},
            )
            return bool(claims["exp"] > time.time() + RENEW_BEFORE)
        return False


def _write(path: Path, text: str) -> None:
    # A reader sees the old or the new, and a stranger neither.
    partial = path.with_name(f".{path.name}.new")
    partial.unlink(missing_ok=True)
    with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
    partial.replace(path)


def trial_certificate(domain: str) -> tuple[str, str]:
    """PEM of an authority made for this alone, and of the domain's certificate and key for HAProxy."""
    authority_key, key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    authority_name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"kull-sync trial of {domain}"[:64])])
    names: list[x509.GeneralName] = [x509.DNSName(domain)]
    with contextlib.suppress(ValueError):
        names = [x509.IPAddress(ipaddress.ip_address(domain))]
    if domain == "localhost":
        names.append(x509.IPAddress(ipaddress.ip_address("127.0.0.1")))
    now = datetime.datetime.now(datetime.UTC)

    def signed(subject: x509.Name, public: ec.EllipticCurvePublicKey, *, authority: bool) -> bytes:
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(authority_name)
            .public_key(public)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(hours=1))
            .not_valid_after(now + datetime.timedelta(days=CERTIFICATE_DAYS))
            .add_extension(
                x509.BasicConstraints(ca=authority, path_length=0 if authority else None), critical=True
            )
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(authority_key.public_key()), critical=False
            )
            .add_extension(
                x509.KeyUsage(
                    digital_signature=not authority,
                    content_commitment=False,
                    key_encipherment=False,
                    data_encipherment=False,
                    key_agreement=False,
                    key_cert_sign=authority,
                    crl_sign=False,
                    encipher_only=False,
                    decipher_only=False,
                ),
                critical=True,
            )
        )
        if not authority:
            server = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH])
            builder = builder.add_extension(server, critical=False)
            builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        return builder.sign(authority_key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)

    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, domain[:64])])
    certificate = signed(subject, key.public_key(), authority=False)
    authority = signed(authority_name, authority_key.public_key(), authority=True)
    return authority.decode(), (certificate + private).decode()


def main(words: list[str] | None = None) -> None:
    """Do what the command line asks."""
    parser = argparse.ArgumentParser(description="Keys of a deployment.")
    parser.add_argument("step", choices=["make", "stage", "promote", "retire"])
    parser.add_argument("directory", type=Path)
    parser.add_argument("--domain", default="localhost", help="whom the trial certificate names")
    parser.add_argument("--issuer", default="kull-sync-trial", help="iss of the service token: AUTH_ISSUER")
    parser.add_argument("--audience", default="kull-sync", help="aud of the service token: AUTH_AUDIENCE")
    arguments = parser.parse_args(words)
    keys = Keys(arguments.directory)
    steps: dict[str, Callable[[], None]] = {
        "make": lambda: keys.make(arguments.domain, arguments.issuer, arguments.audience),
        "stage": keys.stage,
        "promote": keys.promote,
        "retire": keys.retire,
    }
    try:
        steps[arguments.step]()
        keys.hand_over()
    except (OSError, ValueError) as exc:
        sys.exit(f"Error: {exc}")


if __name__ == "__main__":
    main()
