"""Structured logs: one line per request, with ids and never a body or a token."""

import json
import logging
import re
import sys
import time
import traceback
import uuid
from contextvars import ContextVar
from datetime import UTC, datetime
from types import TracebackType
from typing import Any

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mqtt_bridge.settings import Settings

logger = logging.getLogger(__name__)

REQUEST_ID = "X-Request-Id"
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


def unexpected(log: logging.Logger, exc: BaseException) -> None:
    """Log where an unexpected error came from, and of what class it is.

    Its text is left out, and so are those of its causes: they may quote what was being worked on.
    """
    steps = []
    seen: BaseException | None = exc
    while seen is not None:
        steps.append(f"{type(seen).__module__}.{type(seen).__qualname__} at\n{_places(seen.__traceback__)}")
        seen = seen.__cause__ or (None if seen.__suppress_context__ else seen.__context__)
    log.error(
        "Unexpected %s", type(exc).__qualname__, extra={"fields": {"traceback": "caused by ".join(steps)}}
    )


def _places(trace: TracebackType | None) -> str:
    return "".join(traceback.format_list(traceback.extract_tb(trace)))


class RequestLog:
    """Gives each request an id, answers it in ``X-Request-Id``, and logs one line at its end."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = _request_id(scope)
        notes: dict[str, Any] = {"request_id": request_id}
        token = _notes.set(notes)
        status = 500
        started = time.perf_counter()

        async def sending(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message)[REQUEST_ID] = request_id
            await send(message)

        try:
            await self._app(scope, receive, sending)
        finally:
            # The route and not the path: whatever a caller puts into a URL stays out of the log.
            route = getattr(scope.get("route"), "path", None)
            duration = round((time.perf_counter() - started) * 1000, 2)
            notes |= {"method": scope["method"], "route": route, "status": status, "duration_ms": duration}
            level = logging.WARNING if status >= 500 else logging.INFO
            logger.log(level, "%s %s %s", scope["method"], route, status, extra={"fields": notes})
            _notes.reset(token)


def _request_id(scope: Scope) -> str:
    """The caller's, so that its logs and ours can be put side by side; else Lambda's; else a fresh one."""
    lambda_id = getattr(scope.get("aws.context"), "aws_request_id", None)
    for candidate in (Headers(scope=scope).get(REQUEST_ID), lambda_id):
        if isinstance(candidate, str) and _REQUEST_ID.match(candidate):
            return candidate
    return uuid.uuid4().hex


class _Format(logging.Formatter):
    """Fields come from ``extra={"fields": {...}}`` and, within a request, from its notes."""

    def fields(self, record: logging.LogRecord) -> dict[str, Any]:
        within = {"request_id": notes["request_id"]} if (notes := _notes.get()) else {}
        fields: dict[str, Any] = within | getattr(record, "fields", {})
        if record.exc_info:
            fields["traceback"] = self.formatException(record.exc_info)
        return fields


class JsonFormat(_Format):
    """One JSON object per line."""

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            **self.fields(record),
        }
        return json.dumps(line, default=str)


class ConsoleFormat(_Format):
    """For a person at a terminal."""

    def format(self, record: logging.LogRecord) -> str:
        fields = self.fields(record)
        trace = fields.pop("traceback", None)
        # As JSON: an id with a line break in it must not forge a line.
        text = " ".join(f"{name}={json.dumps(value, default=str)}" for name, value in fields.items())
        clock = datetime.fromtimestamp(record.created).astimezone().strftime("%H:%M:%S")
        line = f"{clock} {record.levelname:<7} {record.getMessage()} {text}".rstrip()
        return f"{line}\n{trace}" if trace else line


def configure(settings: Settings) -> None:
    """Send the logs of this process to stderr. For the process's entry alone, never for a library."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormat() if settings.log_format == "json" else ConsoleFormat())
    for name in ("functions", "mqtt_bridge"):
        package = logging.getLogger(name)
        package.handlers = [handler]
        package.setLevel(settings.log_level)
        package.propagate = False  # Lambda's root handler would print each line again
    # Both would repeat our line for every request, with the URL as the caller wrote it.
    for name in ("uvicorn.access", "mangum.http"):
        logging.getLogger(name).disabled = True
