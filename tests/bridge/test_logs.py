"""Log lines: what a person and a machine read, and what neither may."""

import asyncio
import io
import json
import logging
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from threading import Thread
from uuid import uuid4

import pytest

from mqtt_bridge.logs import ConsoleFormat, JsonFormat, TogetherHandler, configure, log_unexpected


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


class Writes(io.StringIO):
    """Remembers each write apart."""

    def __init__(self) -> None:
        super().__init__()
        self.all: list[str] = []

    def write(self, text: str) -> int:
        self.all.append(text)
        return super().write(text)


@pytest.fixture
def writes() -> Writes:
    return Writes()


@pytest.fixture
def together(writes: Writes) -> Iterator[logging.Logger]:
    """A logger whose lines are written together, by turns of the event loop."""
    logger = logging.getLogger(f"mqtt_bridge.test.{uuid4().hex}")
    logger.handlers, logger.propagate = [TogetherHandler(writes)], False
    logger.setLevel(logging.INFO)
    yield logger
    logger.handlers = []


async def test_lines_of_one_turn_are_written_together(together: logging.Logger, writes: Writes) -> None:
    """In their order, whole, and no later than the next turn."""
    for turn in ("a", "b"):
        together.info("%s1", turn)
        together.info("%s2", turn)
        await asyncio.sleep(0)

    assert writes.all == ["a1\na2\n", "b1\nb2\n"]


async def test_a_warning_does_not_wait(together: logging.Logger, writes: Writes) -> None:
    """What may be the last word of a process is written at once, behind what came before it."""
    together.info("before")
    together.warning("now")

    assert writes.all == ["before\nnow\n"]
    await asyncio.sleep(0)
    assert len(writes.all) == 1


def test_a_line_without_a_loop_does_not_wait(together: logging.Logger, writes: Writes) -> None:
    """Nobody would come to write it."""
    together.info("alone")

    assert writes.all == ["alone\n"]


async def test_a_line_of_another_thread_does_not_wait(together: logging.Logger, writes: Writes) -> None:
    """It keeps its place behind the loop's own lines."""
    together.info("loop")
    thread = Thread(target=together.info, args=("thread",))
    thread.start()
    thread.join()

    assert writes.all == ["loop\nthread\n"]


def test_a_loop_that_stopped_keeps_no_later_line_back(together: logging.Logger, writes: Writes) -> None:
    """A loop that ends before it has written leaves that to the next one."""
    ended = asyncio.new_event_loop()
    ended.call_soon(together.info, "last")
    ended.call_soon(ended.stop)
    ended.run_forever()
    ended.close()
    assert writes.all == []

    async def step() -> None:
        together.info("next")
        await asyncio.sleep(0)

    asyncio.run(step())

    assert writes.getvalue() == "last\nnext\n"


ENDS = {
    "a return": "",
    "an exception": "raise SystemError",
    "sys.exit": "sys.exit(3)",
    "SIGINT": "signal.raise_signal(signal.SIGINT)",
}


@pytest.mark.parametrize("end", ENDS.values(), ids=ENDS)
def test_no_line_is_lost_at_the_end_of_the_process(end: str) -> None:
    """However it ends: within the very turn of the loop that logged it."""
    code = f"""
import asyncio, logging, signal, sys
from mqtt_bridge.logs import configure
configure("json", "INFO", together=True)
async def main():
    logging.getLogger("mqtt_bridge.x").info("last words")
    {end}
asyncio.run(main())
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)

    assert done.stderr.count('"message":"last words"') == 1
