"""The session answer: a token for exactly the one who asked, and only for who may."""

from typing import Any

import httpx
import jwt
import pytest

from mqtt_bridge import tokens
from mqtt_bridge.messages import SAFE_INTEGER, now_ms
from mqtt_bridge.rights import bridge_rights, device_rights, operator_rights
from mqtt_bridge.session import SessionAnswer

from .callers import DEVICE, SESSION, service, user
from .conftest import SIGNING_KEY, Connect

JWKS = {"keys": [SIGNING_KEY.public_jwk]}


async def ask(client: httpx.AsyncClient, body: dict[str, Any], headers: dict[str, str]) -> SessionAnswer:
    response = await client.post(SESSION, json=body, headers=headers)
    assert response.status_code == 200, response.text
    # A token is for its owner: no cache on the way may keep it.
    assert response.headers["Cache-Control"] == "no-store"
    return SessionAnswer.model_validate_json(response.content)


@pytest.mark.parametrize("headers", [user(), service("sync:session")], ids=["the user", "a service"])
async def test_a_device_gets_what_it_needs(client: httpx.AsyncClient, headers: dict[str, str]) -> None:
    """The token is the broker's own kind, for this user and device alone, with a device's rights."""
    answer = await ask(client, DEVICE | {"appVersion": "4.2"}, headers)
    claims = tokens.verify(answer.token, JWKS)

    assert (claims.sub, claims.device, claims.acl) == ("ada", "mac-1", device_rights("ada", "mac-1"))
    assert (answer.client_id, answer.username, answer.session) == ("ada:mac-1", "ada", claims.session)
    assert (answer.user_id, answer.device_id) == ("ada", "mac-1")
    assert answer.urls == ["wss://broker.example/mqtt", "mqtts://broker.example"]
    assert claims.exp - claims.iat == answer.expires_in
    assert answer.birth is not None
    assert (answer.birth.data.name, answer.birth.data.platform, answer.birth.data.app_version) == (
        "Ada's Mac",
        "mac",
        "4.2",
    )


async def test_the_deployments_settings_reach_the_answer(connect: Connect) -> None:
    """What an operator sets is what devices are told, and what the broker can verify."""
    client = connect(
        token_issuer="sync.example",
        token_audience="broker.example",
        token_lifetime=120,
        keepalive=20,
        session_expiry=60,
        queue_limit=50,
    )
    answer = await ask(client, DEVICE, user())

    assert (answer.expires_in, answer.keepalive, answer.session_expiry, answer.queue_limit) == (
        120,
        20,
        60,
        50,
    )
    tokens.verify(answer.token, JWKS, issuer="sync.example", audience="broker.example")


async def test_a_session_is_above_the_last_known_one(client: httpx.AsyncClient) -> None:
    """Presence is ordered by it, so a host with a slow clock must not hand out a lower one."""
    ahead = now_ms() + 60_000
    answer = await ask(client, DEVICE | {"lastSession": ahead}, user())

    assert answer.session >= ahead + 1000


async def test_an_absurd_last_session_is_ignored(client: httpx.AsyncClient) -> None:
    """A device cannot lock itself out of its own future."""
    answer = await ask(client, DEVICE | {"lastSession": SAFE_INTEGER}, user())

    assert answer.session <= now_ms()


async def test_a_bridge_worker_gets_its_shards(client: httpx.AsyncClient) -> None:
    """Worker 1 of 2 owns every second shard, under a name that it keeps over restarts."""
    body = {"role": "bridge", "worker": "1/2"}
    answer = await ask(client, body, service("sync:session sync:bridge"))
    claims = tokens.verify(answer.token, JWKS)

    assert claims.acl == bridge_rights("13579bdf")
    assert (answer.username, answer.client_id) == ("$bridge", "$bridge:worker-1-of-2")
    assert (answer.user_id, answer.topics, answer.birth, answer.will) == (None, None, None, None)


async def test_an_operator_only_looks(client: httpx.AsyncClient) -> None:
    """An operator's token allows no publish."""
    body = {"role": "operator", "instance": "desk-3"}
    answer = await ask(client, body, service("sync:session sync:operator"))
    claims = tokens.verify(answer.token, JWKS)

    assert claims.acl == operator_rights()
    assert claims.acl.pub == []
    assert answer.client_id == "$operator:desk-3"


@pytest.mark.parametrize(("fill", "status"), [("x", 200), ("~", 200), ('"', 422), ("\\", 422)])
async def test_a_token_never_exceeds_what_the_broker_takes(
    client: httpx.AsyncClient, fill: str, status: int
) -> None:
    """The broker refuses a longer one unread. Ids that JSON must escape can grow a token beyond it."""
    body = DEVICE | {"userId": fill * 128, "deviceId": fill * 128}
    response = await client.post(SESSION, json=body, headers=service("sync:session"))

    assert response.status_code == status
    if status == 200:
        assert len(response.json()["token"]) <= tokens.MAX_TOKEN
    else:
        assert [error["field"] for error in response.json()["errors"]] == ["userId", "deviceId"]


async def test_no_app_token_reaches_the_broker_token(client: httpx.AsyncClient) -> None:
    """What the caller's token says beyond the user is not the broker's business."""
    answer = await ask(client, DEVICE, service("sync:session sync:publish sync:bridge"))
    payload = jwt.decode(answer.token, options={"verify_signature": False})

    assert set(payload) == {"iss", "aud", "sub", "device", "session", "iat", "nbf", "exp", "jti", "acl"}
