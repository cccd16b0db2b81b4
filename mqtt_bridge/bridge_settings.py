"""Every setting of a bridge worker, read from the environment once: the one place with its keys."""

import re
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, Field, SecretStr

from .errors import SessionUnavailableError
from .http_session import check_base_url, check_bearer
from .logs import LogFormat, LogLevel
from .settings import BrokerUrlText, EnvironmentSettings
from .topics import shards_of_worker
from .worker import DRAIN_TIMEOUT

_WORKER = re.compile(r"([0-9]{1,2})/([0-9]{1,2})")


def worker_number(text: str) -> tuple[int, int]:
    """Index and count of ``0/2``. Raises ValueError when there is no such worker."""
    if not (match := _WORKER.fullmatch(text)):
        raise ValueError("must be like 0/2: which worker, from 0, of how many")
    index, count = int(match[1]), int(match[2])
    shards_of_worker(index, count)
    return index, count


def _is_worker(value: str) -> str:
    worker_number(value)
    return value


def _is_bearer(value: SecretStr) -> SecretStr:
    check_bearer(value.get_secret_value())
    return value


class BridgeSettings(EnvironmentSettings):
    """Settings of a bridge worker.

    ``service_token`` may also come from a file, ``KULL_SYNC_SERVICE_TOKEN_FILE``, which is read again
    whenever a session is asked for: so it can be replaced before the token in it expires.
    """

    from_files = ("service_token",)

    worker: Annotated[str, AfterValidator(_is_worker)]
    """``i/n``: which worker of how many, from 0. All n must run, each once."""
    api_url: Annotated[str, AfterValidator(check_base_url)]
    """Base URL of the functions, whose session function mints the worker's broker tokens."""
    service_token: Annotated[SecretStr, AfterValidator(_is_bearer)]
    """The JWT with which the worker calls it; scopes ``sync:session`` and ``sync:bridge``."""
    service_token_file: Path | None = None

    broker_url: BrokerUrlText | None = None
    """Where the worker connects, e.g. ``mqtt://broker.internal``; None: where devices do."""
    broker_ca_file: Path | None = None
    """PEM file of the authority that signed the broker's certificate; None: the system's."""
    drain_timeout: Annotated[float, Field(ge=0, le=300)] = DRAIN_TIMEOUT
    """Seconds that messages in flight have to finish after SIGTERM."""

    metrics_host: Annotated[str, Field(min_length=1)] = "127.0.0.1"
    """Where ``/metrics``, ``/healthz`` and ``/readyz`` are served, to whoever can reach it."""
    metrics_port: Annotated[int, Field(ge=0, le=65_535)] = 9464
    """0: a free one, which the log names."""
    log_format: LogFormat = "json"
    log_level: LogLevel = "INFO"

    @property
    def index(self) -> int:
        return worker_number(self.worker)[0]

    @property
    def count(self) -> int:
        return worker_number(self.worker)[1]

    def bearer(self) -> str:
        """The service token at this moment. Raises SessionUnavailableError when its file holds none."""
        if self.service_token_file is None:
            return self.service_token.get_secret_value()
        try:
            return check_bearer(self.service_token_file.read_text().strip())
        except (OSError, UnicodeDecodeError) as exc:
            raise SessionUnavailableError(
                f"KULL_SYNC_SERVICE_TOKEN_FILE cannot be read: {type(exc).__name__}"
            ) from exc
        except ValueError as exc:
            # Perhaps it is being written at this moment.
            raise SessionUnavailableError(f"KULL_SYNC_SERVICE_TOKEN_FILE {exc}") from None
