"""Signing out and forgetting, through the functions and a real broker: what every side then sees."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from typing import Any

import httpx
import pytest

from functions.app import create_app
from mqtt_bridge.broker_url import BrokerUrl
from mqtt_bridge.connection import Connection, Will
from mqtt_bridge.events import Stopped
from mqtt_bridge.messages import now_ms
from mqtt_bridge.publisher import MqttPublisher
from mqtt_bridge.session import SessionAnswer, SessionRequest
from mqtt_bridge.topics import PresenceTopic
from tests.functions import callers
from tests.functions.callers import (
    CREDIT_UPDATE,
    CREDITS,
    DEVICES,
    PROGRESS,
    SESSION,
    SHOOT_PROGRESS,
    service,
)

from .conftest import StartBroker, TestBroker
from .devices import Sessions, described, running
from .link import ACCEPTED, ADMINISTRATIVE_ACTION, NOT_AUTHORIZED, PATIENCE
from .test_functions import settings_of

Connect = Callable[..., httpx.AsyncClient]


@pytest.fixture
async def connect() -> AsyncIterator[Connect]:
    """Makes clients of functions that talk to a broker."""
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


class OverHttp(Sessions):
    """Sessions from the functions."""

    def __init__(self, broker: TestBroker, client: httpx.AsyncClient, transport: str = "tcp") -> None:
        super().__init__(broker, transport=transport)
        self._client = client

    async def __call__(self, request: SessionRequest) -> SessionAnswer | None:
        self.asked.append(request)
        if not self.signed_in:
            return None
        answer = await session(self._client, request)
        # This transport, not the first of all that the deployment has.
        return answer.model_copy(update={"urls": list(self.terms.urls)})


async def session(client: httpx.AsyncClient, request: SessionRequest) -> SessionAnswer:
    headers = callers.user(request.user_id) | {"Content-Type": "application/json"}
    response = await client.post(SESSION, content=request.model_dump_json(), headers=headers)
    assert response.status_code == 200, response.text
    return SessionAnswer.model_validate_json(response.content)


async def listed(client: httpx.AsyncClient, user: str) -> dict[str, Any]:
    """The device list, by device id."""
    response = await client.get(DEVICES, headers=callers.user(user))
    assert response.status_code == 200, response.text
    assert response.json()["complete"]
    return {device["deviceId"]: device for device in response.json()["devices"]}


async def test_sign_out(client: httpx.AsyncClient, broker: TestBroker, user: str, transport: str) -> None:
    """The connection is gone, the others and the list say why, the client stops; a new login comes in."""
    sessions = OverHttp(broker, client, transport)
    async with running(sessions, user, "phone") as phone:
        async with running(sessions, user, "mac") as mac:
            await phone.until(lambda app: app.presence_of("mac") == ["connected"])
            assert (await listed(client, user))["mac"]["online"]

            response = await client.delete(f"{DEVICES}/mac", headers=callers.user(user))

            assert response.status_code == 204, response.text
            await phone.until(lambda app: app.presence_of("mac") == ["connected", "signed-out"])
            entry = (await listed(client, user))["mac"]
            assert (entry["online"], entry["reason"]) == (False, "signed-out")
            # Its login was not ended: it asks for a session again, reads that it was signed out, and obeys.
            await mac.until(lambda app: app.ended is None)
            assert [event.reason for event in mac.all(Stopped)] == ["signed-out"]
        assert phone.presence_of("mac") == ["connected", "signed-out"]
        async with running(sessions, user, "mac"):
            await phone.until(lambda app: app.presence_of("mac")[2:] == ["connected"])
            assert (await listed(client, user))["mac"]["online"]
        await phone.until(lambda app: app.presence_of("mac")[3:] == ["closed"])


async def test_a_device_whose_login_has_ended_stops_too(
    client: httpx.AsyncClient, broker: TestBroker, user: str
) -> None:
    """There is no session to be had any more, and the broker takes the old one's token no more."""
    sessions = OverHttp(broker, client)
    async with running(sessions, user, "mac") as mac:
        sessions.signed_in = False

        assert (await client.delete(f"{DEVICES}/mac", headers=callers.user(user))).status_code == 204

        await mac.until(lambda app: app.ended is None)
        assert [event.reason for event in mac.all(Stopped)] == ["unauthorized"]
    assert (await listed(client, user))["mac"]["reason"] == "signed-out"


