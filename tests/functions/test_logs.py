"""Logs: one structured line per request, with ids, and never a body or a token."""

import asyncio
import io
import json
import logging
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import httpx
import pytest

from functions import logs, metrics
from functions.app import create_app
from mqtt_bridge.errors import PublishError
from mqtt_bridge.logs import ConsoleFormat, JsonFormat
from mqtt_bridge.recording import RecordingPublisher

from .callers import (
    BATCH_ROUTE,
    CREDIT_UPDATE,
    POSTS,
    PROGRESS,
    SECRET,
    SHOOT_PROGRESS,
    bearer,
    service,
    token,
    user,
)
from .conftest import SIGNING_KEY, settings_of

CANARY = "canary-in-the-body"


class Log:
    """Everything that any logger of the process writes, in our format."""

    def __init__(self, stream: io.StringIO) -> None:
        self._stream = stream

    @property
    def text(self) -> str:
        return self._stream.getvalue()

    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.text.splitlines() if line.startswith("{")]

    def requests(self) -> list[dict[str, Any]]:
        return [line for line in self.lines() if line["logger"] == "functions.logs"]


@pytest.fixture
def log() -> Iterator[Log]:
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonFormat(logs.within_request))
    # The test's own client logs its URLs.
    handler.addFilter(lambda made: not made.name.startswith("http"))
    root = logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    yield Log(stream)
    root.removeHandler(handler)
    root.setLevel(level)


async def test_a_request_is_one_line_with_its_ids(client: httpx.AsyncClient, log: Log) -> None:
    """Who posted what kind of thing for whom, which event it became, and how long it took."""
    response = await client.post(
        SHOOT_PROGRESS, json=PROGRESS, headers=service() | {"X-Request-Id": "trace-1"}
    )
    (line,) = log.requests()

    assert line["duration_ms"] > 0
    assert {name: line[name] for name in line if name not in ("duration_ms", "time")} == {
        "level": "INFO",
        "logger": "functions.logs",
        "message": "POST /api/sync/shoot-progress 202",
        "request_id": "trace-1",
        "caller": "billing",
        "user": "ada",
        "event": response.json()["id"],
        "method": "POST",
        "route": "/api/sync/shoot-progress",
        "status": 202,
    }


async def test_a_batch_names_its_events(client: httpx.AsyncClient, log: Log) -> None:
    """An event must be findable, also when it came with others."""
    items = [{"type": "SHOOT_PROGRESS", **PROGRESS}, {"type": "SHOOT_PROGRESS"}]
    response = await client.post(BATCH_ROUTE, json={"items": items}, headers=user())
    (line,) = log.requests()

    assert line["events"] == [{"user": "ada", "event": response.json()["items"][0]["id"]}]


@pytest.mark.parametrize(
    ("path", "headers", "code", "level"),
    [
        (SHOOT_PROGRESS, {}, "no-token", "INFO"),
        (SHOOT_PROGRESS, bearer(token(exp=1)), "invalid-token", "INFO"),
        (CREDIT_UPDATE, service("sync:session"), "insufficient-scope", "INFO"),
        ("/no/such/route", {}, "not-found", "INFO"),
        (SHOOT_PROGRESS, user(), "not-acknowledged", "WARNING"),
    ],
)
async def test_a_refusal_says_which(
    client: httpx.AsyncClient,
    publisher: RecordingPublisher,
    log: Log,
    path: str,
    headers: dict[str, str],
    code: str,
    level: str,
) -> None:
    """An operator can count refusals by kind; what is ours to mend is a warning."""
    publisher.fail_with = PublishError("gone")
    await client.post(path, json=POSTS.get(path, {}), headers=headers)
    (line,) = log.requests()

    assert (line["problem"], line["level"]) == (code, level)


