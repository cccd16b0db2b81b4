"""Which Mosquitto runs, with the plugin and the configuration that production has."""

import contextlib
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from bench.processes import CORES, BenchError, starting_on
from mqtt_bridge import tokens
from mqtt_bridge.local_broker import LocalBroker, LocalBrokerError, mosquitto_version

STORE = "mosquitto/mosquitto_persist_sqlite.so"


@dataclass(frozen=True, slots=True)
class Mosquitto:
    """A program, and the store plugin that belongs to it."""

    program: Path
    version: str
    sqlite_store: Path | None
    """None: 2.0, which has none."""

    @property
    def label(self) -> str:
        """For tables: what it is and where it keeps retained messages."""
        return f"Mosquitto {self.version}"

    @property
    def minor(self) -> str:
        """For names: major and minor version."""
        return ".".join(self.version.split(".")[:2])

    @classmethod
    def at(cls, program: Path, sqlite_store: Path | None) -> "Mosquitto":
        """Look at a program. Raises BenchError when it is none or lacks its store."""
        try:
            major_minor = mosquitto_version(str(program))
        except (OSError, subprocess.SubprocessError, LocalBrokerError) as exc:
            raise BenchError(f"{program} is no Mosquitto: {exc}") from exc
        usage = subprocess.run(
            [program, "-h"], capture_output=True, text=True, timeout=10, check=False
        ).stdout
        version = usage.split("mosquitto version", 1)[1].split()[0]
        if major_minor < (2, 1):
            return cls(program, version, None)
        store = sqlite_store or _store_beside(program)
        if store is None:
            raise BenchError(
                f"{program} is {version} and its SQLite store was not found: name it with --sqlite-store"
            )
        return cls(program, version, store)


def _store_beside(program: Path) -> Path | None:
    roots = [program.resolve().parent.parent / "lib", Path("/usr/lib")]
    found = [path for root in roots for path in sorted(root.glob(f"**/{STORE}"))]
    return found[0] if found else None


@contextlib.contextmanager
def broker(
    mosquitto: Mosquitto,
    directory: Path,
    key: tokens.SigningKey,
    *,
    kind: type[LocalBroker] = LocalBroker,
    core: int = CORES.servers,
) -> Iterator[LocalBroker]:
    """Our broker, by default on the servers' core."""
    directory.mkdir(parents=True, exist_ok=True)
    jwks_file = directory / "jwks.json"
    tokens.write_jwks(jwks_file, key)
    running = kind(
        directory, jwks_file=jwks_file, mosquitto=mosquitto.program, sqlite_store=mosquitto.sqlite_store
    )
    with starting_on(core):
        running.start()
    try:
        yield running
    finally:
        running.kill()