@pytest.mark.parametrize("crash", [False, True], ids=["restart", "crash"])
async def test_an_old_token_stays_refused(
    connect: Connect, start_broker: StartBroker, user: str, crash: bool
) -> None:
    """Cut off at once, refused at once, and after the broker was started anew; a fresh token is let in."""
    broker = start_broker()
    client = connect(broker)
    old = await session(client, described(user, "mac"))
    mac = broker.link(old.client_id)
    assert mac.connect(old.username, old.token) == ACCEPTED

    assert (await client.delete(f"{DEVICES}/mac", headers=callers.user(user))).status_code == 204

    assert mac.wait_until_ended() == ADMINISTRATIVE_ACTION
    assert broker.link(old.client_id).connect(old.username, old.token) == NOT_AUTHORIZED
    new = await session(client, described(user, "mac"))
    await asyncio.to_thread(broker.restart, crash=crash)
    assert broker.link(old.client_id).connect(old.username, old.token) == NOT_AUTHORIZED
    assert broker.link(new.client_id).connect(new.username, new.token) == ACCEPTED


@pytest.mark.parametrize("known", [False, True], ids=["forgotten", "remembered"])
async def test_sign_out_and_in_again_and_again(
    client: httpx.AsyncClient, broker: TestBroker, user: str, known: bool
) -> None:
    """As fast as it goes, with and without the last session in mind: every login works, no token survives."""
    tokens: list[SessionAnswer] = []
    for _ in range(10):
        last = tokens[-1].session if tokens and known else None
        request = described(user, "mac").model_copy(update={"last_session": last})
        tokens.append(await session(client, request))
        link = broker.link(tokens[-1].client_id)
        assert link.connect(tokens[-1].username, tokens[-1].token) == ACCEPTED

        assert (await client.delete(f"{DEVICES}/mac", headers=callers.user(user))).status_code == 204

        assert link.wait_until_ended() == ADMINISTRATIVE_ACTION
    for old in tokens:
        assert broker.link(old.client_id).connect(old.username, old.token) == NOT_AUTHORIZED


async def test_a_session_ahead_of_the_clock_ends_too(
    client: httpx.AsyncClient, broker: TestBroker, user: str
) -> None:
    """A device that renewed often, or on a host with a fast clock; it forgets that, and comes in again."""
    ahead = described(user, "mac").model_copy(update={"last_session": now_ms() + 3_600_000})
    sessions = OverHttp(broker, client)
    async with running(sessions, user, "phone") as phone:
        answer = await session(client, ahead)
        assert answer.birth is not None
        mac = broker.device(user, token=answer.token)
        birth = answer.birth.fill(session=answer.session, epoch="e").to_json()
        mac.publish(str(PresenceTopic(user, "mac")), birth, retain=True)
        await phone.until(lambda app: app.presence_of("mac") == ["connected"])

        assert (await client.delete(f"{DEVICES}/mac", headers=callers.user(user))).status_code == 204

        assert mac.wait_until_ended() == ADMINISTRATIVE_ACTION
        await phone.until(lambda app: app.presence_of("mac") == ["connected", "signed-out"])
        async with running(sessions, user, "mac"):
            await phone.until(lambda app: app.presence_of("mac")[2:] == ["connected"])


async def test_others_are_not_signed_out(client: httpx.AsyncClient, broker: TestBroker, user: str) -> None:
    """Not the user's other devices, and not a device of the same name of somebody else."""
    sessions = OverHttp(broker, client)
    neighbour = f"{user}-2"
    async with running(sessions, user, "phone"), running(sessions, neighbour, "mac"):
        await until_online(client, user, "phone")
        await until_online(client, neighbour, "mac")
        assert (await client.delete(f"{DEVICES}/mac", headers=callers.user(user))).status_code == 204

        assert {name: each["online"] for name, each in (await listed(client, user)).items()} == {
            "mac": False,
            "phone": True,
        }
        assert (await listed(client, neighbour))["mac"]["online"]


