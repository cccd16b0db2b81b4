"""Bad input is refused with an error that names the field, and nothing is published."""

from typing import Any

import httpx
import pytest

from mqtt_bridge.recording import RecordingPublisher

from .callers import (
    ALL_SCOPES,
    BATCH_ROUTE,
    CREDIT_UPDATE,
    CREDITS,
    DEVICES,
    POSTS,
    PROGRESS,
    PROMPT,
    PROMPT_CHANGE,
    SESSION,
    SHOOT_PROGRESS,
    STATUS,
    bearer,
    service,
    token,
    user,
)

EVERYTHING = service(ALL_SCOPES)


def without(body: dict[str, Any], name: str) -> dict[str, Any]:
    return {field: value for field, value in body.items() if field != name}


def rows(path: str, good: dict[str, Any], *changes: tuple[str, Any, str]) -> list[Any]:
    """One row for each change of a field: what it is called, to which value, and the field to be named."""
    return [
        pytest.param(path, good | {field: value}, named, id=f"{path[10:]} {field}={str(value)[:20]!r}")
        for field, value, named in changes
    ]


INVALID = [
    *rows(
        SHOOT_PROGRESS,
        PROGRESS,
        ("processedCount", -1, "processedCount"),
        ("totalCount", -1, "totalCount"),
        ("processedCount", 3001, "totalCount"),
        ("processedCount", "250", "processedCount"),
        ("processedCount", 2.5, "processedCount"),
        ("processedCount", 250.0, "processedCount"),
        ("processedCount", True, "processedCount"),
        ("processedCount", 2**53, "processedCount"),
        ("processedCount", None, "processedCount"),
        ("status", "paused", "status"),
        ("status", "PROCESSING", "status"),
        ("eta", -1, "eta"),
        ("eta", "soon", "eta"),
        ("run", -1, "run"),
        ("sequence", 1.5, "sequence"),
        ("shootId", "", "shootId"),
        ("shootId", "a/b", "shootId"),
        ("shootId", "a+b", "shootId"),
        ("shootId", "#", "shootId"),
        ("shootId", "$SYS", "shootId"),
        ("shootId", "a b", "shootId"),
        ("shootId", "é", "shootId"),
        ("shootId", "a\n", "shootId"),
        ("shootId", "x" * 129, "shootId"),
        ("userId", "$functions", "userId"),
        ("userId", "ada/x", "userId"),
        ("userId", "+", "userId"),
        ("userId", None, "userId"),
        ("userId", 5, "userId"),
        ("deviceId", "mac:1", "deviceId"),
        ("deviceId", "mac/1", "deviceId"),
        ("error", "x" * 2001, "error"),
        ("proccessedCount", 1, "proccessedCount"),
        ("COLOUR", "red", "COLOUR"),
        ("a.b", 1, "a.b"),
        ("processed_count", 1, "processed_count"),
        ("type", "SHOOT_PROGRESS", "type"),
        ("id", "mine", "id"),
    ),
    *rows(
        CREDIT_UPDATE,
        CREDITS,
        ("newBalance", -1, "newBalance"),
        ("newBalance", "1200", "newBalance"),
        ("change", 0.5, "change"),
        ("change", 2**60, "change"),
        ("reason", "x" * 201, "reason"),
        ("reason", None, "reason"),
        ("sequence", -1, "sequence"),
        ("everyone", True, "everyone"),
    ),
    *rows(
        PROMPT_CHANGE,
        PROMPT,
        ("everyone", True, "everyone"),
        ("userId", None, "everyone"),
        ("everyone", False, "everyone"),
        ("everyone", "true", "everyone"),
        ("everyone", 1, "everyone"),
        ("userId", "a#b", "userId"),
        ("action", "renamed", "action"),
        ("promptId", "", "promptId"),
        ("title", "x" * 301, "title"),
    ),
    *rows(
        SESSION,
        POSTS[SESSION],
        ("platform", "amiga", "platform"),
        ("name", "", "name"),
        ("name", "x" * 101, "name"),
        ("deviceId", "a:b", "deviceId"),
        ("userId", "$bridge", "userId"),
        ("lastSession", -1, "lastSession"),
        ("lastSession", "1", "lastSession"),
        ("role", "device", "role"),
        ("role", ["bridge"], "role"),
        ("session", 1, "session"),
        ("SESSION", 1, "SESSION"),
    ),
    *rows(
        SESSION,
        {"role": "bridge", "worker": "0/2"},
        ("worker", "2/2", "worker"),
        ("worker", "0/0", "worker"),
        ("worker", "0/17", "worker"),
        ("worker", "00/2", "worker"),
        ("worker", "-1/2", "worker"),
        ("worker", "٠/٢", "worker"),
        ("worker", "0/2\n", "worker"),
        ("worker", 0, "worker"),
        ("userId", "ada", "userId"),
    ),
    *rows(
        SESSION,
        {"role": "operator", "instance": "desk"},
        ("instance", "a:b", "instance"),
        ("instance", None, "instance"),
        ("worker", "0/1", "worker"),
    ),
    *rows(
        BATCH_ROUTE,
        {},
        ("items", {}, "items"),
        ("items", "x", "items"),
        ("items", None, "items"),
        ("items", [], "items"),
        ("items", [1] * 101, "items"),
    ),
    *(
        pytest.param(path, without(body, name), name, id=f"{path[10:]} without {name}")
        for path, body in POSTS.items()
        for name in body
        if (path, name) not in {(PROMPT_CHANGE, "userId"), (PROMPT_CHANGE, "promptId")}
    ),
    pytest.param(PROMPT_CHANGE, without(PROMPT, "userId"), "everyone", id="prompt-change for nobody"),
]


