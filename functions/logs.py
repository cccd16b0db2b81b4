"""Structured logs: one line per request, with ids and never a body or a token."""

import logging
import os
import re
import time
from contextvars import ContextVar
from typing import Any

from mqtt_bridge import logs as bridge_logs
from mqtt_bridge.settings import Settings

from . import metrics
from .asgi import Scope, header

logger = logging.getLogger(__name__)

REQUEST_ID = "X-Request-Id"
_HEADER = REQUEST_ID.lower().encode()
_REQUEST_ID = re.compile(r"[A-Za-z0-9._:=/+-]{1,128}\Z")

_notes: ContextVar[dict[str, Any] | None] = ContextVar("notes", default=None)


def note(**fields: Any) -> None:
    """Add fields to the line that the present request will log. Without a request, nothing happens."""
    if (notes := _notes.get()) is not None:
        notes.update(fields)


def note_each(name: str, **fields: Any) -> None:
    """Add an entry to a list in that line, for requests that do the same thing several times."""
    if (notes := _notes.get()) is not None:
        notes.setdefault(name, []).append(fields)


def within_request() -> dict[str, Any]:
    """The id of the present request, for every line that is logged meanwhile."""
    return {"request_id": notes["request_id"]} if (notes := _notes.get()) else {}


class RequestLine:
    """Gives a request an id, to be answered in ``X-Request-Id``, and logs one line at its end."""

    __slots__ = ("_notes", "_scope", "_started", "_token", "header", "status")

    def __init__(self, scope: Scope) -> None:
        request_id = _request_id(scope)
        self._scope = scope
        self._notes: dict[str, Any] = {"request_id": request_id}
        self._token = _notes.set(self._notes)
        self._started = time.perf_counter()
        self.header = (_HEADER, request_id.encode())
        self.status: int | None = None
        """It stays so when the caller hangs up."""

    def end(self) -> None:
        """Log it."""
        status = self.status
        level = logging.WARNING if (status or 0) >= 500 else logging.INFO
        if logger.isEnabledFor(level):
            method = self._scope["method"]
            # The route and not the path: whatever a caller puts into a URL stays out of the log.
            route = getattr(self._scope.get("route"), "path", None)
            duration = round((time.perf_counter() - self._started) * 1000, 2)
            self._notes |= {"method": method, "route": route, "status": status, "duration_ms": duration}
            message = f"{method} {route or '-'} {status or '-'}"
            # Not logger.log, whose look for the file and line of its caller costs as much as all else here.
            record = logger.makeRecord(logger.name, level, __file__, 0, message, (), None)
            record.fields = self._notes
            logger.handle(record)
        _notes.reset(self._token)


def _request_id(scope: Scope) -> str:
    """The caller's, so that its logs and ours can be put side by side; else Lambda's; else a fresh one."""
    lambda_id = getattr(scope.get("aws.context"), "aws_request_id", None)
    given = header(scope, _HEADER)
    for candidate in (given and given.decode("latin-1"), lambda_id):
        if isinstance(candidate, str) and _REQUEST_ID.match(candidate):
            return candidate
    return os.urandom(16).hex()


def configure(settings: Settings) -> None:
    """Send the logs of this process to stderr. For the process's entry alone, never for a library."""
    bridge_logs.configure(
        settings.log_format,
        settings.log_level,
        packages=["functions"],
        context=within_request,
        # Lambda may freeze the process before the loop takes its next turn.
        together=metrics.FUNCTION not in os.environ,
    )
    # What no line of ours shows need not be asked for.
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    # Both would repeat our line for every request, with the URL as the caller wrote it.
    for name in ("uvicorn.access", "mangum.http"):
        repeating = logging.getLogger(name)
        repeating.disabled = True
        # Without handlers uvicorn does not even make the line.
        repeating.handlers, repeating.propagate = [], False
