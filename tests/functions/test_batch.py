"""A batch: items go out in their order, and each is judged by itself."""

from typing import Any

import httpx
import pytest

from mqtt_bridge.errors import PublishError, PublishRefusedError
from mqtt_bridge.messages import Envelope
from mqtt_bridge.publisher import Receipt
from mqtt_bridge.recording import RecordingPublisher
from mqtt_bridge.topics import Topic

from .callers import BATCH_ROUTE, CREDITS, PROGRESS, PROMPT, service, user

SHOOT = {"type": "SHOOT_PROGRESS", **PROGRESS}
CREDIT = {"type": "CREDIT_UPDATE", **CREDITS}
CHANGE = {"type": "PROMPT_CHANGE", **PROMPT}
EVERYONE = {"type": "PROMPT_CHANGE", "everyone": True, "action": "updated"}


class Failing(RecordingPublisher):
    """Fails from the n-th message on, counting attempts."""

    def __init__(self) -> None:
        super().__init__()
        self.failures: dict[int, Exception] = {}
        self.attempts = 0

    async def publish(self, topic: Topic, message: Envelope) -> Receipt:
        self.attempts += 1
        if failure := self.failures.get(self.attempts):
            raise failure
        return await super().publish(topic, message)


@pytest.fixture
def publisher() -> Failing:
    return Failing()


async def post(client: httpx.AsyncClient, items: Any, headers: dict[str, str]) -> list[dict[str, Any]]:
    response = await client.post(BATCH_ROUTE, json={"items": items}, headers=headers)
    assert response.status_code == 200, response.text
    answers: list[dict[str, Any]] = response.json()["items"]
    return answers


async def test_a_full_batch_goes_out_in_order(client: httpx.AsyncClient, publisher: Failing) -> None:
    """100 items of all kinds: published and answered in the order in which they were posted."""
    items = [SHOOT | {"processedCount": n} if n % 2 else CREDIT | {"newBalance": n} for n in range(98)]
    answers = await post(client, [*items, CHANGE, EVERYONE], service())

    assert [answer["status"] for answer in answers] == [202] * 100
    assert [answer["id"] for answer in answers] == [message.id for _, message in publisher.sent]
    assert len({answer["id"] for answer in answers}) == 100
    assert all(answer["listeners"] == "some" and "problem" not in answer for answer in answers)
    numbers = [
        getattr(message.data, "processed_count", getattr(message.data, "new_balance", None))
        for _, message in publisher.sent
    ]
    assert numbers == [*range(98), None, None]
    sequences = [message.data.sequence for _, message in publisher.sent[:98]]
    assert sequences == sorted(set(sequences))


@pytest.mark.parametrize(
    ("item", "status", "field"),
    [
        pytest.param(SHOOT | {"totalCount": -1}, 422, "totalCount", id="negative"),
        pytest.param(SHOOT | {"processedCount": 9000}, 422, "totalCount", id="more than all"),
        pytest.param(SHOOT | {"colour": "red"}, 422, "colour", id="unknown field"),
        pytest.param(SHOOT | {"COLOUR": "red"}, 422, "COLOUR", id="unknown upper-case field"),
        pytest.param(PROGRESS, 422, "type", id="no type"),
        pytest.param(SHOOT | {"type": "PING"}, 422, "type", id="unknown type"),
        pytest.param(SHOOT | {"type": 5}, 422, "type", id="a number for a type"),
        pytest.param(SHOOT | {"type": ["SHOOT_PROGRESS"]}, 422, "type", id="a list for a type"),
        pytest.param(EVERYONE | {"userId": "ada"}, 422, "everyone", id="both addressees"),
        pytest.param(5, 422, "", id="a number"),
        pytest.param(None, 422, "", id="null"),
        pytest.param([SHOOT], 422, "", id="a list"),
        pytest.param(SHOOT | {"userId": "eve"}, 403, "userId", id="another user"),
        pytest.param(CREDIT, 403, None, id="credits by a user"),
        pytest.param(EVERYONE, 403, None, id="everyone by a user"),
    ],
)
async def test_a_bad_item_spoils_no_other(
    client: httpx.AsyncClient, publisher: Failing, item: Any, status: int, field: str | None
) -> None:
    """It is answered with its own problem, and those before and after it go out."""
    before, refused, after = await post(client, [SHOOT, item, SHOOT | {"run": 1}], user())

    assert (before["status"], after["status"]) == (202, 202)
    assert refused["status"] == refused["problem"]["status"] == status
    assert "id" not in refused
    assert "listeners" not in refused
    fields = [error["field"] for error in refused["problem"].get("errors", [])]
    assert fields == ([] if field is None else [field])
    assert len(publisher.sent) == 2