REQUESTS: list[Any] = [
    pytest.param(PROGRESS | {"error": CANARY}, None, id="taken"),
    pytest.param(PROGRESS | {"error": CANARY}, PublishError("gone"), id="not acknowledged"),
    pytest.param(PROGRESS | {"error": CANARY, "status": CANARY}, None, id="a wrong value"),
    pytest.param(PROGRESS | {CANARY: 1}, None, id="an unknown field"),
    pytest.param({"items": [{"type": CANARY, "error": CANARY}]}, None, id="an unknown type"),
    pytest.param(PROGRESS | {"error": CANARY}, RuntimeError(f"{CANARY} {SECRET}"), id="an error that quotes"),
    pytest.param(PROGRESS | {"error": CANARY}, KeyError(CANARY), id="another error that quotes"),
]


@pytest.mark.parametrize(("body", "failure"), REQUESTS)
@pytest.mark.parametrize("path", POSTS)
async def test_no_body_and_no_token_reaches_a_log(
    client: httpx.AsyncClient,
    publisher: RecordingPublisher,
    log: Log,
    path: str,
    body: dict[str, Any],
    failure: Exception | None,
) -> None:
    """Whatever is posted and however it fails: logs are read by more people than data may be."""
    if failure is not None:
        try:
            raise ValueError(CANARY)
        except ValueError as cause:
            failure.__cause__ = cause
    publisher.fail_with = failure  # type: ignore[assignment]  # a defect, no failure
    value = token("billing", "sync:publish sync:session")
    good = POSTS[path] | ({"error": CANARY} if path == SHOOT_PROGRESS else {})
    for posted in (body, good):
        response = await client.post(path, json=posted, headers=bearer(value), params={"token": value})
        minted = response.json().get("token", "no token minted")
        assert minted not in log.text

    assert len(log.requests()) == 2
    assert CANARY not in log.text
    assert SECRET not in log.text
    for part in value.split("."):
        assert part not in log.text
    assert SIGNING_KEY.to_pem()[40:80] not in log.text


async def test_an_unexpected_error_can_be_found(
    client: httpx.AsyncClient, publisher: RecordingPublisher, log: Log
) -> None:
    """Its class, its causes and where they came from are logged, with the request's id."""
    failure = ZeroDivisionError("quoted")
    failure.__cause__ = KeyError("quoted too")
    publisher.fail_with = failure  # type: ignore[assignment]  # a defect, no failure
    response = await client.post(SHOOT_PROGRESS, json=PROGRESS, headers=user())
    (line,) = (line for line in log.lines() if "traceback" in line)

    assert line["level"] == "ERROR"
    assert line["request_id"] == response.headers["X-Request-Id"]
    assert "builtins.ZeroDivisionError at" in line["traceback"]
    assert "outbox.py" in line["traceback"]
    assert "caused by builtins.KeyError" in line["traceback"]
    assert "quoted" not in log.text


@pytest.mark.parametrize("given", ["a", "Root=1-67891233-abcdef012345678912345678", "x" * 128])
async def test_a_callers_request_id_is_kept(client: httpx.AsyncClient, given: str) -> None:
    """So that its logs and ours can be put side by side."""
    response = await client.post(SHOOT_PROGRESS, headers={"X-Request-Id": given})

    assert response.headers["X-Request-Id"] == given


@pytest.mark.parametrize("given", ["", "x" * 129, "two words", 'a"b', "é", "<script>"])
async def test_an_odd_request_id_is_replaced(client: httpx.AsyncClient, log: Log, given: str) -> None:
    """It ends up in logs and in other people's tools."""
    responses = [await client.get("/nothing", headers=[(b"X-Request-Id", given.encode())]) for _ in range(2)]

    fresh = {response.headers["X-Request-Id"] for response in responses}
    assert len(fresh) == 2
    assert given not in fresh
    assert {line["request_id"] for line in log.requests()} == fresh