async def until_online(client: httpx.AsyncClient, user: str, device: str) -> None:
    async with asyncio.timeout(PATIENCE):
        while not (await listed(client, user)).get(device, {}).get("online"):
            await asyncio.sleep(0.02)


async def test_a_device_that_was_lost(client: httpx.AsyncClient, broker: TestBroker, user: str) -> None:
    """It is listed with the time of its end and not with that of its CONNECT, which the will bears."""
    answer = await session(client, described(user, "mac"))
    assert answer.will is not None
    will = answer.will.message.fill(session=answer.session).model_copy(update={"timestamp": 1000})
    connection = await Connection.open(
        BrokerUrl.parse(answer.urls[1]),
        client_id=answer.client_id,
        username=answer.username,
        password=answer.token,
        keepalive=answer.keepalive,
        timeout=PATIENCE,
        will=Will(answer.will.topic, will.to_json(), delay=0, expiry=answer.will.expiry),
    )
    before = now_ms()
    connection.abort()
    async with asyncio.timeout(PATIENCE):
        while not (devices := await listed(client, user)):
            await asyncio.sleep(0.02)

    entry = devices["mac"]
    assert (entry["online"], entry["reason"]) == (False, "lost")
    # The broker counts in whole seconds.
    assert before - 2000 <= entry["since"] == entry["lastSeen"] <= now_ms()


async def test_a_user_is_forgotten(client: httpx.AsyncClient, broker: TestBroker, user: str) -> None:
    """Devices are cut off, and who comes later finds nothing; a neighbour keeps all."""
    neighbour = f"{user}-2"
    sessions = OverHttp(broker, client)
    async with running(sessions, user, "mac") as mac, running(sessions, neighbour, "mac"):
        for owner in (user, neighbour):
            await until_online(client, owner, "mac")
            for shoot in range(150):
                body = PROGRESS | {"userId": owner, "shootId": f"s{shoot}"}
                assert (await client.post(SHOOT_PROGRESS, json=body, headers=service())).status_code == 202
            body = CREDITS | {"userId": owner}
            assert (await client.post(CREDIT_UPDATE, json=body, headers=service())).status_code == 202
        sessions.signed_in = False

        erased = await client.delete(f"/api/sync/users/{user}", headers=service("sync:erase"))

        assert erased.status_code == 200, erased.text
        assert erased.json() == {"devices": 1, "shoots": 150, "credits": 1}
        await mac.until(lambda app: app.ended is None)
        assert [event.reason for event in mac.all(Stopped)] == ["unauthorized"]
        again = await client.delete(f"/api/sync/users/{user}", headers=service("sync:erase"))
        assert again.json() == {"devices": 0, "shoots": 0, "credits": 0}
        assert await listed(client, user) == {}
        assert await retained(broker, user) == []
        assert len(await retained(broker, neighbour)) == 152
        sessions.signed_in = True


async def retained(broker: TestBroker, user: str) -> list[str]:
    """Every topic of a user that a fresh device finds something on."""
    link = broker.device(user, "fresh")
    with link:
        link.subscribe(
            f"sync/v1/users/{user}/events/shoots/+",
            f"sync/v1/users/{user}/events/credits",
            f"sync/v1/users/{user}/devices/+",
            "sync/v1/all/epoch",
        )
        found: list[str] = []
        while not (message := await asyncio.to_thread(link.receive)).topic.endswith("/epoch"):
            found.append(message.topic)
    return found


async def test_a_user_with_more_than_the_broker_delivers_at_once(
    client: httpx.AsyncClient, broker: TestBroker, user: str
) -> None:
    """It takes several rounds, and nothing is left."""
    with broker.functions() as functions:
        topics = [f"sync/v1/users/{user}/events/shoots/s{number}" for number in range(2500)]
        topics += [f"sync/v1/users/{user}/devices/d{number}" for number in range(1500)]
        for start in range(0, len(topics), 500):
            sent = [functions.send(topic, b"x" * 400, retain=True) for topic in topics[start : start + 500]]
            assert len(functions.pubacks(sent)) == len(sent)

    erased = await client.delete(f"/api/sync/users/{user}", headers=service("sync:erase"))

    assert erased.json() == {"devices": 1500, "shoots": 2500, "credits": 0}
    assert await retained(broker, user) == []
