"""Structured logs: a line per event, as JSON or for a terminal. Ids and outcomes, never a payload or token.

Fields come with the record: ``logger.info("Swept", extra={"fields": {"user": "ada"}})``.
"""

import asyncio
import json
import logging
import sys
import traceback
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from functools import lru_cache
from types import TracebackType
from typing import Any, Literal, TextIO

from pydantic_core import PydanticSerializationError, to_json

_careful = json.JSONEncoder(default=str).encode

LogFormat = Literal["json", "console"]
LogLevel = Literal["DEBUG", "INFO", "WARNING", "ERROR"]


Context = Callable[[], Mapping[str, Any]]
"""Fields of whatever is being worked on at the moment."""


def _no_context() -> Mapping[str, Any]:
    return {}


class FieldsFormat(logging.Formatter):
    """What both formats say of a record."""

    def __init__(self, context: Context = _no_context) -> None:
        super().__init__()
        self._context = context

    def fields(self, record: logging.LogRecord) -> dict[str, Any]:
        """The context's fields, the record's, and the traceback of its exception."""
        fields: dict[str, Any] = {**self._context(), **getattr(record, "fields", {})}
        if record.exc_info:
            fields["traceback"] = self.formatException(record.exc_info)
        return fields


class JsonFormat(FieldsFormat):
    """One JSON object per line."""

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": f"{_second(int(record.created))}.{int(record.created % 1 * 1000):03}+00:00",
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            **self.fields(record),
        }
        try:
            return to_json(line, fallback=str, ensure_ascii=True).decode()
        except PydanticSerializationError:
            # Bytes, or text with half of a surrogate pair: rare, and the quick encoder takes neither.
            return _careful(line)


@lru_cache(maxsize=1)
def _second(timestamp: int) -> str:
    # Kept, because the lines of a busy process share their second.
    return datetime.fromtimestamp(timestamp, UTC).strftime("%Y-%m-%dT%H:%M:%S")


class ConsoleFormat(FieldsFormat):
    """For a person at a terminal."""

    def format(self, record: logging.LogRecord) -> str:
        fields = self.fields(record)
        trace = fields.pop("traceback", None)
        # As JSON: a value with a line break in it must not forge a line.
        text = " ".join(f"{name}={json.dumps(value, default=str)}" for name, value in fields.items())
        clock = datetime.fromtimestamp(record.created).astimezone().strftime("%H:%M:%S")
        line = f"{clock} {record.levelname:<7} {record.getMessage()} {text}".rstrip()
        return f"{line}\n{trace}" if trace else line


class TogetherHandler(logging.StreamHandler[TextIO]):
    """Writes what is logged within one turn of an event loop together: a write costs as much as its line.

    What is a warning or worse goes at once, with all before it, and so does what is logged without a loop.
    At the end of the process ``logging`` flushes the rest.
    """

    def __init__(self, stream: TextIO) -> None:
        super().__init__(stream)
        self._lines: list[str] = []
        self._flushed_by: asyncio.AbstractEventLoop | None = None

    def emit(self, record: logging.LogRecord) -> None:
        try:
            self._lines.append(self.format(record) + self.terminator)
            loop = None if record.levelno >= logging.WARNING else _running_loop()
            if loop is None:
                self.flush()
            elif loop is not self._flushed_by:
                # Also where another loop was to do it: it may have ended before.
                self._flushed_by = loop
                loop.call_soon(self.flush)
        except Exception:
            self.handleError(record)

    def flush(self) -> None:
        self.acquire()
        try:
            self._flushed_by = None
            if self._lines:
                text = "".join(self._lines)
                self._lines.clear()
                self.stream.write(text)
                super().flush()
        finally:
            self.release()


def _running_loop() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


def configure(
    log_format: LogFormat,
    level: LogLevel,
    *,
    packages: Iterable[str] = (),
    context: Context = _no_context,
    together: bool = False,
) -> None:
    """Send the logs of this package, and of others, to stderr. For a process's entry, never for a library.

    ``together``: a line may wait for the others of its turn of the event loop.
    """
    handler = (TogetherHandler if together else logging.StreamHandler)(sys.stderr)
    handler.setFormatter(JsonFormat(context) if log_format == "json" else ConsoleFormat(context))
    for name in ("mqtt_bridge", *packages):
        package = logging.getLogger(name)
        package.handlers = [handler]
        package.setLevel(level)
        package.propagate = False  # a root handler, as Lambda has one, would print each line again


def log_unexpected(logger: logging.Logger, exc: BaseException, **fields: Any) -> None:
    """Log where an unexpected error came from, and of what class it is, with these fields.

    Its text is left out, and so are those of its causes: they may quote what was being worked on.
    """
    steps = []
    seen: BaseException | None = exc
    while seen is not None:
        steps.append(f"{type(seen).__module__}.{type(seen).__qualname__} at\n{_places(seen.__traceback__)}")
        seen = seen.__cause__ or (None if seen.__suppress_context__ else seen.__context__)
    trace = "caused by ".join(steps)
    logger.error("Unexpected %s", type(exc).__qualname__, extra={"fields": {"traceback": trace, **fields}})


def _places(trace: TracebackType | None) -> str:
    return "".join(traceback.format_list(traceback.extract_tb(trace)))
