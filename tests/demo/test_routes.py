"""The demo's routes: what they answer, what they refuse and how they say so."""

from typing import Any

import httpx
import jsonschema
import jwt
import pytest

from mqtt_bridge.recording import RecordingPublisher
from tests.functions import callers
from tests.functions.callers import CREDITS, PROGRESS, PROMPT, bearer, service, token

from .conftest import until

SESSION = {"userId": "ada", "deviceId": "mac-1", "name": "Mac", "platform": "mac"}


async def test_whoever_signs_in_can_use_the_functions(client: httpx.AsyncClient) -> None:
    """The token is the app's own, as its login would issue it."""
    (ada, bob) = (await client.get("/demo/api/users")).json()
    answer = await client.post("/demo/api/sign-in", json={"userId": "bob"})
    signed_in = answer.json()
    session = await client.post(
        callers.SESSION, json=SESSION | {"userId": "bob"}, headers=bearer(signed_in["token"])
    )

    assert (ada["userId"], ada.keys()) == ("ada", {"userId", "name"})
    assert {name: signed_in[name] for name in bob} == bob
    assert session.status_code == 200


@pytest.mark.parametrize(
    ("body", "scope"),
    [
        pytest.param({"userId": "zoe"}, None, id="a user that the demo does not have"),
        pytest.param({"userId": "zoe", "scopes": ["sync:devices"]}, "sync:devices", id="with scopes"),
        pytest.param(
            {"service": "billing", "scopes": ["sync:publish", "sync:erase"]},
            "sync:publish sync:erase",
            id="a service",
        ),
    ],
)
async def test_a_tester_gets_any_token(
    client: httpx.AsyncClient, body: dict[str, Any], scope: str | None
) -> None:
    """It is good, and says what was asked for."""
    answer = await client.post("/demo/api/tokens", json=body)
    claims = jwt.decode(answer.json()["token"], callers.SECRET, ["HS256"], audience=callers.AUDIENCE)

    assert (claims["sub"], claims.get("scope")) == (body.get("userId", body.get("service")), scope)
    assert claims["exp"] > claims["iat"]


async def test_bought_credits(ada: httpx.AsyncClient, publisher: RecordingPublisher) -> None:
    """The answer, the ledger and what the devices hear are one balance and one version of it."""
    before = (await ada.get("/demo/api/balance")).json()
    answer = (await ada.post("/demo/api/credits", json={"credits": 500})).json()
    after = (await ada.get("/demo/api/balance")).json()
    await until(lambda: len(publisher.sent) == 1)

    assert answer == after
    assert after["balance"] == before["balance"] + 500
    assert after["sequence"] > before["sequence"]
    ((topic, message),) = publisher.sent
    assert str(topic) == "sync/v1/users/ada/events/credits"
    assert message.data.model_dump(by_alias=True) == {
        "newBalance": after["balance"],
        "change": 500,
        "reason": "Purchase",
        "sequence": after["sequence"],
    }


async def test_an_edited_prompt(ada: httpx.AsyncClient, publisher: RecordingPublisher) -> None:
    """Everyone is told, and everyone sees it."""
    edited = await ada.patch("/demo/api/prompts/soft-light", json={"title": "Softer light"})
    listed = (await ada.get("/demo/api/prompts")).json()
    await until(lambda: len(publisher.sent) == 1)

    assert edited.json() in listed
    assert edited.json()["title"] == "Softer light"
    ((topic, message),) = publisher.sent
    assert (str(topic), message.user_id) == ("sync/v1/all/prompts", None)
    assert message.data.model_dump(by_alias=True) == {
        "promptId": "soft-light",
        "action": "updated",
        "title": "Softer light",
    }


async def test_shoots_of_every_kind(ada: httpx.AsyncClient) -> None:
    """There is something to cull, to look at and to try again; one of them is the list's."""
    shoots = (await ada.get("/demo/api/shoots")).json()

    assert {shoot["status"] for shoot in shoots} == {"new", "completed", "failed"}
    for shoot in shoots:
        assert (await ada.get(f"/demo/api/shoots/{shoot['shootId']}")).json() == shoot
        assert ("error" in shoot) == (shoot["status"] == "failed")


async def test_a_report_adds_up(ada: httpx.AsyncClient) -> None:
    """And says the same each time."""
    report = (await ada.get("/demo/api/shoots/harbour-2/report")).json()
    again = (await ada.get("/demo/api/shoots/harbour-2/report")).json()

    assert report == again
    assert report["kept"] + report["rejected"] + report["duplicates"] == report["imageCount"]
    assert min(report["kept"], report["rejected"], report["duplicates"]) > 0


