"""The functions against the real broker: what is posted reaches the user's devices, and nobody else's."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from typing import Any

import httpx
import pytest

from functions.app import create_app
from mqtt_bridge.broker_url import BrokerUrl
from mqtt_bridge.client import SyncClient
from mqtt_bridge.events import Event
from mqtt_bridge.messages import PromptChange
from mqtt_bridge.publisher import MqttPublisher
from mqtt_bridge.session import SessionAnswer, SessionRequest
from mqtt_bridge.settings import Settings
from tests.functions import callers
from tests.functions.callers import (
    BATCH_ROUTE,
    CREDIT_UPDATE,
    CREDITS,
    POSTS,
    PROGRESS,
    PROMPT_CHANGE,
    SESSION,
    SHOOT_PROGRESS,
    STATUS,
    service,
)

from .conftest import StartBroker, TestBroker
from .link import ACCEPTED, Link

Connect = Callable[[TestBroker], httpx.AsyncClient]


def settings_of(broker: TestBroker) -> Settings:
    control = broker.control
    return Settings.model_validate(
        {
            "broker_url": f"mqtt://{control.host}:{control.tcp_port}",
            "public_broker_urls": f"ws://{control.host}:{control.ws_port}/mqtt,mqtt://{control.host}:{control.tcp_port}",
            "signing_key": broker.key.to_pem(),
            "auth_issuer": callers.ISSUER,
            "auth_audience": callers.AUDIENCE,
            "auth_algorithms": "HS256",
            "auth_secret": callers.SECRET,
        }
    )


@pytest.fixture
async def connect() -> AsyncIterator[Connect]:
    """Makes clients of functions that publish to a broker."""
    async with AsyncExitStack() as stack:

        def make(broker: TestBroker) -> httpx.AsyncClient:
            settings = settings_of(broker)
            publisher = MqttPublisher(
                BrokerUrl.parse(settings.broker_url), key=broker.key, timeout=settings.publish_timeout
            )
            stack.push_async_callback(publisher.aclose)
            transport = httpx.ASGITransport(create_app(settings, publisher))
            client = httpx.AsyncClient(transport=transport, base_url="http://functions")
            stack.push_async_callback(client.aclose)
            return client

        yield make


@pytest.fixture
def client(connect: Connect, broker: TestBroker) -> httpx.AsyncClient:
    return connect(broker)


async def session(client: httpx.AsyncClient, user: str, device: str) -> SessionAnswer:
    body = {"userId": user, "deviceId": device, "name": device, "platform": "web"}
    response = await client.post(SESSION, json=body, headers=callers.user(user))
    assert response.status_code == 200, response.text
    return SessionAnswer.model_validate_json(response.content)


async def device(
    client: httpx.AsyncClient, broker: TestBroker, user: str, name: str, transport: str = "tcp"
) -> Link:
    """A device that knows nothing but its session answer, connected and subscribed."""
    answer = await session(client, user, name)
    link = broker.link(answer.client_id, transport)
    assert link.connect(answer.username, answer.token, keepalive=answer.keepalive) == ACCEPTED
    filters = [(subscription.filter, subscription.qos) for subscription in answer.subscriptions]
    assert link.subscribe_each(filters) == [qos for _, qos in filters]
    return link


async def events(link: Link, count: int) -> list[dict[str, Any]]:
    """The next messages of the contract; the broker's epoch is none."""
    found: list[dict[str, Any]] = []
    while len(found) < count:
        message = await asyncio.to_thread(link.receive)
        if not message.topic.endswith("/epoch"):
            found.append(json.loads(message.payload))
    return found


def for_user(body: dict[str, Any], user: str) -> dict[str, Any]:
    return body | {"userId": user}


ROUTES = [
    pytest.param(SHOOT_PROGRESS, PROGRESS, "SHOOT_PROGRESS", id="shoot-progress"),
    pytest.param(CREDIT_UPDATE, CREDITS, "CREDIT_UPDATE", id="credit-update"),
    pytest.param(PROMPT_CHANGE, POSTS[PROMPT_CHANGE], "PROMPT_CHANGE", id="prompt-change"),
]


