"""Our Mosquitto as a local process, for ``kull-sync dev`` and for tests: loopback only.

Runs what production runs (``infra/mosquitto/mosquitto.conf``) with paths and ports replaced, and builds the
plugin when there is no build of these sources yet.

>>> with LocalBroker(data_dir, jwks_file=data_dir / "jwks.json") as broker:  # doctest: +SKIP
...     print(broker.tcp_port, broker.ws_port)
"""

import contextlib
import functools
import getpass
import hashlib
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Self

from .broker_probe import silent_port
from .errors import BridgeError
from .tokens import AUDIENCE, ISSUER

HOST = "127.0.0.1"

START_TIMEOUT = 20.0
"""Seconds until the broker must answer on both listeners."""
STOP_TIMEOUT = 10.0
"""Seconds that the broker gets to save after SIGTERM, before SIGKILL."""
BUILD_TIMEOUT = 180.0
"""Seconds that compiling the plugin may take."""

_PRODUCTION_PLUGIN = "plugin /usr/lib/kull-sync/jwt_auth.so"
_PRODUCTION_STORE = "plugin /usr/lib/kull-sync/mosquitto_persist_sqlite.so"
_HEADERS = {
    "mosquitto_plugin.h": "mosquitto-dev",
    "mosquitto.h": "libmosquitto-dev",
    "cjson/cJSON.h": "libcjson-dev",
    "openssl/evp.h": "libssl-dev",
}


class LocalBrokerError(BridgeError):
    """The local broker could not be built or started. The text says what is missing, and how to get it."""


def missing_packages() -> list[str]:
    """The Debian packages without which the broker cannot be built or run on this machine."""
    missing = [] if _find_mosquitto() else ["mosquitto"]
    if not shutil.which("make"):
        missing.append("make")
    if not (compiler := shutil.which("gcc")):
        return [*missing, "gcc", "libc6-dev", *_HEADERS.values()]
    for header, package in _HEADERS.items():
        probe = [compiler, "-E", "-w", "-include", header, "-x", "c", os.devnull]
        if subprocess.run(probe, capture_output=True, timeout=30, check=False).returncode:
            missing.append(package)
    return missing


def _lacking(packages: list[str]) -> LocalBrokerError:
    return LocalBrokerError(
        f"The broker needs {', '.join(packages)}. On Debian: sudo apt-get install {' '.join(packages)}"
    )


def _find_mosquitto() -> str | None:
    # Debian puts it where only root's PATH leads.
    return shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin")


def sources_dir() -> Path:
    """Where the broker's files are: ``infra/mosquitto`` of a checkout, or their copy in an installation."""
    package = Path(__file__).parent
    for root in (package.parent, package):
        if (root / "infra/mosquitto/mosquitto.conf").is_file():
            return root / "infra/mosquitto"
    raise LocalBrokerError(f"The broker's files (infra/mosquitto) are neither beside nor in {package}")


def build_plugin() -> Path:
    """The plugin built from these sources: found in the user's cache, else compiled into it."""
    sources = sources_dir() / "jwt_auth"
    files = sorted(
        path for path in sources.iterdir() if path.suffix in (".c", ".h") or path.name == "Makefile"
    )
    content = hashlib.sha256(b"\0".join(path.name.encode() + b"\0" + path.read_bytes() for path in files))
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "kull-sync"
    plugin = cache / f"jwt_auth-{content.hexdigest()[:16]}.so"
    if plugin.is_file():
        return plugin

    if missing := missing_packages():
        raise _lacking(missing)
    cache.mkdir(parents=True, exist_ok=True, mode=0o700)
    with tempfile.TemporaryDirectory(dir=cache, prefix="build-") as build:
        make = ["make", "--silent", "-C", str(sources), f"BUILD={build}", "CC=gcc"]
        try:
            done = subprocess.run(make, capture_output=True, text=True, timeout=BUILD_TIMEOUT, check=False)
        except subprocess.TimeoutExpired as exc:
            raise LocalBrokerError(f"Building the broker's plugin took over {BUILD_TIMEOUT:.0f} s") from exc
        if done.returncode:
            raise LocalBrokerError(f"Building the broker's plugin failed:\n{done.stderr.strip()}")
        # Renamed into place: processes that build at the same time do not see half a file.
        Path(build, "jwt_auth.so").replace(plugin)
    return plugin


