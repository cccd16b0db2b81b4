"""On AWS Lambda each invocation leaves one line of metrics; elsewhere none."""

import importlib
import json
from typing import Any

import pytest

from functions import metrics
from mqtt_bridge.errors import PublishError

from .callers import BATCH, BATCH_ROUTE, PROGRESS, SHOOT_PROGRESS, user
from .test_aws import CONTEXT, Broker, environment, event, fresh, publisher  # noqa: F401  # fixtures


@pytest.fixture
def on_lambda(environment: pytest.MonkeyPatch) -> None:
    environment.setenv(metrics.FUNCTION, "shoot-progress")


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


NOTHING = {"Published": 0, "Failed": 0, "Refused": 0, "Connects": 0, "Resends": 0}
FULL_BATCH = {"items": [*BATCH["items"] * 2, {"type": "SHOOT_PROGRESS"}]}
OUTCOMES: list[Any] = [
    pytest.param(SHOOT_PROGRESS, user(), PROGRESS, None, {"Published": 1}, id="published"),
    pytest.param(SHOOT_PROGRESS, user(), PROGRESS, PublishError("gone"), {"Failed": 1}, id="failed"),
    pytest.param(SHOOT_PROGRESS, {}, PROGRESS, None, {"Refused": 1}, id="no token"),
    pytest.param(SHOOT_PROGRESS, user(), {}, None, {"Refused": 1}, id="invalid"),
    pytest.param(BATCH_ROUTE, user(), FULL_BATCH, None, {"Published": 2}, id="a batch"),
]


@pytest.mark.usefixtures("on_lambda")
@pytest.mark.parametrize(("path", "headers", "body", "failure", "counted"), OUTCOMES)
def test_an_invocation_is_one_line(
    publisher: Broker,
    capsys: pytest.CaptureFixture[str],
    path: str,
    headers: dict[str, str],
    body: Any,
    failure: PublishError | None,
    counted: dict[str, int],
) -> None:
    """What it did, in the format that CloudWatch reads, by the function's name and nobody's id."""
    publisher.fail_with = failure
    handler = fresh(importlib.import_module(f"functions.{path.rpartition('/')[2].replace('-', '_')}"))
    handler(event(path, headers, body), CONTEXT)
    (line,) = lines(capsys)

    assert {name: line[name] for name in NOTHING} == NOTHING | counted
    (directive,) = line["_aws"]["CloudWatchMetrics"]
    assert directive["Dimensions"] == [["FunctionName"]]
    assert line["FunctionName"] == "shoot-progress"
    assert line["Latency"] > 0
    names = {metric["Name"] for metric in directive["Metrics"]}
    assert names == {*NOTHING, "Latency"}
    assert line.keys() == {"_aws", "FunctionName", *names}
    assert line["_aws"]["Timestamp"] > 1_700_000_000_000


@pytest.mark.usefixtures("on_lambda")
def test_each_line_is_of_its_own_invocation(
    publisher: Broker,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Also the counts of connections, which the publisher keeps from its beginning."""
    monkeypatch.setattr(publisher, "connects", 0, raising=False)
    monkeypatch.setattr(publisher, "resends", 0, raising=False)
    publish = publisher.publish

    async def resending(topic: Any, message: Any) -> Any:
        if not publisher.sent:
            publisher.__dict__["connects"] += 2
            publisher.__dict__["resends"] += 1
        return await publish(topic, message)

    monkeypatch.setattr(publisher, "publish", resending)
    handler = fresh(importlib.import_module("functions.shoot_progress"))
    for _ in range(2):
        handler(event(SHOOT_PROGRESS, user(), PROGRESS), CONTEXT)

    first, second = lines(capsys)
    assert (first["Connects"], first["Resends"], first["Published"]) == (2, 1, 1)
    assert (second["Connects"], second["Resends"], second["Published"]) == (0, 0, 1)


@pytest.mark.usefixtures("environment")
def test_elsewhere_there_is_no_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nobody would read them."""
    monkeypatch.delenv(metrics.FUNCTION, raising=False)
    handler = fresh(importlib.import_module("functions.shoot_progress"))
    handler(event(SHOOT_PROGRESS, user(), PROGRESS), CONTEXT)

    assert capsys.readouterr().out == ""
