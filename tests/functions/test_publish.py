"""The three publish routes: what is posted goes out on the right topic, and 202 says what the broker said."""

import json

import httpx
import pytest

from functions.app import create_app
from mqtt_bridge.errors import PublishError, PublishRefusedError
from mqtt_bridge.messages import CreditUpdate, Envelope, PromptChange, ShootProgress, now_ms
from mqtt_bridge.recording import RecordingPublisher
from mqtt_bridge.topics import ALL_PROMPTS, CreditsTopic, PromptsTopic, ShootTopic

from .callers import (
    CREDIT_UPDATE,
    CREDITS,
    POSTS,
    PROGRESS,
    PROMPT,
    PROMPT_CHANGE,
    SESSION,
    SHOOT_PROGRESS,
    service,
    user,
)
from .conftest import settings_of


def sent(publisher: RecordingPublisher) -> Envelope:
    (_, message) = publisher.sent[-1]
    return message


async def test_progress_reaches_the_shoots_topic(
    client: httpx.AsyncClient, publisher: RecordingPublisher
) -> None:
    """A user's own progress goes out as it was posted, and the answer names the event."""
    body = PROGRESS | {
        "deviceId": "mac-1",
        "currentImage": "DSC_1.NEF",
        "eta": 12.5,
        "run": 2,
        "sequence": 77,
    }
    response = await client.post(SHOOT_PROGRESS, json=body, headers=user())

    assert response.status_code == 202
    ((topic, message),) = publisher.sent
    assert response.json() == {"id": message.id, "listeners": "some"}
    assert topic == ShootTopic("ada", "wedding-17")
    assert (message.type, message.user_id, message.device_id) == ("SHOOT_PROGRESS", "ada", "mac-1")
    assert message.data == ShootProgress(
        shoot_id="wedding-17",
        status="processing",
        processed_count=250,
        total_count=3000,
        current_image="DSC_1.NEF",
        eta=12.5,
        run=2,
        sequence=77,
    )


async def test_credits_reach_the_users_topic(
    client: httpx.AsyncClient, publisher: RecordingPublisher
) -> None:
    """A service tells a user's devices the balance."""
    response = await client.post(CREDIT_UPDATE, json=CREDITS | {"sequence": 9}, headers=service())

    assert response.status_code == 202
    ((topic, message),) = publisher.sent
    assert topic == CreditsTopic("ada")
    assert message.data == CreditUpdate(new_balance=1200, change=1000, reason="purchase", sequence=9)


async def test_a_prompt_for_one_user(client: httpx.AsyncClient, publisher: RecordingPublisher) -> None:
    """With a user id, that user alone is told."""
    response = await client.post(PROMPT_CHANGE, json=PROMPT, headers=service())

    assert response.status_code == 202
    ((topic, message),) = publisher.sent
    assert topic == PromptsTopic("ada")
    assert message.user_id == "ada"
    assert message.data == PromptChange(prompt_id="soft-light", action="updated")


async def test_a_prompt_for_everyone(client: httpx.AsyncClient, publisher: RecordingPublisher) -> None:
    """With `everyone`, all are told, and the message names no user."""
    body = {"everyone": True, "action": "deleted", "deviceId": "web-1"}
    response = await client.post(PROMPT_CHANGE, json=body, headers=service())

    assert response.status_code == 202
    ((topic, message),) = publisher.sent
    assert topic == ALL_PROMPTS
    assert (message.user_id, message.device_id) == (None, "web-1")


@pytest.mark.parametrize("path", [SHOOT_PROGRESS, CREDIT_UPDATE])
async def test_a_missing_sequence_is_filled_in(
    client: httpx.AsyncClient, publisher: RecordingPublisher, path: str
) -> None:
    """Updates without a sequence are ordered as they came, and count as of now."""
    before = now_ms()
    for _ in range(50):
        await client.post(path, json=POSTS[path], headers=service())

    sequences = [message.data.sequence for _, message in publisher.sent]
    assert sequences == sorted(set(sequences))
    assert before <= sequences[0] <= now_ms()


