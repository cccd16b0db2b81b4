"""The OpenAPI page: valid, complete, and true: what it documents happens, and nothing else does."""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx
import jsonschema
import pytest

from functions import limits
from functions.app import openapi
from mqtt_bridge.errors import PublishError, PublishRefusedError
from mqtt_bridge.recording import RecordingPublisher

from .callers import (
    ALL_SCOPES,
    BATCH_ROUTE,
    CREDIT_UPDATE,
    DEVICES,
    POSTS,
    PROMPT_CHANGE,
    SHOOT_PROGRESS,
    SIGN_OUT,
    STATUS,
    WITHOUT_BODY,
    bearer,
    service,
    token,
    user,
)
from .conftest import Connect

PAGE = openapi()
OPERATIONS = {
    path: (method, operation)
    for path, methods in PAGE["paths"].items()
    for method, operation in methods.items()
}
EVERYTHING = service(ALL_SCOPES)
URLS = {path: path for path in POSTS} | {path: url for (_, path), url in WITHOUT_BODY.items()}


def at(pointer: str) -> Any:
    """What a ``$ref`` points to."""
    found = PAGE
    for part in pointer.removeprefix("#/").split("/"):
        found = found[part]
    return found


def schemas(schema: dict[str, Any]) -> jsonschema.Draft202012Validator:
    """A validator of one schema of the page, which finds the others."""
    return jsonschema.Draft202012Validator({**schema, "components": PAGE["components"]})