async def test_numbers_beyond_json_spoil_one_item(client: httpx.AsyncClient, publisher: Failing) -> None:
    """NaN parses as little as it validates."""
    good = '{"type":"SHOOT_PROGRESS","userId":"ada","shootId":"s","status":"queued","processedCount":0,'
    text = (
        f'{{"items":[{good}"totalCount":NaN}},{good}"totalCount":1,"eta":Infinity}},{good}"totalCount":1}}]}}'
    )
    headers = user() | {"Content-Type": "application/json"}
    response = await client.post(BATCH_ROUTE, content=text, headers=headers)

    assert [answer["status"] for answer in response.json()["items"]] == [422, 422, 202]


async def test_a_dead_broker_is_waited_for_once(client: httpx.AsyncClient, publisher: Failing) -> None:
    """Items behind the one that was not acknowledged are not tried: the batch ends in the time of one."""
    publisher.failures = {3: PublishError("no PUBACK in time")}
    answers = await post(client, [SHOOT, SHOOT, SHOOT, CHANGE, {}, CREDIT, SHOOT], user())

    assert [answer["status"] for answer in answers] == [202, 202, 503, 403, 422, 403, 503]
    assert answers[2]["problem"]["type"].endswith(":not-acknowledged")
    assert answers[6]["problem"]["type"].endswith(":not-tried")
    assert publisher.attempts == 3
    assert len(publisher.sent) == 2


async def test_a_refused_item_does_not_stop_the_others(client: httpx.AsyncClient, publisher: Failing) -> None:
    """The broker is there: what it refuses is that one message."""
    publisher.failures = {1: PublishRefusedError("t", 0x97, "Quota exceeded")}
    answers = await post(client, [SHOOT, SHOOT], user())

    assert [answer["status"] for answer in answers] == [500, 202]


async def test_an_unexpected_error_does_not_hide_the_others(
    client: httpx.AsyncClient, publisher: Failing
) -> None:
    """What went out before must be told, also when something breaks behind it."""
    publisher.failures = {2: ZeroDivisionError("an inner secret")}
    answers = await post(client, [SHOOT, SHOOT, SHOOT], user())

    assert [answer["status"] for answer in answers] == [202, 500, 202]
    assert "secret" not in str(answers)


async def test_a_slow_broker_cannot_stretch_a_batch(
    client: httpx.AsyncClient, publisher: Failing, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Items whose turn comes after the batch's time are answered 503, to be retried."""
    ticks = iter(range(0, 1000, 4))
    monkeypatch.setattr("functions.batch.seconds", lambda: next(ticks))
    answers = await post(client, [SHOOT] * 5, user())

    assert [answer["status"] for answer in answers] == [202, 202, 503, 503, 503]


async def test_a_retried_batch_is_the_same_events(client: httpx.AsyncClient, publisher: Failing) -> None:
    """With a key, each item keeps its id in a retry, also behind one that failed the first time."""
    headers = user() | {"Idempotency-Key": "k"}
    publisher.failures = {2: PublishError("no PUBACK in time")}
    items = [SHOOT, SHOOT, SHOOT | {"run": 1}]
    first = await post(client, items, headers)
    second = await post(client, items, headers)

    assert [answer["status"] for answer in first] == [202, 503, 503]
    assert [answer["status"] for answer in second] == [202, 202, 202]
    assert second[0]["id"] == first[0]["id"]
    # Two equal items of one batch are two events.
    assert len({answer["id"] for answer in second}) == 3


async def test_a_batch_and_a_single_post_are_different_events(client: httpx.AsyncClient) -> None:
    """The route is part of what a key stands for."""
    headers = user() | {"Idempotency-Key": "k"}
    (item,) = await post(client, [SHOOT], headers)
    single = await client.post("/api/sync/shoot-progress", json=PROGRESS, headers=headers)

    assert item["id"] != single.json()["id"]
