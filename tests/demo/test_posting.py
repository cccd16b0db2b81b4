"""A message is posted again until it is acknowledged, as the same event; what can never work is given up."""

import itertools
import json
from collections.abc import Callable

import httpx
import pytest
from fastapi import FastAPI

from functions.demo.logins import Logins
from functions.demo.posting import CREDIT_UPDATE, PATIENCE, SHOOT_PROGRESS, NotPostedError, Posting
from mqtt_bridge.errors import ConfigurationError, PublishError
from mqtt_bridge.recording import RecordingPublisher
from mqtt_bridge.timing import Timing
from tests.functions.callers import AUDIENCE, CREDITS, ISSUER, PROGRESS, SECRET
from tests.functions.conftest import settings_of

from .conftest import URL

LOGINS = Logins(ISSUER, AUDIENCE, "HS256", SECRET)


class Hurried(Timing):
    """Time that passes by waiting alone, and at once."""

    def __init__(self) -> None:
        self.time = 0.0
        self.waits: list[float] = []
        self.at_wait: Callable[[], None] = lambda: None

    def now(self) -> float:
        return self.time

    async def sleep(self, delay: float) -> None:
        self.time += delay
        self.waits.append(delay)
        self.at_wait()

    def random(self) -> float:
        return 1.0


class Answers(httpx.AsyncBaseTransport):
    """Answers in turn, the last one for ever; None is no answer at all."""

    def __init__(self, *statuses: int | None) -> None:
        self.left = itertools.chain(statuses, itertools.repeat(statuses[-1]))
        self.asked: list[httpx.Request] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        if (status := next(self.left)) is None:
            raise httpx.ConnectError("refused")
        return httpx.Response(status)


@pytest.mark.parametrize("trouble", [503, 429, 408, 502, 504, None])
async def test_trouble_that_passes(trouble: int | None) -> None:
    """Each try is the same event: one key, one body, its sequence in it."""
    answers = Answers(trouble, trouble, 202)
    timing = Hurried()
    async with Posting(URL, LOGINS, transport=answers, timing=timing) as posting:
        await posting.post(SHOOT_PROGRESS, PROGRESS | {"sequence": 7})

    assert timing.waits == [1.0, 2.0]
    assert len(answers.asked) == 3
    assert len({request.headers["Idempotency-Key"] for request in answers.asked}) == 1
    assert {json.loads(request.content)["sequence"] for request in answers.asked} == {7}


@pytest.mark.parametrize("status", [400, 401, 403, 413, 422, 500, 200])
async def test_what_can_never_work_is_not_tried_again(status: int) -> None:
    """The caller is told at once, without any part of the message."""
    answers = Answers(status)
    async with Posting(URL, LOGINS, transport=answers, timing=Hurried()) as posting:
        with pytest.raises(NotPostedError, match=f"^{SHOOT_PROGRESS} answered {status}$"):
            await posting.post(SHOOT_PROGRESS, PROGRESS)

    assert len(answers.asked) == 1


@pytest.mark.parametrize("trouble", [503, None])
async def test_trouble_that_stays(trouble: int | None) -> None:
    """It is given up after a time, and no wait is long."""
    timing = Hurried()
    async with Posting(URL, LOGINS, transport=Answers(trouble), timing=timing) as posting:
        with pytest.raises(NotPostedError, match="did not acknowledge for 60 s"):
            await posting.post(SHOOT_PROGRESS, PROGRESS)

    assert timing.time <= PATIENCE
    assert max(timing.waits) == 5.0


async def test_two_messages_are_two_events() -> None:
    """Also when they read the same."""
    answers = Answers(202)
    async with Posting(URL, LOGINS, transport=answers) as posting:
        await posting.post(CREDIT_UPDATE, CREDITS)
        await posting.post(CREDIT_UPDATE, CREDITS)

    first, second = (request.headers["Idempotency-Key"] for request in answers.asked)
    assert first != second


async def test_the_functions_take_it(app: FastAPI, publisher: RecordingPublisher) -> None:
    """Through a broker that does not answer at first: once published, under the id of the first try."""
    timing = Hurried()
    publisher.fail_with = PublishError("no broker")

    def broker_is_back() -> None:
        publisher.fail_with = None

    timing.at_wait = broker_is_back
    async with Posting(URL, LOGINS, transport=httpx.ASGITransport(app), timing=timing) as posting:
        await posting.post(SHOOT_PROGRESS, PROGRESS)

    ((topic, message),) = publisher.sent
    assert str(topic) == "sync/v1/users/ada/events/shoots/wedding-17"
    assert message.type == "SHOOT_PROGRESS"
    assert len(timing.waits) == 1


async def test_nobody_listens() -> None:
    """A real connection that is refused is trouble, and not an error of another kind."""
    async with Posting("http://127.0.0.1:1", LOGINS, timing=Hurried()) as posting:
        with pytest.raises(NotPostedError, match="did not acknowledge"):
            await posting.post(SHOOT_PROGRESS, PROGRESS)


def test_no_secret_to_sign_with() -> None:
    """Where the functions trust somebody else's keys, the demo says what it lacks."""
    settings = settings_of(
        auth_secret=None, auth_jwks_url="https://app.example/jwks", auth_algorithms="ES256"
    )

    with pytest.raises(ConfigurationError, match="KULL_SYNC_AUTH_SECRET"):
        Logins.of(settings)