async def test_without_a_key_each_post_is_an_event(
    client: httpx.AsyncClient, publisher: RecordingPublisher
) -> None:
    """Who posts the same twice without a key means it twice."""
    answers = [await client.post(SHOOT_PROGRESS, json=PROGRESS, headers=user()) for _ in range(2)]

    assert answers[0].json()["id"] != answers[1].json()["id"]


async def test_the_answer_tells_that_nobody_listens(
    client: httpx.AsyncClient, publisher: RecordingPublisher
) -> None:
    """What the broker said about listeners is passed on."""
    publisher.listeners = "none"
    response = await client.post(SHOOT_PROGRESS, json=PROGRESS, headers=user())

    assert response.json()["listeners"] == "none"


@pytest.mark.parametrize("path", [SHOOT_PROGRESS, CREDIT_UPDATE, PROMPT_CHANGE])
async def test_no_acknowledgement_is_no_success(
    client: httpx.AsyncClient, publisher: RecordingPublisher, path: str
) -> None:
    """Without the broker's acknowledgement the answer is 503, and says when to try again."""
    publisher.fail_with = PublishError("no PUBACK in time")
    response = await client.post(path, json=POSTS[path], headers=service())

    assert response.status_code == 503
    assert int(response.headers["Retry-After"]) >= 1
    assert response.json()["type"] == "urn:problem-type:kull-sync:not-acknowledged"
    assert "id" not in response.json()


async def test_a_refusal_by_the_broker_is_not_to_be_retried(
    client: httpx.AsyncClient, publisher: RecordingPublisher
) -> None:
    """What the broker refuses it will refuse again: no Retry-After, and nothing of the inside."""
    publisher.fail_with = PublishRefusedError("sync/v1/secret-topic", 0x87, "Not authorized")
    response = await client.post(SHOOT_PROGRESS, json=PROGRESS, headers=user())

    assert response.status_code == 500
    assert "Retry-After" not in response.headers
    assert response.json()["type"] == "urn:problem-type:kull-sync:refused-by-broker"
    assert "secret-topic" not in response.text


async def test_an_unexpected_error_says_nothing(
    client: httpx.AsyncClient, publisher: RecordingPublisher
) -> None:
    """Whatever breaks inside is a 500 problem without a word of it."""
    publisher.fail_with = ZeroDivisionError("an inner secret")  # type: ignore[assignment]  # a defect, no failure
    response = await client.post(SHOOT_PROGRESS, json=PROGRESS, headers=user())

    assert response.status_code == 500
    assert response.headers["content-type"] == "application/problem+json"
    assert response.json()["type"] == "urn:problem-type:kull-sync:internal"
    assert "secret" not in response.text


@pytest.mark.parametrize("path", POSTS)
@pytest.mark.parametrize(
    ("headers", "body"), [(service(), None), (service(), b"{"), ({}, b"{}"), (service(), b"")]
)
async def test_below_a_root_path_the_answers_are_the_same(
    publisher: RecordingPublisher, path: str, headers: dict[str, str], body: bytes | None
) -> None:
    """Behind a proxy that takes a prefix off, the request reaches its route by way of the framework."""
    app = create_app(settings_of(), publisher)
    headers = headers | {"Content-Type": "application/json", "Idempotency-Key": "k", "X-Request-Id": "r"}
    content = json.dumps(POSTS[path]).encode() if body is None else body
    answers = []
    for root in ("", "/prefix"):
        transport = httpx.ASGITransport(app, root_path=root)
        async with httpx.AsyncClient(transport=transport, base_url="http://functions") as client:
            answers.append(await client.post(root + path, content=content, headers=headers))

    plain, below = answers
    assert plain.status_code == below.status_code
    if path != SESSION:  # each of its answers is another
        assert (plain.headers.raw, plain.content) == (below.headers.raw, below.content)