@functools.cache
def mosquitto_version(mosquitto: str) -> tuple[int, int]:
    """Major and minor version of the program. Raises LocalBrokerError below 2.0."""
    # Its exit code for -h differs between versions.
    usage = subprocess.run([mosquitto, "-h"], capture_output=True, text=True, timeout=10, check=False).stdout
    if not (match := re.search(r"mosquitto version (\d+)\.(\d+)", usage)):
        raise LocalBrokerError(f"{mosquitto} does not tell its version")
    version = int(match[1]), int(match[2])
    if version < (2, 0):
        raise LocalBrokerError(f"Mosquitto 2.0 or later is needed, {mosquitto} is {match[1]}.{match[2]}")
    return version


def _sqlite_store() -> Path:
    for path in sorted(Path("/usr/lib").glob("*/mosquitto/mosquitto_persist_sqlite.so")):
        return path
    raise LocalBrokerError("Mosquitto 2.1 lacks its plugin mosquitto_persist_sqlite.so")


def replace_line(text: str, old: str, new: str) -> str:
    """Put ``new`` for the line that begins with the words of ``old``; there must be one such line."""
    replaced, count = re.subn(rf"^{re.escape(old)}(?: .*)?$", lambda _: new, text, flags=re.MULTILINE)
    if count != 1:
        raise LocalBrokerError(f"mosquitto.conf has {count} lines {old!r} where 1 was expected")
    return replaced


