"""Log lines: what a person and a machine read, and what neither may."""

import json
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from mqtt_bridge.logs import ConsoleFormat, JsonFormat, configure, log_unexpected


def record(**fields: object) -> logging.LogRecord:
    made = logging.LogRecord("mqtt_bridge.x", logging.WARNING, __file__, 1, "It %s", ("broke",), None)
    made.__dict__["fields"] = fields
    return made


def test_a_json_line_has_the_fields_of_record_and_context() -> None:
    """One object per line; the record's own fields stand above the context's."""
    line = json.loads(JsonFormat(lambda: {"user": "ada", "worker": "0/2"}).format(record(user="bob")))

    assert line.pop("time").endswith("+00:00")
    assert line == {
        "level": "WARNING",
        "logger": "mqtt_bridge.x",
        "message": "It broke",
        "user": "bob",
        "worker": "0/2",
    }


def test_a_console_line_cannot_be_forged() -> None:
    """A value with a line break in it stays within its line."""
    line = ConsoleFormat().format(record(user="ada\n12:00:00 INFO all is well"))

    assert line.endswith('WARNING It broke user="ada\\n12:00:00 INFO all is well"')
    assert len(line.splitlines()) == 1


@pytest.fixture
def restored() -> Iterator[None]:
    package = logging.getLogger("mqtt_bridge")
    before = package.handlers, package.level, package.propagate
    yield
    package.handlers, package.propagate = before[0], before[2]
    package.setLevel(before[1])


@pytest.mark.usefixtures("restored")
def test_an_unexpected_error_is_logged_without_its_text(capsys: pytest.CaptureFixture[str]) -> None:
    """Where it was raised and what caused it, but not what it says: that may quote a payload."""
    configure("json", "INFO")
    try:
        try:
            raise KeyError("canary")
        except KeyError as exc:
            raise RuntimeError("canary") from exc
    except RuntimeError as exc:
        log_unexpected(logging.getLogger("mqtt_bridge.x"), exc)
    line = json.loads(capsys.readouterr().err)

    assert line["message"] == "Unexpected RuntimeError"
    assert "caused by builtins.KeyError" in line["traceback"]
    assert "test_an_unexpected_error" in line["traceback"]
    assert '("canary")' in line["traceback"]  # the source line, which is ours
    assert "KeyError: 'canary'" not in line["traceback"]


@pytest.mark.parametrize(
    "value",
    ["é", "half a pair \ud800", b"\xff", float("nan"), Path("/x"), KeyError("x"), {"when": None}, [1, None]],
    ids=repr,
)
def test_whatever_is_logged_becomes_one_line_of_ascii(value: object) -> None:
    """A line that cannot be written is a line that is missing when it is needed, on any terminal."""
    line = JsonFormat().format(record(value=value))

    assert line.isascii()
    assert "\n" not in line
    assert json.loads(line)["value"] is not None
