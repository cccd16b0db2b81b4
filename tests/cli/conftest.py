"""A dev that many tests share, and one for tests that end it."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from .devs import FREE_PORTS, Dev

StartDev = Callable[..., Dev]


@pytest.fixture(scope="session")
def dev(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dev]:
    """A running dev. Tests use a user of their own each."""
    dev = Dev(tmp_path_factory.mktemp("dev"), *FREE_PORTS)
    try:
        yield dev.wait_until_ready()
    finally:
        dev.end()
        dev.close()


@pytest.fixture
def start_dev(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StartDev]:
    """Starts devs, and ends those that a test left running."""
    devs: list[Dev] = []

    def start(*arguments: str, directory: Path | None = None, **environment: str) -> Dev:
        devs.append(Dev(directory or tmp_path_factory.mktemp("dev"), *arguments, **environment))
        return devs[-1]

    yield start
    for dev in devs:
        dev.close()


@pytest.fixture
def runtime(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """No dev runs, and the environment says nothing of one."""
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    for name in ("URL", "APP_TOKEN", "AUTH_SECRET", "AUTH_SECRET_FILE", "AUTH_ISSUER", "AUTH_AUDIENCE"):
        monkeypatch.delenv(f"KULL_SYNC_{name}", raising=False)
    return tmp_path / "kull-sync"