async def test_users_have_data_of_their_own(ada: httpx.AsyncClient) -> None:
    """Bob's shoot is none of Ada's."""
    assert (await ada.get("/demo/api/shoots/bakery-1")).status_code == 404


@pytest.mark.parametrize(("lifetime", "expected"), [(90, 90), (None, 3600)])
async def test_a_session_lives_as_long_as_asked(
    ada: httpx.AsyncClient, lifetime: int | None, expected: int
) -> None:
    """The answer and the token say the same; without a lifetime it is that of the functions."""
    body = SESSION if lifetime is None else SESSION | {"lifetime": lifetime}
    answer = (await ada.post("/demo/api/session", json=body)).json()
    claims = jwt.decode(answer["token"], options={"verify_signature": False})

    assert (answer["expiresIn"], claims["exp"] - claims["iat"]) == (expected, expected)
    assert answer["clientId"] == "ada:mac-1"


@pytest.mark.parametrize(
    ("kind", "route", "good"),
    [
        ("SHOOT_PROGRESS", callers.SHOOT_PROGRESS, PROGRESS),
        ("CREDIT_UPDATE", callers.CREDIT_UPDATE, CREDITS),
        ("PROMPT_CHANGE", callers.PROMPT_CHANGE, PROMPT),
        ("UPDATE_PROGRESS", None, {key: value for key, value in PROGRESS.items() if key != "userId"}),
        ("PING", None, {"sentAt": 1}),
    ],
)
async def test_schemas_say_what_can_be_sent(
    client: httpx.AsyncClient, kind: str, route: str | None, good: dict[str, Any]
) -> None:
    """Each stands for itself: it takes what its route takes, and refuses what lacks a field."""
    schemas = (await client.get("/demo/api/schemas")).json()
    schema = jsonschema.Draft202012Validator(schemas[kind]["schema"])

    assert len(schemas) == 5
    assert schemas[kind]["route"] == route
    assert schema.is_valid(good)
    for field in good.keys() - {"promptId"}:
        assert not schema.is_valid({name: value for name, value in good.items() if name != field})
    if route is not None:
        assert (await client.post(route, json=good, headers=service())).status_code == 202


USER_ROUTES = [
    ("GET", "balance"),
    ("POST", "credits"),
    ("GET", "shoots"),
    ("GET", "shoots/wedding-17"),
    ("POST", "shoots/wedding-17/cull"),
    ("GET", "shoots/harbour-2/report"),
    ("GET", "prompts"),
    ("PATCH", "prompts/soft-light"),
    ("POST", "reset"),
]


