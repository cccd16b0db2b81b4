"""What stands before a function does not matter: the same request gets the same answer from behind each."""

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.broker.conftest import TestBroker
from tests.functions.callers import CREDIT_UPDATE, PROMPT_CHANGE

from .aws_events import ASKED, POSTED, event
from .environments import Answer, Environment, settings_of

FUNCTIONS = ["functions.prompt_change.handler", "functions.app.handler"]
Change = Callable[[dict[str, Any]], None]


@pytest.fixture(scope="module", params=FUNCTIONS)
def function(
    request: pytest.FixtureRequest, broker: TestBroker, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Environment]:
    directory: Path = tmp_path_factory.mktemp("function")
    with Environment(directory, request.param, settings_of(broker)) as environment:
        yield environment


@pytest.fixture(scope="module")
def app(broker: TestBroker, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Environment]:
    with Environment(
        tmp_path_factory.mktemp("app"), "functions.app.handler", settings_of(broker)
    ) as environment:
        yield environment


def comparable(answer: Answer) -> Answer:
    """Without what names the single request."""
    headers = {name: value for name, value in answer.headers.items() if name != "x-request-id"}
    return replace(answer, headers=headers)


@pytest.mark.parametrize("service", POSTED)
def test_a_post(broker: TestBroker, function: Environment, service: str) -> None:
    """As text or base64, with single or multiple values: under one key it is one event, told as it was."""
    device = broker.device("ada", f"behind-{service}")
    assert device.subscribe("sync/v1/users/ada/events/prompts") == [1]
    answer = function.invoke(event(f"posted/{service}"))
    reference = function.invoke(event("posted/http-api"))
    told = json.loads(device.receive().payload)
    device.disconnect()

    assert answer.status == 202
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["x-request-id"]
    assert answer.body == {"id": told["id"], "listeners": "some"}
    assert told["data"]["title"] == "Weiches Licht – zwölf Töne"
    assert comparable(answer) == comparable(reference)


@pytest.mark.parametrize("service", ASKED)
def test_a_question(app: Environment, service: str) -> None:
    """The query arrives as the caller meant it, though some services decode it and others do not."""
    answer = app.invoke(event(f"asked/{service}"))

    assert (answer.status, answer.body) == (
        200,
        {"userId": "ada&co@home", "devices": [], "complete": True},
    )


def without_body(event: dict[str, Any]) -> None:
    event["body"] = None


def no_base64(event: dict[str, Any]) -> None:
    event |= {"body": "eyJ1c2VyS", "isBase64Encoded": True}


def to(method: str, path: str) -> Change:
    def change(event: dict[str, Any]) -> None:
        if http := event["requestContext"].get("http"):
            http |= {"method": method, "path": path}
            event["rawPath"] = path
        else:
            event |= {"httpMethod": method, "path": path}

    return change


def header(name: str, value: str) -> Change:
    def change(event: dict[str, Any]) -> None:
        for headers, given in ((event.get("headers"), value), (event.get("multiValueHeaders"), [value])):
            if headers is not None:
                for old in [old for old in headers if old.lower() == name]:
                    del headers[old]
                headers[name] = given

    return change


REFUSALS = [
    pytest.param(without_body, 400, "not-json", id="no body"),
    pytest.param(no_base64, 400, "bad-request", id="no base64"),
    pytest.param(header("host", "nowhere:http"), 400, "bad-request", id="no host"),
    pytest.param(header("content-type", "text/plain"), 415, "not-json-content", id="no JSON"),
    pytest.param(header("authorization", "Bearer x"), 401, "invalid-token", id="no token"),
    pytest.param(to("POST", "/api/sync/else"), 404, "not-found", id="unknown route"),
    pytest.param(to("PUT", PROMPT_CHANGE), 405, "method-not-allowed", id="unknown method"),
]
FORMS = ["http-api", "function-url", "rest-api", "load-balancer", "load-balancer-multi-value"]


@pytest.mark.parametrize("service", FORMS)
@pytest.mark.parametrize(("change", "status", "code"), REFUSALS)
def test_refusals(function: Environment, service: str, change: Change, status: int, code: str) -> None:
    """Each is a problem document in the form that the service takes, and no failure of the function, for
    which an operator would be woken."""
    sent = event(f"posted/{service}")
    change(sent)
    answer = function.invoke(sent)

    assert answer.status == answer.body["status"] == status
    assert answer.body["type"].endswith(f":{code}")
    assert answer.headers["content-type"] == "application/problem+json"


def test_a_function_has_its_own_route_only(function: Environment) -> None:
    """The one for all has each."""
    sent = event("posted/http-api")
    to("POST", CREDIT_UPDATE)(sent)

    assert function.invoke(sent).status == (422 if function.handler == "functions.app.handler" else 404)