async def test_lambdas_request_id_is_taken(publisher: RecordingPublisher) -> None:
    """On Lambda the id is the one that its own log lines bear."""
    app = create_app(settings_of(), publisher)

    async def with_context(scope: Any, receive: Any, send: Any) -> None:
        await app(
            scope
            | {
                "aws.context": SimpleNamespace(
                    aws_request_id="aws-1", get_remaining_time_in_millis=lambda: 30_000
                )
            },
            receive,
            send,
        )

    async with httpx.AsyncClient(transport=httpx.ASGITransport(with_context), base_url="http://f") as client:
        response = await client.get("/nothing")

    assert response.headers["X-Request-Id"] == "aws-1"


def record(**fields: Any) -> logging.LogRecord:
    made = logging.LogRecord("functions.x", logging.ERROR, __file__, 1, "It %s", ("broke",), None)
    made.__dict__.update(fields)
    return made


def test_a_console_line_cannot_be_forged() -> None:
    """An id with a line break in it stays within its line."""
    line = ConsoleFormat().format(record(fields={"caller": "ada\n12:00:00 INFO all is well"}))

    assert "\n" not in line
    assert line.endswith('It broke caller="ada\\n12:00:00 INFO all is well"')


def test_a_console_line_ends_with_its_traceback() -> None:
    """A person reads it as a traceback and not as JSON."""
    text = ConsoleFormat().format(record(fields={"traceback": "builtins.KeyError at\n  line 1"}))

    assert text.endswith("It broke\nbuiltins.KeyError at\n  line 1")


@pytest.mark.parametrize("kind", [JsonFormat, ConsoleFormat])
def test_a_logged_exception_has_its_traceback(kind: type[logging.Formatter]) -> None:
    """`logger.exception` of our own packages works as everywhere."""
    try:
        raise KeyError("name")
    except KeyError as exc:
        made = record(exc_info=(type(exc), exc, exc.__traceback__))

    assert "KeyError: 'name'" in kind().format(made)


@pytest.fixture
def restored() -> Iterator[None]:
    names = ("functions", "mqtt_bridge", "uvicorn.access", "mangum.http")
    before = [(log, log.handlers, log.level, log.propagate) for log in map(logging.getLogger, names)]
    yield
    for changed, handlers, level, propagate in before:
        changed.handlers, changed.propagate, changed.disabled = handlers, propagate, False
        changed.setLevel(level)


@pytest.mark.usefixtures("restored")
@pytest.mark.parametrize("style", ["json", "console"])
def test_a_process_logs_in_the_configured_form(capsys: pytest.CaptureFixture[str], style: str) -> None:
    """Each line once, on stderr, from the level that is set; the servers' own request lines not at all."""
    root = logging.StreamHandler()
    logging.getLogger().addHandler(root)
    try:
        logs.configure(settings_of(log_format=style, log_level="WARNING"))
        logging.getLogger("functions.x").info("quiet")
        logging.getLogger("mqtt_bridge.y").warning("loud")
        logging.getLogger("uvicorn.access").warning("GET /secret")
        logging.getLogger("mangum.http").warning("GET /secret")
    finally:
        logging.getLogger().removeHandler(root)
    out, err = capsys.readouterr()

    assert out == ""
    (line,) = err.splitlines()
    assert line.startswith("{") == (style == "json")
    assert "loud" in line


@pytest.mark.usefixtures("restored")
@pytest.mark.parametrize("on_lambda", [True, False])
async def test_lambda_gets_each_line_at_once(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], on_lambda: bool
) -> None:
    """It may freeze the process before the loop's next turn, with which a server can wait."""
    if on_lambda:
        monkeypatch.setenv(metrics.FUNCTION, "shoot-progress")
    else:
        monkeypatch.delenv(metrics.FUNCTION, raising=False)
    logs.configure(settings_of(log_format="json"))
    logging.getLogger("functions.x").info("line")
    at_once = capsys.readouterr().err
    await asyncio.sleep(0)
    later = capsys.readouterr().err

    assert ("line" in at_once, "line" in later) == (on_lambda, not on_lambda)