@pytest.mark.parametrize(("path", "body", "kind"), ROUTES)
async def test_a_post_reaches_all_devices_of_the_user_and_nobody_elses(
    client: httpx.AsyncClient,
    broker: TestBroker,
    user: str,
    transport: str,
    path: str,
    body: dict[str, Any],
    kind: str,
) -> None:
    """The main job: two devices of one user hear it as it was posted, a device of another one does not."""
    stranger = f"{user}-stranger"
    phone = await device(client, broker, user, "phone", transport)
    mac = await device(client, broker, user, "mac", transport)
    other = await device(client, broker, stranger, "phone", transport)
    with phone, mac, other:
        response = await client.post(path, json=for_user(body, user), headers=service())
        mark = await client.post(path, json=for_user(body, stranger), headers=service())

        assert (response.status_code, mark.status_code) == (202, 202)
        assert response.json()["listeners"] == "some"
        for link in (phone, mac):
            (event,) = await events(link, 1)
            assert (event["type"], event["id"], event["userId"]) == (kind, response.json()["id"], user)
            assert event["data"].items() >= {k: v for k, v in body.items() if k != "userId"}.items()
        # What the stranger hears first is its own, posted later.
        (event,) = await events(other, 1)
        assert (event["id"], event["userId"]) == (mark.json()["id"], stranger)


async def test_a_post_for_everyone_reaches_everyone(
    client: httpx.AsyncClient, broker: TestBroker, user: str
) -> None:
    """Users have nothing in common but this topic."""
    one = await device(client, broker, user, "phone")
    two = await device(client, broker, f"{user}-2", "phone")
    with one, two:
        response = await client.post(
            PROMPT_CHANGE, json={"everyone": True, "action": "updated"}, headers=service()
        )
        identifier = response.json()["id"]

        for link in (one, two):
            # Other tests may tell everyone something at the same time.
            while (event := (await events(link, 1))[0])["id"] != identifier:
                assert event["userId"] is None
            assert (event["type"], event["userId"]) == ("PROMPT_CHANGE", None)


async def test_a_batch_arrives_in_its_order(client: httpx.AsyncClient, broker: TestBroker, user: str) -> None:
    """Across topics too, and around an item that is refused."""
    phone = await device(client, broker, user, "phone")
    with phone:
        progress = {"type": "SHOOT_PROGRESS", **for_user(PROGRESS, user)}
        balance = {"type": "CREDIT_UPDATE", **for_user(CREDITS, user)}
        items = [progress | {"processedCount": n} if n % 3 else balance for n in range(40)]
        items.insert(20, progress | {"totalCount": -1})
        response = await client.post(BATCH_ROUTE, json={"items": items}, headers=service())
        answers = response.json()["items"]
        heard = await events(phone, 40)

    assert [answer["status"] for answer in answers] == [202] * 20 + [422] + [202] * 20
    assert [event["id"] for event in heard] == [answer["id"] for answer in answers if "id" in answer]


async def test_who_comes_late_sees_the_present(
    client: httpx.AsyncClient, broker: TestBroker, user: str
) -> None:
    """Progress and balance are state; nobody listened when they were posted, and the answer said so."""
    for count in (1, 2, 3):
        response = await client.post(
            SHOOT_PROGRESS,
            json=for_user(PROGRESS, user) | {"processedCount": count},
            headers=callers.user(user),
        )
        assert response.json()["listeners"] == "none"
    await client.post(CREDIT_UPDATE, json=for_user(CREDITS, user), headers=service())
    phone = await device(client, broker, user, "phone")
    with phone:
        heard = {event["type"]: event for event in await events(phone, 2)}

    assert heard["SHOOT_PROGRESS"]["data"]["processedCount"] == 3
    assert heard["CREDIT_UPDATE"]["data"]["newBalance"] == 1200