@pytest.mark.parametrize(
    ("headers", "status", "problem"),
    [
        pytest.param({}, 401, "no-token", id="no token"),
        pytest.param(
            bearer(token(key="another secret of more than 32 bytes")), 401, "invalid-token", id="forged"
        ),
        pytest.param(bearer(token("zoe")), 403, "no-demo-user", id="a user that the demo does not have"),
        pytest.param(
            bearer(token("ada", "sync:publish")), 403, "no-demo-user", id="a service named like a user"
        ),
    ],
)
@pytest.mark.parametrize(("method", "path"), USER_ROUTES)
async def test_the_data_is_for_the_demos_users(
    client: httpx.AsyncClient,
    publisher: RecordingPublisher,
    method: str,
    path: str,
    headers: dict[str, str],
    status: int,
    problem: str,
) -> None:
    """Nobody else reads or changes any of it."""
    body = {"credits": 1} if path == "credits" else {"title": "x"} if method == "PATCH" else None
    answer = await client.request(method, f"/demo/api/{path}", json=body, headers=headers)

    assert (answer.status_code, answer.json()["type"]) == (status, f"urn:problem-type:kull-sync:{problem}")
    assert (publisher.sent, publisher.cleared) == ([], [])


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "field"),
    [
        pytest.param("POST", "sign-in", {"userId": "zoe"}, 404, "userId", id="sign in as nobody"),
        pytest.param("POST", "sign-in", {"userId": "a/b"}, 422, "userId", id="sign in as no id"),
        pytest.param("POST", "sign-in", {}, 422, "userId", id="sign in without a name"),
        pytest.param("POST", "sign-in", {"userId": "ada", "as": 1}, 422, "as", id="sign in with a typo"),
        pytest.param("POST", "tokens", {}, 422, "service", id="a token for nobody"),
        pytest.param(
            "POST",
            "tokens",
            {"userId": "a", "service": "b", "scopes": ["sync:publish"]},
            422,
            "service",
            id="for two",
        ),
        pytest.param("POST", "tokens", {"service": "b"}, 422, "service", id="a service without scopes"),
        pytest.param("POST", "tokens", {"service": "b", "scopes": []}, 422, "service", id="with no scopes"),
        pytest.param(
            "POST", "tokens", {"service": "b", "scopes": ["sync:x"]}, 422, "scopes.0", id="an unknown scope"
        ),
        pytest.param(
            "POST",
            "tokens",
            {"service": "b", "scopes": ["sync:publish"] * 99},
            422,
            "scopes",
            id="too many scopes",
        ),
        pytest.param(
            "POST", "tokens", {"service": "", "scopes": ["sync:publish"]}, 422, "service", id="no name"
        ),
        pytest.param("POST", "tokens", {"userId": "x" * 129}, 422, "userId", id="too long a name"),
        pytest.param("POST", "credits", {"credits": 0}, 422, "credits", id="no credits"),
        pytest.param("POST", "credits", {"credits": -5}, 422, "credits", id="fewer credits"),
        pytest.param("POST", "credits", {"credits": 100_001}, 422, "credits", id="too many credits"),
        pytest.param("POST", "credits", {"credits": "5"}, 422, "credits", id="credits that are no number"),
        pytest.param("GET", "shoots/none", None, 404, "shootId", id="an unknown shoot"),
        pytest.param("POST", "shoots/none/cull", {}, 404, "shootId", id="cull an unknown shoot"),
        pytest.param("GET", "shoots/none/report", None, 404, "shootId", id="report on an unknown shoot"),
        pytest.param(
            "POST", "shoots/wedding-17/cull", {"seconds": -1}, 422, "seconds", id="less than no time"
        ),
        pytest.param("POST", "shoots/wedding-17/cull", {"seconds": 601}, 422, "seconds", id="too much time"),
        pytest.param(
            "POST", "shoots/wedding-17/cull", {"fail": 1}, 422, "fail", id="fail that is no boolean"
        ),
        pytest.param("POST", "shoots/wedding-17/cull", {"speed": 1}, 422, "speed", id="cull with a typo"),
        pytest.param("PATCH", "prompts/none", {"title": "x"}, 404, "promptId", id="an unknown prompt"),
        pytest.param("PATCH", "prompts/soft-light", {"title": ""}, 422, "title", id="no title"),
        pytest.param(
            "PATCH", "prompts/soft-light", {"title": "x" * 101}, 422, "title", id="too long a title"
        ),
        pytest.param(
            "POST", "session", SESSION | {"lifetime": 0}, 422, "lifetime", id="a session of no time"
        ),
        pytest.param("POST", "session", SESSION | {"lifetime": 86_401}, 422, "lifetime", id="for too long"),
        pytest.param("POST", "session", SESSION | {"userId": "bob"}, 403, "userId", id="of another user"),
        pytest.param("POST", "session", SESSION | {"deviceId": "a:b"}, 422, "deviceId", id="of no device"),
    ],
)
async def test_a_refusal_names_the_field(
    ada: httpx.AsyncClient,
    publisher: RecordingPublisher,
    method: str,
    path: str,
    body: Any,
    status: int,
    field: str,
) -> None:
    """And nothing has changed."""
    answer = await ada.request(method, f"/demo/api/{path}", json=body)

    assert answer.status_code == status, answer.text
    assert field in [fault["field"] for fault in answer.json()["errors"]]
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert publisher.sent == []


async def test_ids_that_are_too_long_for_a_token(client: httpx.AsyncClient) -> None:
    """Both are named, as at the functions."""
    user = '"' * 128
    body = SESSION | {"userId": user, "deviceId": user}
    answer = await client.post("/demo/api/session", json=body, headers=bearer(token(user)))

    assert answer.status_code == 422
    assert [fault["field"] for fault in answer.json()["errors"]] == ["userId", "deviceId"]


async def test_a_session_needs_a_token(client: httpx.AsyncClient) -> None:
    """As at the functions."""
    assert (await client.post("/demo/api/session", json=SESSION)).status_code == 401


async def test_a_report_of_what_is_not_completed(ada: httpx.AsyncClient) -> None:
    """There is none of a shoot that is new or has failed, and the answer says which it is."""
    for shoot, status in (("wedding-17", "new"), ("concert-3", "failed")):
        answer = await ada.get(f"/demo/api/shoots/{shoot}/report")

        assert (answer.status_code, answer.json()["type"]) == (
            409,
            "urn:problem-type:kull-sync:not-completed",
        )
        assert status in answer.json()["detail"]