def references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(value.get("$ref"), str):
            yield value["$ref"]
        for inner in value.values():
            yield from references(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from references(inner)


def test_the_page_has_every_route() -> None:
    """A route without a page is a route that nobody can use."""
    assert {(path, method) for path, (method, _) in OPERATIONS.items()} == {
        *((path, "post") for path in POSTS),
        *((path, method.lower()) for method, path in WITHOUT_BODY),
    }


def test_the_page_is_an_openapi_document() -> None:
    """What OpenAPI 3.1 requires of the parts that we use."""
    assert re.fullmatch(r"3\.1\.\d", PAGE["openapi"])
    assert {"title", "version"} <= PAGE["info"].keys()
    assert {tag["name"] for tag in PAGE["tags"]} == {
        tag for _, operation in OPERATIONS.values() for tag in operation["tags"]
    }
    identifiers = [operation["operationId"] for _, operation in OPERATIONS.values()]
    assert len(set(identifiers)) == len(identifiers)
    for pointer in references(PAGE):
        assert at(pointer)
    for schema in PAGE["components"]["schemas"].values():
        jsonschema.Draft202012Validator.check_schema(schema)
    assert json.loads(json.dumps(PAGE, allow_nan=False)) == PAGE


def test_every_schema_is_used() -> None:
    """Nothing of FastAPI's own error format is left, nor any model that no route speaks of."""
    used = set(references(PAGE))
    assert {f"#/components/schemas/{name}" for name in PAGE["components"]["schemas"]} <= used


@pytest.mark.parametrize("path", OPERATIONS)
def test_every_operation_explains_itself(path: str) -> None:
    """Summary, description, token and answers of every route."""
    _, operation = OPERATIONS[path]
    assert operation["summary"]
    assert len(operation["description"]) > 50
    assert {"appToken": []} in operation["security"]
    # Only the health check can be asked without a token.
    assert ({} in operation["security"]) == (path == STATUS)
    assert PAGE["components"]["securitySchemes"]["appToken"] == {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "JWT",
        "description": PAGE["components"]["securitySchemes"]["appToken"]["description"],
    }
    headers = [each["name"] for each in operation.get("parameters", []) if each["in"] == "header"]
    keyed = path in (SHOOT_PROGRESS, CREDIT_UPDATE, PROMPT_CHANGE, BATCH_ROUTE)
    assert headers == (["Idempotency-Key"] if keyed else [])


@pytest.mark.parametrize("path", [DEVICES, SIGN_OUT])
def test_parameters_are_described(path: str) -> None:
    """What goes into a URL, with the rule that ids have and an example."""
    for parameter in OPERATIONS[path][1]["parameters"]:
        assert parameter["description"]
        assert parameter["schema"]["pattern"]
        assert parameter["schema"]["examples"]
        assert parameter["required"] == (parameter["in"] == "path")


@pytest.mark.parametrize("path", OPERATIONS)
def test_every_refusal_is_a_problem_with_an_example(path: str) -> None:
    """Of every status: the document's schema, and an example of each kind that bears that status."""
    for status, response in OPERATIONS[path][1]["responses"].items():
        assert "X-Request-Id" in response["headers"]
        if status.startswith("2"):
            continue
        assert list(response["content"]) == ["application/problem+json"]
        content = response["content"]["application/problem+json"]
        assert content["schema"] == {"$ref": "#/components/schemas/Problem"}
        assert content["examples"]
        for name, example in content["examples"].items():
            schemas(content["schema"]).validate(example["value"])
            assert example["value"]["status"] == int(status)
            assert example["value"]["type"].endswith(f":{name}")
        assert ("WWW-Authenticate" in response["headers"]) == (
            status == "401" or "insufficient" in str(content)
        )
        assert ("Retry-After" in response["headers"]) == (status == "503")


def body_schemas(path: str) -> list[dict[str, Any]]:
    schema = OPERATIONS[path][1]["requestBody"]["content"]["application/json"]["schema"]
    return [at(part["$ref"]) for part in schema.get("oneOf", [schema])]


@pytest.mark.parametrize("path", POSTS)
async def test_examples_of_bodies_are_taken(client: httpx.AsyncClient, path: str) -> None:
    """What the page shows can be sent as it is, and validates against the page."""
    for schema in body_schemas(path):
        assert schema["examples"]
        assert schema["additionalProperties"] is False
        for example in schema["examples"]:
            schemas(schema).validate(example)
            response = await client.post(path, json=example, headers=EVERYTHING)
            assert response.is_success, response.text


@pytest.mark.parametrize("path", POSTS)
def test_fields_of_bodies_are_described(path: str) -> None:
    """Names tell much; where they do not, the docstring under the field is on the page."""
    for schema in body_schemas(path):
        for name, field in schema["properties"].items():
            assert "title" not in field, name
        if "lastSession" in schema["properties"]:
            assert "session number" in schema["properties"]["lastSession"]["description"]


def test_one_addressee_is_on_the_page() -> None:
    """A generated client can tell that exactly one of userId and everyone is needed."""
    (schema,) = body_schemas("/api/sync/prompt-change")
    validator = schemas(schema)

    assert validator.is_valid({"action": "updated", "userId": "ada"})
    assert validator.is_valid({"action": "updated", "everyone": True})
    assert not validator.is_valid({"action": "updated"})
    assert not validator.is_valid({"action": "updated", "userId": "ada", "everyone": True})


@pytest.mark.parametrize("path", [SHOOT_PROGRESS, CREDIT_UPDATE])
def test_the_page_says_how_to_keep_the_newest_state(path: str) -> None:
    """Nothing but the caller keeps a late retry of an old update from being what the broker retains."""
    description = " ".join(OPERATIONS[path][1]["description"].split())

    assert "Wait for each answer before you post the next" in description
    assert "retry the newest" in description


JSON = {"Content-Type": "application/json"}


class Stalled:
    """A body of which only the beginning arrives, as often as it is sent."""

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield b"{"
        await asyncio.Event().wait()


STATUSES: list[tuple[int, dict[str, Any], Exception | None]] = [
    (0, {"headers": EVERYTHING}, None),
    (400, {"headers": EVERYTHING | JSON, "content": b"{", "json": None}, None),
    (401, {"headers": {}}, None),
    (403, {"headers": user("eve")}, None),
    (408, {"headers": EVERYTHING | JSON, "content": Stalled(), "json": None}, None),
    (413, {"headers": EVERYTHING | JSON, "content": b" " * 70_000, "json": None}, None),
    (415, {"headers": EVERYTHING, "content": b"{}", "json": None}, None),
    (422, {"headers": EVERYTHING, "json": {}}, None),
    (500, {"headers": EVERYTHING}, PublishRefusedError("t", 0x87, "Not authorized")),
    (503, {"headers": EVERYTHING}, PublishError("gone")),
]


@pytest.mark.parametrize("path", OPERATIONS)
async def test_documented_statuses_are_the_real_ones(
    connect: Connect, publisher: RecordingPublisher, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    """Each documented status can be had, each that is had is documented, and its body is as documented."""
    client = connect()
    method, operation = OPERATIONS[path]
    url = URLS[path]
    seen = set()
    for status, request, failure in STATUSES:
        if path == STATUS and request["headers"] == {}:
            request = {"headers": bearer(token(exp=1))}
        publisher.fail_with = failure  # type: ignore[assignment]  # a defect, no failure
        monkeypatch.setattr(limits.patience, "seconds", 0 if status == 408 else 10)
        if path in POSTS:
            response = await client.request(method, url, **{"json": POSTS[path], **request})
        elif status == 422:
            response = await client.request(method, url.replace("ada", "$ada"), **{**request, "json": None})
        elif "content" not in request:
            response = await client.request(method, url, **request)
        else:
            continue
        check(operation, response)
        seen.add(str(response.status_code))

    # A route that publishes nothing has its 503 from the issuer's keys, its 500 from what nobody expected.
    publisher.fail_with = None
    unknown = connect(auth_secret=None, auth_jwks_url="http://127.0.0.1:1/", auth_algorithms="ES256")
    key_id = {"Authorization": f"Bearer {token(kid='x')}"}
    response = await unknown.request(method, url, headers=key_id | JSON)
    check(operation, response)
    seen.add(str(response.status_code))

    assert seen | {"500"} == set(operation["responses"]), "a documented status was not seen"


def check(operation: dict[str, Any], response: httpx.Response) -> None:
    """The response is one that the operation documents."""
    status = str(response.status_code)
    assert status in operation["responses"], response.text
    documented = operation["responses"][status]
    if response.status_code == 204:
        assert "content" not in documented
        assert response.content == b""
        return
    ((media_type, content),) = documented["content"].items()
    assert response.headers["content-type"] == media_type
    schemas(content["schema"]).validate(response.json())
    for header in ("Retry-After", "WWW-Authenticate", "Accept-Post", "Connection"):
        if header in response.headers:
            assert header in documented["headers"], f"{status} has {header}"
    if not response.is_success:
        assert response.json()["type"].rpartition(":")[2] in content["examples"]


def test_a_batch_answers_for_items_and_not_with_their_status() -> None:
    """403 and the broker's 503 are the items' own: the page must not promise them for the whole."""
    responses = OPERATIONS[BATCH_ROUTE][1]["responses"]

    assert "403" not in responses
    assert list(responses["503"]["content"]["application/problem+json"]["examples"]) == ["no-keys"]