async def test_one_key_is_one_event_and_two_bodies_are_two(
    client: httpx.AsyncClient, broker: TestBroker, user: str
) -> None:
    """A device of ours shows a retried post once; the same key with another body hides nothing."""

    async def get_session(_: SessionRequest) -> SessionAnswer:
        return await session(client, user, "phone")

    async def post(title: str, key: str) -> str:
        body = for_user(POSTS[PROMPT_CHANGE], user) | {"title": title}
        response = await client.post(PROMPT_CHANGE, json=body, headers=service() | {"Idempotency-Key": key})
        assert response.status_code == 202, response.text
        identifier: str = response.json()["id"]
        return identifier

    request = SessionRequest(user_id=user, device_id="phone", name="phone", platform="web")
    heard: list[str | None] = []
    async with asyncio.timeout(30), SyncClient(get_session, device=request) as sync:
        await until_connected(sync)
        assert await post("first", "k") == await post("first", "k")
        await post("second", "k")
        await post("first", "k")
        await post("end", "k")
        async for event in sync:
            if isinstance(event, Event) and isinstance(event.message.data, PromptChange):
                heard.append(event.message.data.title)
                if event.message.data.title == "end":
                    break

    assert heard == ["first", "second", "end"]


async def until_connected(sync: SyncClient) -> None:
    async for _ in sync:  # the first event is the resync of the first connect
        return


async def test_a_broker_that_is_stopped_during_a_post(
    connect: Connect, start_broker: StartBroker, user: str
) -> None:
    """503 with Retry-After within 3 s and nothing claimed; when it is back, the next post succeeds."""
    broker = start_broker()
    client = connect(broker)
    body = for_user(PROGRESS, user)
    assert (await client.post(SHOOT_PROGRESS, json=body, headers=callers.user(user))).status_code == 202

    posting = asyncio.create_task(keep_posting(client, user))
    await asyncio.to_thread(broker.control.stop)
    refused = await posting
    health = await client.get(STATUS)
    await asyncio.to_thread(broker.control.start)
    after = await client.post(SHOOT_PROGRESS, json=body, headers=callers.user(user))

    assert refused.status_code == 503
    assert int(refused.headers["Retry-After"]) >= 1
    assert refused.json()["type"] == "urn:problem-type:kull-sync:not-acknowledged"
    assert "id" not in refused.json()
    assert health.status_code == 503
    assert after.status_code == 202


async def keep_posting(client: httpx.AsyncClient, user: str) -> httpx.Response:
    """Post one after the other until one fails, each within the contract's 3 s."""
    while True:
        async with asyncio.timeout(3):
            response = await client.post(
                SHOOT_PROGRESS, json=for_user(PROGRESS, user), headers=callers.user(user)
            )
        if response.status_code != 202:
            return response


async def test_a_broker_that_hangs(connect: Connect, start_broker: StartBroker, user: str) -> None:
    """One that takes connections and says nothing is not waited for either, and a batch waits for it once."""
    broker = start_broker()
    client = connect(broker)
    body = for_user(PROGRESS, user)
    assert (await client.post(SHOOT_PROGRESS, json=body, headers=callers.user(user))).status_code == 202
    item = {"type": "SHOOT_PROGRESS", **body}
    broker.control.pause()
    try:
        async with asyncio.timeout(20):  # a tenth of what waiting for each item would take
            response = await client.post(
                BATCH_ROUTE, json={"items": [item] * 100}, headers=callers.user(user)
            )
    finally:
        broker.control.resume()
    after = await client.post(SHOOT_PROGRESS, json=body, headers=callers.user(user))

    assert [answer["status"] for answer in response.json()["items"]] == [503] * 100
    assert after.status_code == 202


async def test_the_health_check_makes_the_round_trip(client: httpx.AsyncClient) -> None:
    """A message went to the broker and came back."""
    response = await client.get(STATUS, headers=service())

    assert response.status_code == 200
    assert response.json()["details"]["roundTripMs"] > 0
