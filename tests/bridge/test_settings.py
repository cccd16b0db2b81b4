"""Settings: read from the environment, all faults named at once, secrets never shown."""

from pathlib import Path

import pytest

from mqtt_bridge.errors import ConfigurationError
from mqtt_bridge.settings import Settings
from mqtt_bridge.tokens import SigningKey

PEM = SigningKey.generate().to_pem()
SECRET = "correct-horse-battery-staple-0123456789"

VALID = {
    "KULL_SYNC_BROKER_URL": "mqtt://127.0.0.1",
    "KULL_SYNC_PUBLIC_BROKER_URLS": "wss://sync.example.com/mqtt, mqtts://sync.example.com",
    "KULL_SYNC_SIGNING_KEY": PEM,
    "KULL_SYNC_AUTH_ISSUER": "https://id.example.com",
    "KULL_SYNC_AUTH_AUDIENCE": "kull",
    "KULL_SYNC_AUTH_ALGORITHMS": "HS256",
    "KULL_SYNC_AUTH_SECRET": SECRET,
}


def test_settings_are_read() -> None:
    """Lists are comma-separated, and what is not set has the documented default."""
    settings = Settings.from_environment(VALID | {"KULL_SYNC_KEEPALIVE": "20", "PATH": "/bin"})

    assert settings.public_broker_urls == ("wss://sync.example.com/mqtt", "mqtts://sync.example.com")
    assert settings.auth_algorithms == ("HS256",)
    assert (settings.keepalive, settings.queue_limit, settings.token_lifetime) == (20, 1000, 3600)


def test_secrets_may_come_from_files(tmp_path: Path) -> None:
    """A mounted secret is read from its file."""
    key, secret = tmp_path / "key.pem", tmp_path / "secret"
    key.write_text(PEM)
    secret.write_text(SECRET + "\n")
    environ = {name: value for name, value in VALID.items() if "KEY" not in name and "SECRET" not in name}

    settings = Settings.from_environment(
        environ | {"KULL_SYNC_SIGNING_KEY_FILE": str(key), "KULL_SYNC_AUTH_SECRET_FILE": str(secret)}
    )

    assert settings.auth_secret is not None
    assert settings.auth_secret.get_secret_value() == SECRET
    assert settings.signing_key.get_secret_value().strip() == PEM.strip()


@pytest.mark.parametrize(
    ("changes", "variable", "fault"),
    [
        ({"BROKER_URL": ""}, "BROKER_URL", "is not set"),
        ({"BROKER_URL": "http://b"}, "BROKER_URL", "must start with"),
        ({"PUBLIC_BROKER_URLS": " , "}, "PUBLIC_BROKER_URLS", "at least 1"),
        ({"PUBLIC_BROKER_URLS": "wss://a,ftp://b"}, "PUBLIC_BROKER_URLS", "must start with"),
        ({"SIGNING_KEY": "hunter2"}, "SIGNING_KEY", "PEM"),
        ({"SIGNING_KEY_FILE": "/does/not/exist"}, "SIGNING_KEY_FILE", "cannot be read"),
        ({"AUTH_SECRET": "hunter2"}, "AUTH_SECRET", "at least 32"),
        ({"AUTH_SECRET": ""}, "AUTH_*", "exactly one of"),
        ({"AUTH_JWKS_URL": "https://id.example.com/jwks"}, "AUTH_*", "exactly one of"),
        ({"AUTH_SECRET": "", "AUTH_JWKS_URL": "http://id.example.com/jwks"}, "AUTH_JWKS_URL", "pattern"),
        ({"AUTH_ALGORITHMS": "none"}, "AUTH_ALGORITHMS", "Input should be"),
        ({"AUTH_ALGORITHMS": "RS256"}, "AUTH_*", "must be HS"),
        ({"AUTH_ALGORITHMS": "HS256,RS256"}, "AUTH_*", "must be HS"),
        ({"AUTH_ALGORITHMS": "HS256,HS512"}, "AUTH_*", "at least 64 bytes for HS512"),
        ({"KEEPALIVE": "0"}, "KEEPALIVE", "greater than or equal to 5"),
        ({"KEEPALIVE": "61"}, "KEEPALIVE", "less than or equal to 60"),
        ({"TOKEN_LIFETIME": "soon"}, "TOKEN_LIFETIME", "integer"),
        ({"PUBLISH_TIMEOUT": "inf"}, "PUBLISH_TIMEOUT", "less than or equal to 30"),
        ({"LOG_LEVEL": "LOUD"}, "LOG_LEVEL", "Input should be"),
    ],
)
def test_fault_is_named(changes: dict[str, str], variable: str, fault: str) -> None:
    """Each fault leads to its variable, and no value is repeated: it may be a secret."""
    environ = VALID | {f"KULL_SYNC_{name}": value for name, value in changes.items()}

    with pytest.raises(ConfigurationError) as refusal:
        Settings.from_environment(environ)

    assert fault in refusal.value.faults.get(f"KULL_SYNC_{variable}", "")
    assert "hunter2" not in str(refusal.value)


def test_all_faults_come_at_once() -> None:
    """Whoever starts with nothing set learns all that is needed, not one thing per start."""
    with pytest.raises(ConfigurationError) as refusal:
        Settings.from_environment({})

    assert set(refusal.value.faults) == set(VALID) - {"KULL_SYNC_AUTH_SECRET"}


def test_secrets_do_not_print_themselves() -> None:
    """Settings that end in a log or a traceback show no secret."""
    shown = repr(Settings.from_environment(VALID))

    assert SECRET not in shown
    assert "PRIVATE KEY" not in shown