@pytest.mark.parametrize(("path", "body", "named"), INVALID)
async def test_an_invalid_body_is_refused_by_the_name_of_its_field(
    client: httpx.AsyncClient, publisher: RecordingPublisher, path: str, body: dict[str, Any], named: str
) -> None:
    """422 names the wrong field as it is called on the wire, and nothing goes out."""
    response = await client.post(path, json=body, headers=EVERYTHING)

    assert response.status_code == 422, response.text
    assert response.headers["content-type"] == "application/problem+json"
    problem = response.json()
    assert problem["type"] == "urn:problem-type:kull-sync:invalid"
    assert problem["status"] == 422
    assert [error["field"] for error in problem["errors"]] == [named]
    assert publisher.sent == []


async def test_an_answer_does_not_outgrow_its_request(client: httpx.AsyncClient) -> None:
    """Thousands of wrong fields are not named one by one."""
    body = {f"f{number}": 0 for number in range(5000)}
    response = await client.post(SHOOT_PROGRESS, json=body, headers=user())

    assert response.status_code == 422
    assert len(response.json()["errors"]) == 20


async def test_all_wrong_fields_are_named_at_once(client: httpx.AsyncClient) -> None:
    """A caller need not send its body once per mistake."""
    body = PROGRESS | {"status": "paused", "totalCount": "many", "colour": "red"}
    response = await client.post(SHOOT_PROGRESS, json=body, headers=user())

    named = {error["field"] for error in response.json()["errors"]}
    assert named == {"status", "totalCount", "colour"}


