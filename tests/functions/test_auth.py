"""Who calls: only a token of the configured issuer, audience and algorithms proves it."""

import base64
import json
import time
from typing import Any

import httpx
import pytest

from functions import auth
from functions.auth import Verifier
from functions.problems import ProblemError
from mqtt_bridge.recording import RecordingPublisher

from .callers import (
    ALL_SCOPES,
    CLAIMS,
    CREDIT_UPDATE,
    CREDITS,
    POSTS,
    PROGRESS,
    SECRET,
    SHOOT_PROGRESS,
    bearer,
    token,
    unsigned,
)
from .conftest import settings_of

NOW = int(time.time())


def tampered() -> str:
    """A user's token whose scope was edited afterwards."""
    header, payload, signature = token("ada").split(".")
    claims = json.loads(base64.urlsafe_b64decode(payload + "=="))
    edited = base64.urlsafe_b64encode(json.dumps(claims | {"scope": "sync:publish"}).encode()).rstrip(b"=")
    return f"{header}.{edited.decode()}.{signature}"


REFUSED = [
    pytest.param("x", id="garbage"),
    pytest.param("a.b.c", id="three garbage parts"),
    pytest.param("..", id="three empty parts"),
    pytest.param(token("ada")[:-3], id="cut off"),
    pytest.param(token("ada") + ".x", id="four parts"),
    pytest.param(token("ada") + "é", id="not ASCII"),
    pytest.param(tampered(), id="tampered"),
    pytest.param(unsigned({"alg": "none"}, CLAIMS), id="alg none"),
    pytest.param(unsigned({"alg": "None"}, CLAIMS, "AA"), id="alg None"),
    pytest.param(unsigned({"alg": "HS256"}, CLAIMS), id="no signature"),
    pytest.param(unsigned({}, CLAIMS), id="no alg"),
    pytest.param(unsigned({"alg": ["HS256"]}, CLAIMS), id="a list of algs"),
    pytest.param(unsigned("[" * 3000), id="a header of brackets"),
    pytest.param(unsigned('{"alg":"HS256","a":' * 250 + "1" + "}" * 250), id="a nested header"),
    pytest.param(unsigned('"text"'), id="a header that is text"),
    pytest.param(token(key="another secret, just as long as ours is"), id="foreign secret"),
    pytest.param(token(key=SECRET * 2, alg="HS512"), id="another algorithm"),
    pytest.param(token(exp=NOW - 1), id="expired"),
    pytest.param(token(exp=NOW - 86_400), id="expired yesterday"),
    pytest.param(token(exp=None), id="without exp"),
    pytest.param(token(exp="soon"), id="exp is text"),
    pytest.param(token(exp=float("inf")), id="exp is infinite"),
    pytest.param(token(nbf=NOW + 86_400), id="not yet valid"),
    pytest.param(token(iat=NOW + 86_400), id="issued in the future"),
    pytest.param(token(iss="https://evil.example"), id="another issuer"),
    pytest.param(token(iss=None), id="without iss"),
    pytest.param(token(iss=["https://app.example"]), id="a list of issuers"),
    pytest.param(token(aud="another-api"), id="another audience"),
    pytest.param(token(aud=None), id="without aud"),
    pytest.param(token(sub=None), id="without sub"),
    pytest.param(token(sub=""), id="an empty sub"),
    pytest.param(token(pad="x" * 8192), id="8 KiB"),
]


@pytest.mark.parametrize("value", REFUSED)
async def test_an_untrusted_token_is_refused(
    client: httpx.AsyncClient, publisher: RecordingPublisher, value: str
) -> None:
    """Whatever is wrong with a token, the answer is 401 with a challenge, and nothing is published."""
    headers = [(b"Authorization", b"Bearer " + value.encode())]
    response = await client.post(SHOOT_PROGRESS, json=PROGRESS, headers=headers)

    assert response.status_code == 401
    assert response.json()["type"] == "urn:problem-type:kull-sync:invalid-token"
    assert 'error="invalid_token"' in response.headers["WWW-Authenticate"]
    assert value not in response.text
    assert publisher.sent == []


