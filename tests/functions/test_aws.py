"""On AWS Lambda: each function by itself, through its own handler, and all of them through one."""

import asyncio
import base64
import gc
import importlib
import json
from collections.abc import Iterator
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from functions import environment as set_up
from functions.application import FromEnvironment
from functions.aws import lambda_handler
from mqtt_bridge.recording import RecordingPublisher
from mqtt_bridge.settings import PREFIX

from .callers import (
    ALL_SCOPES,
    AUDIENCE,
    DEVICES,
    ERASE_USER,
    ISSUER,
    POSTS,
    PROGRESS,
    SECRET,
    SHOOT_PROGRESS,
    SIGN_OUT,
    STATUS,
    WITHOUT_BODY,
    service,
    user,
)
from .conftest import SIGNING_KEY

MODULES = {
    **{path: f"functions.{path.rpartition('/')[2].replace('-', '_')}" for path in POSTS},
    STATUS: "functions.status",
    DEVICES: "functions.devices",
    SIGN_OUT: "functions.sign_out",
    ERASE_USER: "functions.erase_user",
}
METHODS = {path: (method, url) for (method, path), url in WITHOUT_BODY.items()}
CONTEXT = SimpleNamespace(
    aws_request_id="c6af9ac6-7b61-11e6-9a41-93e8deadbeef",
    function_name="f",
    get_remaining_time_in_millis=lambda: 30_000,
)
ENVIRONMENT = {
    "BROKER_URL": "mqtt://127.0.0.1:1",
    "PUBLIC_BROKER_URLS": "wss://broker.example/mqtt",
    "SIGNING_KEY": SIGNING_KEY.to_pem(),
    "AUTH_ISSUER": ISSUER,
    "AUTH_AUDIENCE": AUDIENCE,
    "AUTH_ALGORITHMS": "HS256",
    "AUTH_SECRET": SECRET,
    "LOG_LEVEL": "ERROR",
}


def event(path: str, headers: dict[str, str], body: Any = None, *, encode: bool = False) -> dict[str, Any]:
    """An event of API Gateway's HTTP API, payload format 2.0."""
    text = None if body is None else body if isinstance(body, str) else json.dumps(body)
    if text is not None and encode:
        text = base64.b64encode(text.encode()).decode()
    method, url = METHODS.get(path, ("GET" if body is None else "POST", path))
    path, _, query = url.partition("?")
    return {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": path,
        "rawQueryString": query,
        "headers": {"content-type": "application/json", "host": "api.example", **headers},
        "requestContext": {
            "http": {"method": method, "path": path, "protocol": "HTTP/1.1", "sourceIp": "192.0.2.1"},
            "stage": "$default",
        },
        "body": text,
        "isBase64Encoded": encode,
    }


class Broker(RecordingPublisher):
    """Remembers the loops that it was used in."""

    def __init__(self) -> None:
        super().__init__()
        self.loops: set[int] = set()

    async def publish(self, topic: Any, message: Any) -> Any:
        self.loops.add(id(asyncio.get_running_loop()))
        return await super().publish(topic, message)


@pytest.fixture
def publisher() -> Broker:
    return Broker()


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch, publisher: Broker) -> Iterator[pytest.MonkeyPatch]:
    """A deployment's environment, the broker aside; and an event loop that ends with the test."""
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(PREFIX + name, value)
    monkeypatch.setattr(set_up, "MqttPublisher", lambda *_, **__: publisher)
    monkeypatch.setattr("functions.logs.configure", lambda _: None)
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    yield monkeypatch
    loop.close()
    asyncio.set_event_loop(None)


def fresh(module: ModuleType) -> Any:
    """The handler of a module in a process that has just started."""
    importlib.reload(module)
    return module.handler


@pytest.mark.usefixtures("environment")
@pytest.mark.parametrize("path", MODULES)
def test_each_function_answers_by_its_own_handler(path: str) -> None:
    """One file is one function: its handler serves its route, and no other."""
    module = importlib.import_module(MODULES[path])
    assert callable(module.handler)
    handler = fresh(module)
    answer = handler(event(path, service(ALL_SCOPES), POSTS.get(path)), CONTEXT)
    other = handler(event("/api/sync/else", service(), POSTS.get(path)), CONTEXT)

    assert answer["statusCode"] in (200, 202, 204), answer
    if answer["statusCode"] != 204:
        assert json.loads(answer["body"])
        assert answer["headers"]["content-type"] == "application/json"
    assert answer["headers"]["x-request-id"] == CONTEXT.aws_request_id
    assert other["statusCode"] == 404