@pytest.mark.parametrize(
    ("content", "status", "kind"),
    [
        pytest.param(b"", 400, "not-json", id="empty"),
        pytest.param(b" ", 400, "not-json", id="a space"),
        pytest.param(b"{", 400, "not-json", id="cut off"),
        pytest.param(b"userId=ada", 400, "not-json", id="a form"),
        pytest.param(b"\xff\xfe", 400, "not-json", id="not UTF-8"),
        pytest.param(b'{"userId": "\xff"}', 400, "not-json", id="a string that is not UTF-8"),
        pytest.param(b'{"userId": "\\ud800"}', 400, "not-json", id="half a surrogate pair"),
        pytest.param(b"[" * 5000, 400, "not-json", id="5000 brackets"),
        pytest.param(b'{"a":' * 5000 + b"1" + b"}" * 5000, 400, "not-json", id="5000 objects"),
        pytest.param(b"{} {}", 400, "not-json", id="two values"),
        pytest.param(b"{'userId': 'ada'}", 400, "not-json", id="a Python dict"),
        pytest.param(b"null", 422, "invalid", id="null"),
        pytest.param(b"[]", 422, "invalid", id="a list"),
        pytest.param(b'"text"', 422, "invalid", id="a string"),
        pytest.param(b"5", 422, "invalid", id="a number"),
    ],
)
@pytest.mark.parametrize("path", POSTS)
async def test_a_body_that_is_no_object_is_refused(
    client: httpx.AsyncClient,
    publisher: RecordingPublisher,
    path: str,
    content: bytes,
    status: int,
    kind: str,
) -> None:
    """400 for what is not JSON, 422 for JSON that is not a body of ours; never a 500."""
    headers = EVERYTHING | {"Content-Type": "application/json"}
    response = await client.post(path, content=content, headers=headers)

    assert (response.status_code, response.json()["type"].rpartition(":")[2]) == (status, kind)
    assert publisher.sent == []


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999", "9" * 400])
@pytest.mark.parametrize("field", ["eta", "processedCount"])
async def test_numbers_beyond_json_are_refused(
    client: httpx.AsyncClient, publisher: RecordingPublisher, field: str, number: str
) -> None:
    """What JavaScript or JSON cannot hold is refused by the field's name."""
    content = (
        '{"userId":"ada","shootId":"s","status":"queued","totalCount":9007199254740991,'
        + ('"processedCount":0,' if field == "eta" else "")
        + f'"{field}":{number}}}'
    )
    headers = user() | {"Content-Type": "application/json"}
    response = await client.post(SHOOT_PROGRESS, content=content, headers=headers)

    assert response.status_code == 422
    assert [error["field"] for error in response.json()["errors"]] == [field]
    assert publisher.sent == []


@pytest.mark.parametrize(
    "content_type",
    [
        "",
        "text/plain",
        "text/json",
        "application/x-www-form-urlencoded",
        "application/xml",
        "multipart/form-data",
    ],
)
@pytest.mark.parametrize("path", POSTS)
async def test_other_content_types_are_refused(
    client: httpx.AsyncClient, publisher: RecordingPublisher, path: str, content_type: str
) -> None:
    """A body must say that it is JSON: a form on a foreign page cannot, so it can never post here."""
    response = await client.post(path, content=b"{}", headers=EVERYTHING | {"Content-Type": content_type})

    assert response.status_code == 415
    assert response.headers["Accept-Post"] == "application/json"
    assert publisher.sent == []


@pytest.mark.parametrize("content_type", ["application/json", "Application/JSON; charset=utf-8"])
async def test_json_content_types_are_taken(client: httpx.AsyncClient, content_type: str) -> None:
    """Case and parameters of the media type make no difference (RFC 9110, 8.3.1)."""
    content = b'{"userId":"ada","shootId":"s","status":"queued","processedCount":0,"totalCount":1}'
    response = await client.post(
        SHOOT_PROGRESS, content=content, headers=user() | {"Content-Type": content_type}
    )

    assert response.status_code == 202


FORBIDDEN = [
    pytest.param(SHOOT_PROGRESS, user("eve"), PROGRESS, "foreign-user", id="progress for another"),
    pytest.param(
        SHOOT_PROGRESS, service("sync:session"), PROGRESS, "insufficient-scope", id="progress, wrong scope"
    ),
    pytest.param(
        SHOOT_PROGRESS,
        bearer(token("ada", "sync:session")),
        PROGRESS,
        "insufficient-scope",
        id="progress, a service with a user's name",
    ),
    pytest.param(CREDIT_UPDATE, user(), CREDITS, "insufficient-scope", id="a user mints credits"),
    pytest.param(
        CREDIT_UPDATE, service("sync:session"), CREDITS, "insufficient-scope", id="credits, wrong scope"
    ),
    pytest.param(
        CREDIT_UPDATE, service("sync:publisher"), CREDITS, "insufficient-scope", id="credits, like scope"
    ),
    pytest.param(PROMPT_CHANGE, user(), PROMPT, "insufficient-scope", id="a user edits prompts"),
    pytest.param(
        PROMPT_CHANGE,
        user(),
        {"everyone": True, "action": "updated"},
        "insufficient-scope",
        id="a user for everyone",
    ),
    pytest.param(SESSION, user("eve"), POSTS[SESSION], "foreign-user", id="a session as another"),
    pytest.param(
        SESSION, service("sync:publish"), POSTS[SESSION], "insufficient-scope", id="a session, wrong scope"
    ),
    pytest.param(
        SESSION,
        service("sync:session"),
        {"role": "bridge", "worker": "0/1"},
        "insufficient-scope",
        id="bridge",
    ),
    pytest.param(
        SESSION,
        service("sync:bridge"),
        {"role": "bridge", "worker": "0/1"},
        "insufficient-scope",
        id="bridge alone",
    ),
    pytest.param(
        SESSION,
        service("sync:session sync:bridge"),
        {"role": "operator", "instance": "x"},
        "insufficient-scope",
        id="operator with the bridge's scope",
    ),
    pytest.param(
        SESSION, user(), {"role": "operator", "instance": "x"}, "insufficient-scope", id="a user as operator"
    ),
]


