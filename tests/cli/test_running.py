"""The directory of a running dev: private, found by others, and gone with it."""

import multiprocessing
import os
import signal
from multiprocessing.synchronize import Event
from pathlib import Path

import pytest

from mqtt_bridge.cli.running import (
    RunningDev,
    RuntimeDirectoryError,
    dev_directory,
    remove_state,
    running_devs,
    runtime_directory,
    write_private,
    write_state,
)

from .devs import Dev, run


def a_dev(url: str = "http://127.0.0.1:8080", started: float = 1.0) -> RunningDev:
    return RunningDev(
        pid=1, started=started, url=url, auth_issuer="issuer", auth_audience="audience", auth_secret="secret"
    )


def test_found_while_it_runs(runtime: Path) -> None:
    """Others find a dev from when it answers until it ends; then nothing of it is left."""
    with dev_directory() as directory:
        before = running_devs()
        write_state(directory, a_dev())
        during = running_devs()
        remove_state(directory)
        after = running_devs()

    assert (before, during, after) == ([], [a_dev()], [])
    assert not runtime.exists()


def test_the_latest_comes_first(runtime: Path) -> None:
    """With several running, the one started last is meant."""
    with dev_directory() as first, dev_directory() as second:
        write_state(first, a_dev("http://first", started=1.0))
        write_state(second, a_dev("http://second", started=2.0))

        assert [dev.url for dev in running_devs()] == ["http://second", "http://first"]


def test_what_others_cannot_read(runtime: Path) -> None:
    """Directories and files are for their owner alone, whatever the umask says."""
    old = os.umask(0)
    try:
        with dev_directory() as directory:
            write_state(directory, a_dev())
            write_private(directory / "key", "secret")
            modes = [path.stat().st_mode & 0o777 for path in (runtime, directory, *directory.iterdir())]
    finally:
        os.umask(old)

    assert modes == [0o700, 0o700, 0o600, 0o600]


def test_the_secret_is_not_shown() -> None:
    """A dev that ends up in a log or a traceback keeps its secret."""
    assert "secret=" not in repr(a_dev())


def _hold(ready: Event) -> None:
    with dev_directory() as directory:
        write_state(directory, a_dev())
        ready.set()
        signal.pause()


def test_one_that_was_killed_is_not_found_and_is_cleared_away(runtime: Path) -> None:
    """What kill -9 leaves behind misleads nobody, and goes when the next one starts."""
    context = multiprocessing.get_context("spawn")
    ready = context.Event()
    holder = context.Process(target=_hold, args=(ready,))
    holder.start()
    assert ready.wait(60)
    alive = running_devs()
    with dev_directory():
        beside = running_devs()
    holder.kill()
    holder.join(60)
    left = list(runtime.glob("dev-*"))
    dead = running_devs()
    with dev_directory() as directory:
        remaining = list(runtime.glob("dev-*"))

    assert (alive, beside, dead) == ([a_dev()], [a_dev()], [])
    assert len(left) == 1
    assert remaining == [directory]


@pytest.mark.parametrize(
    "text", ["", "[]", "{", '{"pid": 1}'], ids=["empty", "list", "cut off", "older version"]
)
def test_a_state_that_is_not_one_is_ignored(runtime: Path, text: str) -> None:
    """A dev of another version does not stop the commands of this one."""
    with dev_directory() as directory:
        write_private(directory / "state.json", text)

        assert running_devs() == []


def test_a_directory_that_others_may_enter_is_refused(runtime: Path) -> None:
    """Else somebody could hand us a dev of theirs, or read ours."""
    runtime.mkdir()
    runtime.chmod(0o755)

    with pytest.raises(RuntimeDirectoryError, match="mode 0700"):
        running_devs()
    with pytest.raises(RuntimeDirectoryError, match="mode 0700"), dev_directory():
        pass


def test_a_link_in_its_place_is_refused(runtime: Path, tmp_path: Path) -> None:
    """In /tmp anybody could have put it there."""
    (tmp_path / "elsewhere").mkdir(mode=0o700)
    runtime.symlink_to(tmp_path / "elsewhere")

    with pytest.raises(RuntimeDirectoryError):
        running_devs()


def test_without_a_runtime_directory_of_the_system(runtime: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the system gives none, it lies in /tmp under the user's number."""
    monkeypatch.delenv("XDG_RUNTIME_DIR")

    assert runtime_directory().name == f"kull-sync-{os.getuid()}"


def test_commands_say_what_is_wrong_with_it(dev: Dev, tmp_path: Path) -> None:
    """A sentence and no traceback."""
    (tmp_path / "kull-sync").mkdir()
    (tmp_path / "kull-sync").chmod(0o755)
    refused = run("token", "--user", "ada", env=dev.env | {"XDG_RUNTIME_DIR": str(tmp_path)})

    assert refused.returncode == 1
    assert refused.stderr.startswith("Error: ")
    assert "mode 0700" in refused.stderr
