"""How the other commands find a running ``kull-sync dev`` of the same user, without being told.

Each ``dev`` has a directory with its keys, the broker's store and ``state.json``, which is written once all
answers. It holds a lock on the directory, which the system releases however the process ends: a directory
that can be locked is a left-over of one that was killed, and the next ``dev`` removes it.
"""

import fcntl
import json
import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path

from mqtt_bridge.errors import BridgeError

_STATE = "state.json"


class RuntimeDirectoryError(BridgeError):
    """The directory for a running ``dev`` belongs to somebody else, or others may read it."""


@dataclass(frozen=True, slots=True)
class RunningDev:
    """What a client of a running ``dev`` needs to know."""

    pid: int
    started: float
    """Seconds since 1970."""
    url: str
    """Of the functions, without a trailing slash."""
    auth_issuer: str
    auth_audience: str
    auth_secret: str = field(repr=False)


def runtime_directory() -> Path:
    """The parent of all ``dev`` directories of this user; it may not exist."""
    if runtime := os.environ.get("XDG_RUNTIME_DIR"):
        return Path(runtime) / "kull-sync"
    # Others can write beside it, so that its owner and mode are checked before it is used.
    return Path(tempfile.gettempdir()) / f"kull-sync-{os.getuid()}"


def running_devs() -> list[RunningDev]:
    """Every ``dev`` of this user that runs and answers, the latest first."""
    base = runtime_directory()
    if not base.exists():
        return []
    _check_private(base)
    found = []
    for directory in base.glob("dev-*"):
        with suppress(OSError, ValueError, TypeError):
            if not _is_abandoned(directory):
                found.append(RunningDev(**json.loads((directory / _STATE).read_text())))
    return sorted(found, key=lambda dev: dev.started, reverse=True)


@contextmanager
def dev_directory() -> Iterator[Path]:
    """A fresh private directory for a ``dev`` that starts; it goes, with all in it, when the block ends."""
    base = runtime_directory()
    with _locked(base):
        for directory in base.glob("dev-*"):
            if _is_abandoned(directory):
                shutil.rmtree(directory, ignore_errors=True)
        directory = Path(tempfile.mkdtemp(prefix="dev-", dir=base))
        lock = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
        fcntl.flock(lock, fcntl.LOCK_EX)
    try:
        yield directory
    finally:
        with _locked(base):
            shutil.rmtree(directory, ignore_errors=True)
            os.close(lock)
            with suppress(OSError):  # another dev is there
                base.rmdir()


def write_state(directory: Path, dev: RunningDev) -> None:
    """Let others find it. The file appears whole or not at all."""
    unfinished = directory / f"{_STATE}.new"
    write_private(unfinished, json.dumps(asdict(dev)))
    unfinished.replace(directory / _STATE)


def remove_state(directory: Path) -> None:
    """Let nobody find it any more."""
    (directory / _STATE).unlink(missing_ok=True)


def write_private(path: Path, text: str) -> None:
    """Write a new file that nobody else can read, not even for a moment."""
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)


@contextmanager
def _locked(base: Path) -> Iterator[None]:
    while True:
        base.mkdir(mode=0o700, parents=True, exist_ok=True)
        _check_private(base)
        descriptor = os.open(base, os.O_RDONLY | os.O_DIRECTORY)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            # The last dev to end removes the directory, perhaps while this one waited for the lock.
            if os.fstat(descriptor).st_nlink:
                yield
                return
        finally:
            os.close(descriptor)


def _check_private(base: Path) -> None:
    found = base.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or stat.S_IMODE(found.st_mode) & 0o077:
        raise RuntimeDirectoryError(
            f"{base} must be a directory of yours that nobody else can enter (mode 0700)"
        )


def _is_abandoned(directory: Path) -> bool:
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        # Shared, so that two that look at once do not take each other for the owner.
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    finally:
        os.close(descriptor)
    return True