class LocalBroker:
    """One broker process on the loopback interface.

    ``data_dir`` keeps the store, the sign-outs and the rendered configuration; a broker started again with it
    finds its sessions. A port of 0 means a free one, picked at the first start and kept. ``log`` gets each
    line that the broker logs, on a thread of its own; without it lines go to ``data_dir / "mosquitto.log"``.
    ``options`` overrides options of the plugin (``{"device_rate": "5"}``). ``mosquitto`` is the program, by
    default the one that is installed, and ``sqlite_store`` the store plugin of a Mosquitto 2.1.
    """

    def __init__(
        self,
        data_dir: Path,
        *,
        jwks_file: Path,
        issuer: str = ISSUER,
        audience: str = AUDIENCE,
        tcp_port: int = 0,
        ws_port: int = 0,
        log: Callable[[str], None] | None = None,
        options: Mapping[str, str] | None = None,
        mosquitto: Path | None = None,
        sqlite_store: Path | None = None,
    ) -> None:
        self.host = HOST
        self.tcp_port = tcp_port
        self.ws_port = ws_port
        self._data_dir = data_dir.resolve()
        self._options = {
            "jwks_file": str(jwks_file.resolve()),
            "issuer": issuer,
            "audience": audience,
            "revocations_file": str(self._data_dir / "revocations"),
            **(options or {}),
        }
        self._mosquitto = mosquitto
        self._sqlite_store = sqlite_store
        self._log = log
        self._process: subprocess.Popen[str] | None = None
        self._reader: threading.Thread | None = None
        self._last_lines: deque[str] = deque(maxlen=20)

    @property
    def pid(self) -> int:
        """The process id. Raises LocalBrokerError when the broker does not run."""
        return self._running().pid

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Start the broker and return once both listeners answer; LocalBrokerError when they do not."""
        if self.running:
            raise LocalBrokerError("The broker runs already")
        picked = self.tcp_port == 0 or self.ws_port == 0
        wanted = self.tcp_port, self.ws_port
        # A port that was free a moment ago can be somebody else's by now.
        for attempt in range(5):
            self.tcp_port, self.ws_port = (port or free_port() for port in wanted)
            try:
                self._start_once()
            except LocalBrokerError:
                if not picked or attempt == 4 or not any("in use" in line for line in self._last_lines):
                    raise
            else:
                return

    def command(self) -> list[str]:
        """Write the configuration and return what starts the broker, for who minds processes themselves.

        The ports must be chosen. Raises LocalBrokerError when something is missing on this machine.
        """
        mosquitto = str(self._mosquitto) if self._mosquitto else _find_mosquitto()
        if not mosquitto:
            raise _lacking(["mosquitto"])
        plugin = build_plugin()
        self._data_dir.mkdir(parents=True, exist_ok=True)
        configuration = self._data_dir / "mosquitto.conf"
        configuration.write_text(self._render(mosquitto_version(mosquitto), plugin))
        return [mosquitto, "-c", str(configuration)]

    def _start_once(self) -> None:
        self._last_lines.clear()
        self._process = subprocess.Popen(
            self.command(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            # Ctrl-C in a terminal goes to its whole group; who started the broker decides when it ends.
            start_new_session=True,
        )
        self._reader = threading.Thread(target=self._read_log, args=(self._process,), daemon=True)
        self._reader.start()
        try:
            self._wait_until_ready()
        except BaseException:
            self.kill()
            raise

    def _render(self, version: tuple[int, int], plugin: Path) -> str:
        text = (sources_dir() / "mosquitto.conf").read_text()
        if version < (2, 1):
            store = (sources_dir() / "store-2.0.conf").read_text()
            text, count = re.subn(
                r"# ---- Store ----\n.*?(?=# ---- )", lambda _: store + "\n", text, flags=re.DOTALL
            )
            if count != 1:
                raise LocalBrokerError("mosquitto.conf has no section Store")
        else:
            text = replace_line(text, _PRODUCTION_STORE, f"plugin {self._sqlite_store or _sqlite_store()}")
        text = replace_line(text, "persistence_location", f"persistence_location {self._data_dir}")
        text = replace_line(text, _PRODUCTION_PLUGIN, f"plugin {plugin}")
        for name, value in self._options.items():
            text = replace_line(text, f"plugin_opt_{name}", f"plugin_opt_{name} {value}")
        # On 2.0.11 a WebSocket listener ignores the address unless the domain is set too.
        for default, port in ((1883, self.tcp_port), (8083, self.ws_port)):
            text = replace_line(text, f"listener {default}", f"listener {port} {HOST}\nsocket_domain ipv4")
        if os.geteuid() == 0:
            # Else it would become the user mosquitto, who cannot read our files.
            text = f"user {getpass.getuser()}\n{text}"
        return text

    def _read_log(self, process: subprocess.Popen[str]) -> None:
        with contextlib.ExitStack() as stack:
            stderr = stack.enter_context(process.stderr) if process.stderr else ()
            sink = self._log
            if sink is None:
                file = stack.enter_context((self._data_dir / "mosquitto.log").open("a", buffering=1))

                def sink(line: str) -> None:
                    file.write(line + "\n")

            for line in stderr:
                self._last_lines.append(line.rstrip("\n"))
                sink(line.rstrip("\n"))

    def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + START_TIMEOUT
        while port := silent_port(HOST, tcp_port=self.tcp_port, ws_port=self.ws_port):
            if not self.running:
                if self._reader:
                    self._reader.join(timeout=5)
                raise LocalBrokerError("The broker did not start:\n" + "\n".join(self._last_lines))
            if time.monotonic() > deadline:
                raise LocalBrokerError(
                    f"The broker does not answer on port {port} after {START_TIMEOUT:.0f} s"
                )
            time.sleep(0.02)

    def stop(self) -> None:
        """End the broker and let it save: SIGTERM, and SIGKILL after ``STOP_TIMEOUT``. Safe to call twice."""
        if self.running:
            process = self._running()
            # A stopped process would sleep through SIGTERM.
            process.send_signal(signal.SIGCONT)
            process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(STOP_TIMEOUT)
        self.kill()

    def kill(self) -> None:
        """End the broker at once (SIGKILL), as a crash does. Safe to call twice."""
        if self._process is None:
            return
        self._process.kill()
        self._process.wait(STOP_TIMEOUT)
        if self._reader:
            self._reader.join(timeout=5)
        self._process = self._reader = None

    def reload(self) -> None:
        """Make the broker read its keys again (SIGHUP)."""
        self._running().send_signal(signal.SIGHUP)

    def pause(self) -> None:
        """Freeze the broker (SIGSTOP): connections stay up and nothing answers."""
        self._running().send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let a frozen broker go on (SIGCONT)."""
        self._running().send_signal(signal.SIGCONT)

    def _running(self) -> subprocess.Popen[str]:
        if self._process is None or self._process.poll() is not None:
            raise LocalBrokerError("The broker does not run")
        return self._process

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.stop()


def free_port() -> int:
    """A port that nobody listens on at this moment."""
    with socket.socket() as placeholder:
        placeholder.bind((HOST, 0))
        return int(placeholder.getsockname()[1])