@pytest.mark.usefixtures("environment")
@pytest.mark.parametrize("path", MODULES)
def test_one_handler_serves_all_routes(path: str) -> None:
    """For who prefers one function behind `ANY /api/sync/{proxy+}`."""
    app = importlib.import_module("functions.app")
    handler = lambda_handler(FromEnvironment(*app.ROUTERS))
    answer = handler(event(path, service(ALL_SCOPES), POSTS.get(path)), CONTEXT)

    assert answer["statusCode"] in (200, 202, 204), answer


@pytest.mark.usefixtures("environment")
@pytest.mark.parametrize("encode", [False, True])
def test_bodies_come_as_text_or_base64(publisher: Broker, *, encode: bool) -> None:
    """API Gateway decides which."""
    handler = fresh(importlib.import_module("functions.shoot_progress"))
    answer = handler(event(SHOOT_PROGRESS, user(), PROGRESS, encode=encode), CONTEXT)

    assert answer["statusCode"] == 202
    assert answer["isBase64Encoded"] is False
    assert len(publisher.sent) == 1


@pytest.mark.usefixtures("environment")
def test_invocations_share_their_loop_and_publisher(publisher: Broker) -> None:
    """The connection stays warm between invocations: it is neither closed nor on a dead loop."""
    handler = fresh(importlib.import_module("functions.shoot_progress"))
    for _ in range(3):
        assert handler(event(SHOOT_PROGRESS, user(), PROGRESS), CONTEXT)["statusCode"] == 202

    assert len(publisher.sent) == 3
    assert len(publisher.loops) == 1
    assert not publisher.closed


REFUSALS: list[Any] = [
    pytest.param({}, PROGRESS, 401, id="no token"),
    pytest.param(user("eve"), PROGRESS, 403, id="another user"),
    pytest.param(user(), "{", 400, id="no JSON"),
    pytest.param(user(), " " * 70_000, 413, id="too large"),
    pytest.param(user(), {}, 422, id="invalid"),
    pytest.param(user() | {"content-length": "5"}, " " * 70_000, 413, id="a content-length that lies"),
]


@pytest.mark.usefixtures("environment")
@pytest.mark.parametrize(("headers", "body", "status"), REFUSALS)
def test_refusals_are_problems_here_too(
    publisher: Broker, headers: dict[str, str], body: Any, status: int
) -> None:
    """As text and not as base64, for whoever reads them."""
    handler = fresh(importlib.import_module("functions.shoot_progress"))
    answer = handler(event(SHOOT_PROGRESS, headers, body), CONTEXT)

    assert answer["statusCode"] == status
    assert answer["headers"]["content-type"] == "application/problem+json"
    assert answer["isBase64Encoded"] is False
    assert json.loads(answer["body"])["status"] == status
    assert publisher.sent == []


def test_a_wrong_environment_is_told_in_the_log_alone(
    environment: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Every fault by its name for the operator, nothing for the caller."""
    environment.delenv(f"{PREFIX}BROKER_URL")
    environment.setenv(f"{PREFIX}KEEPALIVE", "500")
    handler = fresh(importlib.import_module("functions.status"))
    answer = handler(event(STATUS, {}), CONTEXT)

    assert answer["statusCode"] == 500
    assert PREFIX not in answer["body"]
    assert f"{PREFIX}BROKER_URL: is not set" in caplog.text
    assert f"{PREFIX}KEEPALIVE: " in caplog.text

    environment.setenv(f"{PREFIX}BROKER_URL", "mqtt://127.0.0.1:1")
    environment.delenv(f"{PREFIX}KEEPALIVE")
    assert handler(event(STATUS, {}), CONTEXT)["statusCode"] == 200


def test_importing_a_function_needs_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """No setting is read, no loop made and no connection opened before the first invocation."""
    for name in ENVIRONMENT:
        monkeypatch.delenv(PREFIX + name, raising=False)
    monkeypatch.setattr(asyncio, "new_event_loop", None)
    for name in (*MODULES.values(), "functions.app"):
        importlib.reload(importlib.import_module(name))
    gc.collect()