@pytest.mark.parametrize("path", POSTS)
@pytest.mark.parametrize(
    "claims",
    [
        pytest.param({"exp": NOW - 1}, id="expired"),
        pytest.param({"aud": "another-api"}, id="another audience"),
        pytest.param({"key": "another secret, just as long as ours is"}, id="foreign secret"),
    ],
)
async def test_no_route_trusts_it(
    client: httpx.AsyncClient, publisher: RecordingPublisher, path: str, claims: dict[str, Any]
) -> None:
    """Each route looks at the token before anything else, however much the token claims to be allowed."""
    response = await client.post(
        path, json=POSTS[path], headers=bearer(token("billing", ALL_SCOPES, **claims))
    )

    assert response.status_code == 401
    assert response.json()["type"] == "urn:problem-type:kull-sync:invalid-token"
    assert publisher.sent == []


@pytest.mark.parametrize(
    "authorization",
    [None, "", "Bearer", "Bearer ", "Basic YWRhOnB3", token(), f"Token {token()}"],
    ids=["none", "empty", "scheme alone", "no token", "basic", "no scheme", "another scheme"],
)
async def test_without_a_bearer_token_the_challenge_names_no_error(
    client: httpx.AsyncClient, publisher: RecordingPublisher, authorization: str | None
) -> None:
    """RFC 6750, 3.1: a request without authentication gets the bare challenge."""
    headers = {} if authorization is None else {"Authorization": authorization}
    response = await client.post(SHOOT_PROGRESS, json=PROGRESS, headers=headers)

    assert response.status_code == 401
    assert response.json()["type"] == "urn:problem-type:kull-sync:no-token"
    assert response.headers["WWW-Authenticate"] == 'Bearer realm="kull-sync"'
    assert publisher.sent == []


@pytest.mark.parametrize(
    "claims",
    [
        pytest.param({"aud": ["another-api", "kull-sync"]}, id="one of several audiences"),
        pytest.param({"scope": ["sync:publish"]}, id="a scope that is no string is none"),
        pytest.param({"scope": ""}, id="an empty scope"),
        pytest.param({"exp": NOW + 10**9}, id="a long life"),
    ],
)
async def test_a_trusted_token_is_taken(client: httpx.AsyncClient, claims: dict[str, Any]) -> None:
    """An issuer may add what it likes."""
    response = await client.post(SHOOT_PROGRESS, json=PROGRESS, headers=bearer(token(**claims)))

    assert response.status_code == 202


@pytest.mark.parametrize("claim", ["nbf", "iat"])
async def test_clocks_may_differ_by_half_a_minute(client: httpx.AsyncClient, claim: str) -> None:
    """A token that was just made by a host whose clock is ahead is good at once."""
    claims: dict[str, Any] = {claim: int(time.time()) + auth.LEEWAY - 5}
    made = token(**claims)
    response = await client.post(SHOOT_PROGRESS, json=PROGRESS, headers=bearer(made))

    assert response.status_code == 202


async def test_bearer_is_read_in_any_case(client: httpx.AsyncClient) -> None:
    """The scheme's name is case-insensitive (RFC 9110, 11.1)."""
    response = await client.post(
        SHOOT_PROGRESS, json=PROGRESS, headers={"Authorization": f"bEaReR {token()}"}
    )

    assert response.status_code == 202


async def test_a_list_of_scopes_gives_none(client: httpx.AsyncClient) -> None:
    """A scope claim of a form that we do not read must not be read as something else."""
    response = await client.post(CREDIT_UPDATE, json=CREDITS, headers=bearer(token(scope=["sync:publish"])))

    assert response.status_code == 403


async def test_a_remembered_token_expires_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """Remembering a verified token must not prolong it."""
    verifier = Verifier(settings_of())
    expiry = int(time.time()) + 3600
    value = token(exp=expiry)
    assert (await verifier.verify(value)).subject == "ada"

    monkeypatch.setattr("functions.auth.time", lambda: float(expiry))

    with pytest.raises(ProblemError, match="expired"):
        await verifier.verify(value)


async def test_remembered_tokens_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Memory does not grow with the number of callers."""
    monkeypatch.setattr(auth, "REMEMBERED", 10)
    verifier = Verifier(settings_of())
    for number in range(25):
        assert (await verifier.verify(token(f"user-{number}"))).subject == f"user-{number}"

    assert len(verifier._known) == 10


async def test_a_remembered_token_costs_no_second_check(monkeypatch: pytest.MonkeyPatch) -> None:
    """Checking a signature is a large share of a request's time."""
    verifier = Verifier(settings_of())
    value = token()
    first = await verifier.verify(value)
    monkeypatch.setattr("functions.auth.jwt", None)

    assert await verifier.verify(value) is first
