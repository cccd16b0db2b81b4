"""What a machine must have: asked by the Makefile before anything is installed, and by the doctor."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from mqtt_bridge import local_broker
from mqtt_bridge.cli import needs
from mqtt_bridge.cli.app import app
from mqtt_bridge.cli.needs import NEEDS
from mqtt_bridge.cli.ports import DEFAULT_PORTS

FILE = Path(needs.__file__)


def program(directory: Path, name: str, script: str) -> None:
    path = directory / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


@pytest.fixture
def bare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine with none of the programs and headers; the directory returned is its path."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(needs, "DAEMON_DIRECTORIES", ())
    monkeypatch.setattr(needs, "INCLUDE_DIRECTORIES", ())
    for name in ("CPATH", "C_INCLUDE_PATH"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def test_this_machine_has_all_that_the_tests_need() -> None:
    """As the Makefile asks: by itself, with no environment, and an empty line for an answer."""
    done = subprocess.run(
        [sys.executable, "-I", FILE, "test"], capture_output=True, text=True, timeout=60, check=True
    )

    assert done.stdout == "\n"


def test_what_the_makefile_reads(
    bare: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """One line with all packages, to be handed to apt."""
    monkeypatch.setattr(sys, "argv", [str(FILE), "run"])

    assert needs.main() == 0
    assert capsys.readouterr().out == " ".join(needs.missing("run")) + "\n"


@pytest.mark.parametrize("verb", ["run", "test", "container"])
def test_a_bare_machine(bare: Path, verb: str) -> None:
    """Everything that is missing is named at once, in the words of apt."""
    missing = needs.missing(verb)

    assert ("mosquitto" in missing) == (verb != "container")
    assert ("clang" in missing) == (verb == "test")
    # Never by itself: Debian's Docker would push out another.
    assert "docker.io" not in missing
    assert all(re.fullmatch(r"[a-z0-9][a-z0-9+.-]+", package) for package in missing)


def test_an_old_python_is_told_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A Python that cannot run the rest says which one can."""
    monkeypatch.setattr(sys, "version_info", (3, 9, 2, "final", 0))

    assert needs.main() == 1
    assert "needs Python 3.11 or newer" in capsys.readouterr().err


def test_old_pythons_can_read_the_file() -> None:
    """Else they would show a syntax error in place of that sentence."""
    with pytest.raises(SyntaxError):
        ast.parse("match 1:\n    case 1: pass", feature_version=(3, 7))

    ast.parse(FILE.read_text(), feature_version=(3, 7))


@pytest.mark.parametrize(
    ("version", "found"),
    [
        pytest.param("mosquitto version 1.6.9", False, id="1.6"),
        pytest.param("mosquitto version 2.0.10", False, id="2.0.10"),
        pytest.param("mosquitto version 2.0.11", True, id="2.0.11"),
        pytest.param("mosquitto version 2.1.2", True, id="2.1"),
        pytest.param("another program", False, id="no version"),
    ],
)
def test_mosquitto_must_be_new_enough(bare: Path, version: str, found: bool) -> None:
    """The plugin's interface is that of 2.0.11 and later."""
    program(bare, "mosquitto", f"echo '{version}'; exit 3")

    assert (needs.mosquitto() is not None) == found


def test_a_program_that_fails_is_missing(bare: Path) -> None:
    """A Docker whose engine does not answer is no Docker."""
    docker = next(need for need in NEEDS if need.name == "Docker")
    program(bare, "docker", "echo 'Cannot connect to the Docker daemon' >&2; exit 1")
    without = docker.find()
    program(bare, "docker", "echo engine 20.10")

    assert (without, docker.find()) == (None, "engine 20.10")


def test_a_program_that_cannot_be_started_is_missing(bare: Path) -> None:
    """It is there and executable, and still no program."""
    (bare / "gcc").write_bytes(b"\x7fELF")
    (bare / "gcc").chmod(0o755)

    assert needs.first_line("gcc", "--version") is None


def test_headers_of_ones_own_are_found(bare: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the compiler looks, this looks too."""
    (bare / "cjson").mkdir()
    (bare / "cjson/cJSON.h").touch()
    find = needs.headers("cjson/cJSON.h")
    before = find()
    monkeypatch.setenv("CPATH", f"/nowhere:{bare}")

    assert (before, find()) == (None, "cjson/cJSON.h")


def test_a_clang_without_its_fuzzer_is_not_enough(bare: Path) -> None:
    """Debian only recommends libFuzzer with clang, and we install no recommendations."""
    program(bare, "clang", f'[ "$1" = --version ] && echo clang 14 || echo {bare}')
    without = needs.fuzzer()
    (bare / "lib/linux").mkdir(parents=True)
    (bare / "lib/linux/libclang_rt.fuzzer-x86_64.a").touch()

    assert (without, needs.fuzzer()) == (None, "clang 14")


def test_a_python_without_venv(monkeypatch: pytest.MonkeyPatch) -> None:
    """Debian's plain python3 lacks it."""
    monkeypatch.setitem(sys.modules, "ensurepip", None)

    assert needs.virtual_environments() is None


def test_the_broker_asks_for_nothing_else(bare: Path) -> None:
    """What the broker misses when it is started is what the Makefile would have installed."""
    assert set(local_broker.missing_packages()) - {"mosquitto"} <= set(needs.missing("run"))


def test_the_doctor_finds_everything_here() -> None:
    """On a machine where the tests run, nothing that is required is missing."""
    shown = CliRunner().invoke(app, ["doctor"], env={"COLUMNS": "160"})

    assert shown.exit_code == 0
    for need in NEEDS:
        assert need.name in shown.output
    for port in DEFAULT_PORTS.values():
        assert f"port {port}" in shown.output


@pytest.mark.parametrize(
    ("has_sudo", "install"),
    [
        pytest.param(True, "sudo apt-get install", id="sudo"),
        pytest.param(False, "as root: apt-get install", id="none"),
    ],
)
def test_the_doctor_on_a_bare_machine(
    bare: Path, monkeypatch: pytest.MonkeyPatch, has_sudo: bool, install: str
) -> None:
    """Each thing that is missing comes with the line that brings it here, and the status is not 0."""
    if has_sudo:
        (bare / "sudo").touch(mode=0o755)
    monkeypatch.setattr("mqtt_bridge.cli.doctor.find_spec", lambda name: None)
    shown = CliRunner().invoke(app, ["doctor"], env={"COLUMNS": "160"})

    assert shown.exit_code == 1
    for need in NEEDS[1:]:
        assert f"  {need.name}: {install} -y {need.packages}" in shown.output
    assert "  uvicorn: pip install 'kull-sync[cli]'" in shown.output