@pytest.mark.parametrize(("path", "headers", "body", "kind"), FORBIDDEN)
async def test_what_a_caller_may_not_do_is_refused(
    client: httpx.AsyncClient,
    publisher: RecordingPublisher,
    path: str,
    headers: dict[str, str],
    body: dict[str, Any],
    kind: str,
) -> None:
    """403, and nothing goes out: a user acts for itself only, a service within its scopes."""
    response = await client.post(path, json=body, headers=headers)

    assert response.status_code == 403
    assert response.json()["type"] == f"urn:problem-type:kull-sync:{kind}"
    assert ("insufficient_scope" in response.headers.get("WWW-Authenticate", "")) == (
        kind == "insufficient-scope"
    )
    assert publisher.sent == []


@pytest.mark.parametrize(
    "separator", ["\u00a0", "\u2003", "\u3000", "\t", "\n", "\r", "\x0b", "\x0c", "\x1c", "\x85", ",", "+"]
)
async def test_only_a_space_separates_scopes(client: httpx.AsyncClient, separator: str) -> None:
    """RFC 6749, 3.3. Whatever else is between two words, an issuer that wrote it granted neither."""
    scope = f"x{separator}sync:publish{separator}y"
    response = await client.post(CREDIT_UPDATE, json=CREDITS, headers=service(scope))

    assert response.status_code == 403


@pytest.mark.parametrize("scope", ["sync:publish", "openid sync:publish", " sync:publish  openid "])
async def test_a_scope_counts_wherever_it_stands(client: httpx.AsyncClient, scope: str) -> None:
    """Their order has no meaning (RFC 6749, 3.3), and spaces too many do no harm."""
    response = await client.post(CREDIT_UPDATE, json=CREDITS, headers=service(scope))

    assert response.status_code == 202


async def test_a_user_named_like_a_scope_has_none(client: httpx.AsyncClient) -> None:
    """Scopes come from the claim `scope` alone."""
    response = await client.post(CREDIT_UPDATE, json=CREDITS, headers=bearer(token("sync:publish")))

    assert response.status_code == 403


@pytest.mark.parametrize("path", POSTS)
async def test_a_caller_without_a_token_learns_nothing_about_its_body(
    client: httpx.AsyncClient, path: str
) -> None:
    """401 comes before 422."""
    response = await client.post(path, json={"nonsense": 1})

    assert response.status_code == 401


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/", 404),
        ("GET", "/api/sync", 404),
        ("POST", "/api/sync/nothing", 404),
        ("POST", SHOOT_PROGRESS + "/", 404),
        ("GET", "/docs", 404),
        ("GET", "/openapi.json", 404),
        ("GET", SHOOT_PROGRESS, 405),
        ("PUT", CREDIT_UPDATE, 405),
        ("POST", STATUS, 405),
        ("POST", DEVICES, 405),
        ("DELETE", DEVICES, 405),
        ("DELETE", DEVICES + "/", 404),
        ("DELETE", DEVICES + "/a/b", 404),
        ("DELETE", DEVICES + "/a%2Fb", 404),
        ("GET", DEVICES + "/mac-1", 405),
        ("GET", "/api/sync/users/ada", 405),
        ("DELETE", "/api/sync/users", 404),
        ("DELETE", "/api/sync/users/", 404),
    ],
)
async def test_unknown_routes_are_problems_too(
    client: httpx.AsyncClient, method: str, path: str, status: int
) -> None:
    """Whatever is asked, a refusal is a problem document."""
    response = await client.request(method, path, headers=user())

    assert response.status_code == status
    assert response.headers["content-type"] == "application/problem+json"
    assert response.json()["status"] == status
    assert ("Allow" in response.headers) == (status == 405)
