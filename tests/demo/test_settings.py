"""The demo starts only where it knows its own address, and only on this machine."""

import pytest

from functions.demo.application import create_app
from functions.demo.settings import DemoSettings
from mqtt_bridge.errors import ConfigurationError
from mqtt_bridge.recording import RecordingPublisher
from tests.functions.conftest import settings_of

NAME = "KULL_SYNC_DEMO_URL"


@pytest.mark.parametrize("url", ["http://127.0.0.1:8080", "http://localhost:80", "http://[::1]:9000"])
def test_an_address_of_this_machine(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """It comes from the environment, and the app is made with it."""
    monkeypatch.setenv(NAME, url)
    app = create_app(settings_of(), RecordingPublisher())

    assert DemoSettings.from_environment().demo_url == url
    assert set(app.state.demo.data.accounts) == {"ada", "bob"}


@pytest.mark.parametrize(
    "url",
    [
        None,
        "",
        "127.0.0.1:8080",
        "https://127.0.0.1:8080",
        "http://127.0.0.1",
        "http://127.0.0.1:8080/",
        "http://127.0.0.1:8080.evil.example",
        "http://evil.example:8080",
        "http://0.0.0.0:8080",
    ],
)
def test_another_address_is_refused(url: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the name of the variable."""
    monkeypatch.delenv(NAME, raising=False)
    if url is not None:
        monkeypatch.setenv(NAME, url)

    with pytest.raises(ConfigurationError, match=NAME):
        create_app(settings_of(), RecordingPublisher())
