"""Settings of a bridge worker: every fault is named at once, and no secret is shown."""

from pathlib import Path
from typing import Any

import pytest

from mqtt_bridge.bridge_settings import BridgeSettings, worker_number
from mqtt_bridge.errors import ConfigurationError, SessionUnavailableError

RIGHT = {
    "KULL_SYNC_WORKER": "1/4",
    "KULL_SYNC_API_URL": "https://api.example",
    "KULL_SYNC_SERVICE_TOKEN": "canary-token",
}


def faults(**changes: Any) -> dict[str, str]:
    environ = RIGHT | {f"KULL_SYNC_{name.upper()}": value for name, value in changes.items()}
    with pytest.raises(ConfigurationError) as caught:
        BridgeSettings.from_environment({name: value for name, value in environ.items() if value is not None})
    return caught.value.faults


def test_three_settings_are_enough() -> None:
    """The rest has defaults that suit one worker beside its probe."""
    settings = BridgeSettings.from_environment(RIGHT)

    assert (settings.index, settings.count) == (1, 4)
    assert (settings.metrics_host, settings.metrics_port) == ("127.0.0.1", 9464)
    assert (settings.broker_url, settings.broker_ca_file, settings.drain_timeout) == (None, None, 10.0)
    assert (settings.log_format, settings.log_level) == ("json", "INFO")
    assert "canary" not in repr(settings)


def test_all_faults_are_named_at_once() -> None:
    """Somebody who mends one must not find the next at the next start."""
    assert set(
        faults(worker="4/4", api_url=None, service_token=None, metrics_port="http", broker_url="x")
    ) == {
        "KULL_SYNC_WORKER",
        "KULL_SYNC_API_URL",
        "KULL_SYNC_SERVICE_TOKEN",
        "KULL_SYNC_METRICS_PORT",
        "KULL_SYNC_BROKER_URL",
    }


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("worker", None),
        ("worker", "1"),
        ("worker", "1/1"),
        ("worker", "-1/2"),
        ("worker", "0/0"),
        ("worker", "0/17"),
        ("worker", "0/2 "),
        ("worker", "a/b"),
        ("worker", "١/٢"),
        ("api_url", "ftp://api.example"),
        ("api_url", "https://user:secret@api.example"),
        ("api_url", "https://api.example/?a=b"),
        ("api_url", "api.example"),
        ("api_url", "http://api:example"),
        ("service_token", "secret\r"),
        ("service_token", "secret\nsecret"),
        ("service_token", "secret \u00e9"),
        ("service_token", " "),
        ("broker_url", "mqtt://user:secret@broker"),
        ("metrics_port", "65536"),
        ("drain_timeout", "-1"),
        ("log_format", "xml"),
        ("log_level", "TRACE"),
        ("service_token_file", "/nowhere/at/all"),
    ],
)
def test_a_fault_names_its_variable(name: str, value: str | None) -> None:
    """And does not repeat the value, which may be in the wrong place and a secret."""
    found = faults(**{name: value})

    assert list(found) == [f"KULL_SYNC_{name.upper()}"]
    assert "secret" not in str(found)


@pytest.mark.parametrize(("text", "expected"), [("0/1", (0, 1)), ("15/16", (15, 16)), ("00/02", (0, 2))])
def test_a_worker_is_which_of_how_many(text: str, expected: tuple[int, int]) -> None:
    """From 0, and no more of them than there are shards."""
    assert worker_number(text) == expected


def test_a_token_file_is_read_each_time(tmp_path: Path) -> None:
    """So that a token can be replaced before it expires; a file that is gone is waited for."""
    file = tmp_path / "token"
    file.write_text("first\n")
    environ = RIGHT | {"KULL_SYNC_SERVICE_TOKEN_FILE": str(file)}
    del environ["KULL_SYNC_SERVICE_TOKEN"]
    settings = BridgeSettings.from_environment(environ)
    assert settings.bearer() == "first"

    file.write_text("second\n")
    assert settings.bearer() == "second"

    file.write_text("canary\ncanary\n")
    with pytest.raises(SessionUnavailableError, match="KULL_SYNC_SERVICE_TOKEN_FILE holds") as half_written:
        settings.bearer()
    assert "canary" not in str(half_written.value)

    file.unlink()
    with pytest.raises(SessionUnavailableError, match="KULL_SYNC_SERVICE_TOKEN_FILE"):
        settings.bearer()
    assert BridgeSettings.from_environment(RIGHT).bearer() == "canary-token"


@pytest.mark.parametrize(
    "text", [pytest.param("secret\nsecret\n", id="two lines"), pytest.param("\n", id="no line")]
)
def test_a_token_file_that_holds_no_token(tmp_path: Path, text: str) -> None:
    """It is a fault of the file, which is named: no retry would mend it."""
    file = tmp_path / "token"
    file.write_text(text)
    found = faults(service_token=None, service_token_file=str(file))

    assert list(found) == ["KULL_SYNC_SERVICE_TOKEN_FILE"]
    assert "secret" not in str(found)
