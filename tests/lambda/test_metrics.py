"""The line of metrics that each invocation leaves is one that CloudWatch takes, and says nothing of anybody.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
"""

from typing import Any

import jsonschema
import pytest

from mqtt_bridge.settings import PREFIX
from tests.broker.conftest import TestBroker
from tests.functions.callers import BATCH_ROUTE, SESSION, SHOOT_PROGRESS, STATUS, token

from .aws_events import SCOPES, prompt_change, request
from .conftest import StartEnvironment
from .environments import FunctionError, settings_of

NAME = {"type": "string", "minLength": 1, "maxLength": 1024}
UNITS = ["Count", "Milliseconds"]
EMF = {
    "type": "object",
    "required": ["_aws"],
    "properties": {
        "_aws": {
            "type": "object",
            "required": ["Timestamp", "CloudWatchMetrics"],
            "properties": {
                "Timestamp": {"type": "integer", "minimum": 1},
                "CloudWatchMetrics": {
                    "type": "array",
                    "items": {
                        "type": "object",
                        "required": ["Namespace", "Dimensions", "Metrics"],
                        "properties": {
                            "Namespace": NAME,
                            "Dimensions": {
                                "type": "array",
                                "minItems": 1,
                                "items": {
                                    "type": "array",
                                    "maxItems": 30,
                                    "items": {"type": "string", "minLength": 1, "maxLength": 250},
                                },
                            },
                            "Metrics": {
                                "type": "array",
                                "maxItems": 100,
                                "items": {
                                    "type": "object",
                                    "required": ["Name"],
                                    "properties": {
                                        "Name": NAME,
                                        "Unit": {"enum": UNITS},
                                        "StorageResolution": {"enum": [1, 60]},
                                    },
                                },
                            },
                        },
                    },
                },
            },
        }
    },
}
"""The format's schema; of its units, those that we use."""


def check(line: dict[str, Any]) -> None:
    """Raise unless the line has the format, and all that its directives name."""
    jsonschema.validate(line, EMF)
    for directive in line["_aws"]["CloudWatchMetrics"]:
        for dimensions in directive["Dimensions"]:
            assert all(isinstance(line[name], str) and 1 <= len(line[name]) <= 1024 for name in dimensions)
        for metric in directive["Metrics"]:
            assert isinstance(line[metric["Name"]], int | float)


def test_each_invocation_leaves_one_line(broker: TestBroker, user: str, start: StartEnvironment) -> None:
    """However it ends, and of its own doing alone."""
    environment = start(broker, "functions.app.handler")
    service = token("billing", SCOPES)
    progress = {"userId": user, "shootId": "s", "status": "queued", "processedCount": 0, "totalCount": 1}
    item = {"type": "SHOOT_PROGRESS", **progress}
    device = {"userId": user, "deviceId": "mac", "name": "Mac", "platform": "mac"}
    invocations = [
        (prompt_change(user, "secret title"), 202, {"Published": 1, "Connects": 1}),
        (request("POST", SHOOT_PROGRESS, progress, bearer=service), 202, {"Published": 1}),
        (request("POST", BATCH_ROUTE, {"items": [item, item]}, bearer=service), 200, {"Published": 2}),
        (request("POST", SESSION, device, bearer=service), 200, {}),
        (request("GET", STATUS, bearer=service), 200, {}),
        (request("POST", SHOOT_PROGRESS, progress, bearer="no token"), 401, {"Refused": 1}),
        (request("POST", f"/api/{user}"), 404, {"Refused": 1}),
        (prompt_change(user, "1") | {"body": "x", "isBase64Encoded": True}, 400, {"Refused": 1}),
    ]
    for event, status, _ in invocations:
        assert environment.invoke(event).status == status
    with pytest.raises(FunctionError):
        environment.invoke({"source": "aws.events"})
    lines = environment.metrics
    for line in lines:
        check(line)

    nothing = {"Published": 0, "Failed": 0, "Refused": 0, "Connects": 0, "Resends": 0}
    expected = [nothing | counted for _, _, counted in invocations] + [nothing]
    assert [{name: line[name] for name in nothing} for line in lines] == expected
    assert {line["FunctionName"] for line in lines} == {"the-function"}
    metrics = [line for line in environment.output.splitlines() if '"_aws"' in line]
    assert not [line for line in metrics if user in line or "billing" in line]
    said = environment.output + environment.log
    secrets = [settings_of(broker)[f"{PREFIX}{name}"] for name in ("SIGNING_KEY", "AUTH_SECRET")]
    for secret in (service, "secret title", "eyJ", *secrets):
        assert secret not in said
