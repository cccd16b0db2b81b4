"""Nothing waits beyond the time that Lambda leaves to an invocation: it would be killed without an answer."""

import asyncio
import importlib
import json
from types import SimpleNamespace
from typing import Any

import pytest

from functions import deadline
from mqtt_bridge.messages import Envelope
from mqtt_bridge.publisher import Receipt
from mqtt_bridge.topics import Topic

from .callers import BATCH_ROUTE, DEVICES, PROGRESS, SHOOT_PROGRESS, service, user
from .test_aws import CONTEXT, Broker, environment, event, fresh, publisher  # noqa: F401  # fixtures

SHOOT = {"type": "SHOOT_PROGRESS", **PROGRESS}


def context(milliseconds: int) -> Any:
    return SimpleNamespace(**vars(CONTEXT) | {"get_remaining_time_in_millis": lambda: milliseconds})


async def forever(*_: Any) -> Any:
    await asyncio.Event().wait()


@pytest.fixture
def soon() -> Any:
    """A context that leaves some milliseconds."""
    return context(int(deadline.FOR_REST * 1000) + 20)


@pytest.mark.usefixtures("environment")
def test_a_publication_that_hangs_is_answered_in_time(
    publisher: Broker,
    monkeypatch: pytest.MonkeyPatch,
    soon: Any,
) -> None:
    """503 with Retry-After, as for every other message that was not acknowledged in time."""
    monkeypatch.setattr(publisher, "publish", forever)
    handler = fresh(importlib.import_module("functions.shoot_progress"))
    answer = handler(event(SHOOT_PROGRESS, user(), PROGRESS), soon)

    assert answer["statusCode"] == 503
    assert answer["headers"]["retry-after"]
    assert answer["headers"]["x-request-id"] == CONTEXT.aws_request_id
    assert json.loads(answer["body"])["type"].endswith(":not-acknowledged")


@pytest.mark.usefixtures("environment")
def test_a_batch_that_hangs_tells_what_became_of_each(
    publisher: Broker,
    monkeypatch: pytest.MonkeyPatch,
    soon: Any,
) -> None:
    """What went out before must be known."""
    publish = publisher.publish

    async def one_only(topic: Topic, message: Envelope) -> Receipt:
        if publisher.sent:
            await forever()
        receipt: Receipt = await publish(topic, message)
        return receipt

    monkeypatch.setattr(publisher, "publish", one_only)
    handler = fresh(importlib.import_module("functions.batch"))
    answer = handler(event(BATCH_ROUTE, user(), {"items": [SHOOT] * 3}), soon)

    assert answer["statusCode"] == 200
    assert [item["status"] for item in json.loads(answer["body"])["items"]] == [202, 503, 503]


@pytest.mark.usefixtures("environment")
def test_whatever_else_hangs_is_answered_in_time(
    publisher: Broker,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Every function, and every wait in it."""
    monkeypatch.setattr(publisher, "list_devices", forever)
    handler = fresh(importlib.import_module("functions.devices"))
    answer = handler(event(DEVICES, service("sync:devices")), context(int(deadline.FOR_ANSWER * 1000) + 20))

    assert answer["statusCode"] == 503
    assert answer["headers"]["retry-after"]
    assert json.loads(answer["body"])["type"].endswith(":out-of-time")


@pytest.mark.usefixtures("environment")
def test_an_invocation_that_is_almost_over_publishes_nothing_in_vain(
    publisher: Broker,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Without any time left the answer is 503 too, and not a kill."""
    monkeypatch.setattr(publisher, "publish", forever)
    handler = fresh(importlib.import_module("functions.shoot_progress"))

    assert handler(event(SHOOT_PROGRESS, user(), PROGRESS), context(0))["statusCode"] == 503


@pytest.mark.usefixtures("environment")
def test_the_time_of_one_invocation_is_not_that_of_the_next(publisher: Broker, soon: Any) -> None:
    """A warm environment begins each with its own."""
    handler = fresh(importlib.import_module("functions.shoot_progress"))
    for each in (soon, context(30_000)):
        assert handler(event(SHOOT_PROGRESS, user(), PROGRESS), each)["statusCode"] == 202


async def test_a_time_out_of_the_work_itself_stays_its_own() -> None:
    """Only the end of the invocation is told as that."""

    async def late() -> None:
        raise TimeoutError

    with pytest.raises(TimeoutError):
        await deadline.within_invocation({"aws.context": context(30_000)}, late())
