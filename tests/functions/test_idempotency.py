"""Idempotency-Key: the same request means the same event, any other request another one."""

import json
from typing import Any

import httpx
import pytest

from mqtt_bridge.recording import RecordingPublisher

from .callers import (
    CREDIT_UPDATE,
    CREDITS,
    POSTS,
    PROGRESS,
    PROMPT,
    PROMPT_CHANGE,
    SHOOT_PROGRESS,
    bearer,
    service,
    token,
    user,
)

KEY = {"Idempotency-Key": "8e03978e-40d5-43dd-bc93-6894a57f9324"}


async def event(client: httpx.AsyncClient, path: str, body: dict[str, Any], headers: dict[str, str]) -> str:
    response = await client.post(path, json=body, headers=headers)
    assert response.status_code == 202, response.text
    identifier: str = response.json()["id"]
    return identifier


@pytest.mark.parametrize("path", [SHOOT_PROGRESS, CREDIT_UPDATE, PROMPT_CHANGE])
async def test_a_retry_is_the_same_event(
    client: httpx.AsyncClient, publisher: RecordingPublisher, path: str
) -> None:
    """Also on another instance, which has never seen the first try: there is no store."""
    first = await event(client, path, POSTS[path], service() | KEY)
    second = await event(client, path, POSTS[path], service() | KEY)

    assert first == second
    assert [message.id for _, message in publisher.sent] == [first, first]


async def test_how_the_body_is_written_makes_no_difference(client: httpx.AsyncClient) -> None:
    """White space, the order of fields and 5.0 for 5 do not make another event."""
    headers = user() | KEY | {"Content-Type": "application/json"}
    one = json.dumps(PROGRESS | {"eta": 5})
    other = json.dumps(dict(reversed((PROGRESS | {"eta": 5.0, "run": 0}).items())), indent=4)
    answers = [await client.post(SHOOT_PROGRESS, content=text, headers=headers) for text in (one, other)]

    assert answers[0].json()["id"] == answers[1].json()["id"]


BASE = (SHOOT_PROGRESS, PROGRESS, "billing", KEY)


@pytest.mark.parametrize(
    ("path", "body", "caller", "key"),
    [
        pytest.param(SHOOT_PROGRESS, PROGRESS | {"processedCount": 251}, "billing", KEY, id="another body"),
        pytest.param(SHOOT_PROGRESS, PROGRESS | {"sequence": 1}, "billing", KEY, id="a sequence"),
        pytest.param(SHOOT_PROGRESS, PROGRESS | {"deviceId": "mac-1"}, "billing", KEY, id="another device"),
        pytest.param(SHOOT_PROGRESS, PROGRESS | {"userId": "eve"}, "billing", KEY, id="another user"),
        pytest.param(SHOOT_PROGRESS, PROGRESS, "worker", KEY, id="another caller"),
        pytest.param(SHOOT_PROGRESS, PROGRESS, "billing", {"Idempotency-Key": "2"}, id="another key"),
        pytest.param(SHOOT_PROGRESS, PROGRESS, "billing", {}, id="no key"),
        pytest.param(CREDIT_UPDATE, CREDITS, "billing", KEY, id="another route"),
        pytest.param(PROMPT_CHANGE, PROMPT, "billing", KEY, id="yet another route"),
    ],
)
async def test_another_request_is_another_event(
    client: httpx.AsyncClient, path: str, body: dict[str, Any], caller: str, key: dict[str, str]
) -> None:
    """A key that is used again, by mistake or by somebody else, hides no event."""

    def headers(name: str) -> dict[str, str]:
        return bearer(token(name, "sync:publish"))

    base = await event(client, BASE[0], BASE[1], headers(BASE[2]) | BASE[3])

    assert await event(client, path, body, headers(caller) | key) != base


@pytest.mark.parametrize("key", ["x", "!~", "x" * 255, '"quoted"'])
async def test_good_keys_are_taken(client: httpx.AsyncClient, key: str) -> None:
    """1 to 255 printable ASCII characters."""
    await event(client, SHOOT_PROGRESS, PROGRESS, user() | {"Idempotency-Key": key})


@pytest.mark.parametrize("key", ["", "x" * 256, "a b", "a\tb", "é", "\x7f"])
async def test_bad_keys_are_refused(
    client: httpx.AsyncClient, publisher: RecordingPublisher, key: str
) -> None:
    """400 names the header: ignoring a key would take the caller's word back."""
    headers = [(b"Idempotency-Key", key.encode()), *((k.encode(), v.encode()) for k, v in user().items())]
    response = await client.post(SHOOT_PROGRESS, json=PROGRESS, headers=headers)

    assert response.status_code == 400
    assert response.json()["errors"][0]["field"] == "Idempotency-Key"
    assert publisher.sent == []


async def test_two_keys_are_refused(client: httpx.AsyncClient, publisher: RecordingPublisher) -> None:
    """Which of them should count?"""
    headers = [*user().items(), ("Idempotency-Key", "1"), ("Idempotency-Key", "2")]
    response = await client.post(SHOOT_PROGRESS, json=PROGRESS, headers=headers)

    assert response.status_code == 400
    assert publisher.sent == []
