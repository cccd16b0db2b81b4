"""What this machine must have besides Python packages, and whether it does.

The Makefile runs this file by itself, before there is a virtual environment:

    python3 -I mqtt_bridge/cli/needs.py run      prints the missing Debian packages on one line

So it uses the standard library alone, imports nothing of ours, and runs on every Python 3 that a machine
may still have: one that is too old is told so in a sentence.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

OLDEST_PYTHON = (3, 11)
OLDEST_MOSQUITTO = (2, 0, 11)
DAEMON_DIRECTORIES = ("/usr/local/sbin", "/usr/sbin", "/sbin")
INCLUDE_DIRECTORIES = ("usr/include", "usr/include/*-linux-*", "usr/local/include", "opt/homebrew/include")


class Need(NamedTuple):
    """One thing that a machine must have, or may have."""

    name: str
    why: str
    packages: str
    """Debian's packages that bring it, separated by spaces."""
    verbs: tuple[str, ...]
    """What cannot be done without it: ``run``, ``test``, ``container``; empty: it is a choice."""
    find: Callable[[], str | None]
    """A few words about what was found, or None."""
    note: str = ""
    """What else to know when it is missing."""


def command(name: str) -> str | None:
    """Where a command is, looking also where Debian keeps daemons: not on the path of ordinary users."""
    path = os.pathsep.join([os.environ.get("PATH", os.defpath), *DAEMON_DIRECTORIES])
    return shutil.which(name, path=path)


def first_line(*arguments: str, status: int = 0) -> str | None:
    """The first line that a program prints; None when it is missing, fails or takes longer than 10 s."""
    executable = command(arguments[0])
    if executable is None:
        return None
    try:
        done = subprocess.run(
            [executable, *arguments[1:]],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=10,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    lines = done.stdout.decode("utf-8", "replace").strip().splitlines()
    return lines[0].strip() if done.returncode == status and lines else None


def mosquitto() -> str | None:
    """The broker's version, unless it is too old for the plugin."""
    executable = command("mosquitto")
    if executable is None:
        return None
    # It shows its version in the help alone, which ends with status 3.
    version = re.search(r"version (\d+)\.(\d+)\.(\d+)", first_line(executable, "-h", status=3) or "")
    if version is None or tuple(map(int, version.groups())) < OLDEST_MOSQUITTO:
        return None
    return f"{'.'.join(version.groups())} at {executable}"


def headers(*names: str) -> Callable[[], str | None]:
    """Whether the compiler would find all of these C headers."""

    def find() -> str | None:
        extra = [os.environ.get(name, "") for name in ("CPATH", "C_INCLUDE_PATH")]
        directories = [Path(entry) for value in extra for entry in value.split(os.pathsep) if entry]
        for pattern in INCLUDE_DIRECTORIES:
            directories += Path("/").glob(pattern)
        if all(any((directory / name).exists() for directory in directories) for name in names):
            return ", ".join(names)
        return None

    return find


def fuzzer() -> str | None:
    """clang together with libFuzzer, which Debian only recommends with it."""
    resources = first_line("clang", "-print-resource-dir")
    if resources is None or not any(Path(resources).glob("lib/**/libclang_rt.fuzzer*")):
        return None
    return first_line("clang", "--version")


def virtual_environments() -> str | None:
    """The two modules that Debian leaves out of its plain python3."""
    try:
        import ensurepip
        import venv
    except ImportError:
        return None
    return f"{venv.__name__} and {ensurepip.__name__}"


BUILDS = ("run", "test")
"""The verbs that start the broker on this machine, and so build its plugin here."""

NEEDS = (
    Need("venv", "the Python environment", "python3-venv", (*BUILDS, "container"), virtual_environments),
    Need(
        "mosquitto",
        "the broker, 2.0.11 or newer",
        "mosquitto",
        BUILDS,
        mosquitto,
        "Debian starts a broker of its own with it; to stop that: sudo systemctl disable --now mosquitto",
    ),
    Need("gcc", "builds the plugin", "gcc libc6-dev", BUILDS, lambda: first_line("gcc", "--version")),
    Need("make", "builds the plugin", "make", BUILDS, lambda: first_line("make", "--version")),
    Need(
        "Mosquitto's headers",
        "the plugin's interface to the broker",
        "mosquitto-dev libmosquitto-dev",
        BUILDS,
        headers("mosquitto_plugin.h", "mosquitto_broker.h", "mosquitto.h"),
    ),
    Need("cJSON", "the plugin reads JSON with it", "libcjson-dev", BUILDS, headers("cjson/cJSON.h")),
    Need("OpenSSL", "the plugin verifies tokens with it", "libssl-dev", BUILDS, headers("openssl/evp.h")),
    Need("Chromium", "the browser of the web tests", "chromium", ("test",), lambda: command("chromium")),
    Need("clang", "fuzzes the plugin's parsers", "clang libclang-rt-dev", ("test",), fuzzer),
    Need(
        "mosquitto_sub",
        "a client that nobody here wrote, tried against the protocol",
        "mosquitto-clients",
        ("test",),
        lambda: command("mosquitto_sub"),
    ),
    Need("jq", "reads a session for that client", "jq", ("test",), lambda: first_line("jq", "--version")),
    Need("curl", "asks for that session", "curl", ("test",), lambda: first_line("curl", "--version")),
    # Not to be installed unasked: Debian's package would push out an engine that comes from elsewhere.
    Need(
        "Docker",
        "runs the broker as a container",
        "docker.io",
        (),
        lambda: first_line("docker", "version", "--format", "engine {{.Server.Version}}"),
        "its service must run, and you must be in its group",
    ),
)


def missing(verb: str) -> list[str]:
    """The Debian packages that ``verb`` still needs."""
    return [
        package
        for need in NEEDS
        if verb in need.verbs and need.find() is None
        for package in need.packages.split()
    ]


def main() -> int:
    """Print the packages that are missing for the verb named on the command line."""
    if sys.version_info < OLDEST_PYTHON:
        oldest, found = (".".join(map(str, version)) for version in (OLDEST_PYTHON, sys.version_info[:3]))
        sys.stderr.write(
            f"kull-sync needs Python {oldest} or newer, and {sys.executable} is {found}. "
            "Name another one, for example: make run PYTHON=python3.12\n"
        )
        return 1
    sys.stdout.write(" ".join(missing(sys.argv[1])) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
