"""The demo against the real broker: what its worker posts over HTTP reaches the user's devices."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import uvicorn

from functions.application import create_app
from functions.demo.application import ROUTERS, add_demo
from mqtt_bridge.broker_url import BrokerUrl
from mqtt_bridge.publisher import MqttPublisher
from mqtt_bridge.session import SessionAnswer

from .conftest import StartBroker, TestBroker
from .link import ACCEPTED, ADMINISTRATIVE_ACTION, NOT_AUTHORIZED, Link
from .test_functions import settings_of

PATIENCE = 60.0


@asynccontextmanager
async def served(broker: TestBroker) -> AsyncIterator[httpx.AsyncClient]:
    """A client of a demo that listens on a port of its own: its data is all of the demo's users."""
    settings = settings_of(broker)
    publisher = MqttPublisher(
        BrokerUrl.parse(settings.broker_url), key=broker.key, timeout=settings.publish_timeout
    )
    with socket.create_server(("127.0.0.1", 0)) as listening:
        url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        app = add_demo(create_app(settings, publisher, ROUTERS), settings, url=url)
        server = uvicorn.Server(uvicorn.Config(app, log_level="warning", timeout_graceful_shutdown=2))
        serving = asyncio.create_task(server.serve([listening]))
        async with httpx.AsyncClient(base_url=url, timeout=PATIENCE, trust_env=False) as client:
            try:
                signed_in = (await client.post("/demo/api/sign-in", json={"userId": "ada"})).json()
                client.headers["Authorization"] = f"Bearer {signed_in['token']}"
                yield client
            finally:
                server.should_exit = True
                await serving


async def session(client: httpx.AsyncClient, **more: Any) -> SessionAnswer:
    """A session of a device of Ada's."""
    body = {"userId": "ada", "deviceId": "phone", "name": "Phone", "platform": "iphone", **more}
    return SessionAnswer.model_validate_json((await client.post("/demo/api/session", json=body)).content)


async def device(client: httpx.AsyncClient, broker: TestBroker) -> Link:
    """The device, connected and subscribed."""
    answer = await session(client)
    link = broker.link(answer.client_id)
    assert link.connect(answer.username, answer.token, keepalive=answer.keepalive) == ACCEPTED
    link.subscribe_each((subscription.filter, subscription.qos) for subscription in answer.subscriptions)
    return link


async def heard_until_completed(link: Link) -> list[dict[str, Any]]:
    """What the device hears, up to the end of a cull and the balance after it."""
    found: list[dict[str, Any]] = []
    kinds: set[Any] = set()
    while not {"CREDIT_UPDATE", "completed"} <= kinds:
        message = await asyncio.to_thread(link.receive)
        if message.topic.startswith("sync/v1/users/ada/events/"):
            found.append(json.loads(message.payload))
            kinds |= {found[-1]["type"], found[-1]["data"].get("status")}
    return found


async def test_a_cull_reaches_the_devices(start_broker: StartBroker) -> None:
    """Its progress in order, its end, and the new balance, as the backend has them."""
    broker = start_broker()
    async with served(broker) as client:
        with await device(client, broker) as phone:
            begun = await client.post("/demo/api/shoots/portraits-4/cull", json={"seconds": 1})
            events = await heard_until_completed(phone)
        balance = (await client.get("/demo/api/balance")).json()
        report = await client.get("/demo/api/shoots/portraits-4/report")

    assert (begun.status_code, report.status_code) == (202, 200)
    steps = [event["data"] for event in events if event["type"] == "SHOOT_PROGRESS"]
    assert [steps[0]["status"], steps[-1]["status"]] == ["queued", "completed"]
    counts = [step["processedCount"] for step in steps]
    assert counts == sorted(counts)
    assert counts[-1] == 180
    assert len(steps) > 3
    (credit,) = [event["data"] for event in events if event["type"] == "CREDIT_UPDATE"]
    assert (credit["newBalance"], credit["sequence"]) == (balance["balance"], balance["sequence"])


async def test_a_broker_that_goes_and_comes_back(start_broker: StartBroker) -> None:
    """The worker does not give up, and who comes after it all sees how the shoot ended."""
    broker = start_broker()
    async with served(broker) as client:
        await client.post("/demo/api/shoots/portraits-4/cull", json={"seconds": 1})
        await asyncio.to_thread(broker.control.stop)
        # A reader of the demo's data does not wait for the broker.
        assert (await client.get("/demo/api/shoots/portraits-4")).json()["status"] in ("queued", "processing")
        await asyncio.to_thread(broker.control.start)
        async with asyncio.timeout(PATIENCE):
            while (await client.get("/demo/api/shoots/portraits-4/report")).status_code != 200:
                await asyncio.sleep(0.1)
        with await device(client, broker) as phone:
            events = await heard_until_completed(phone)

    assert [event["data"]["status"] for event in events if event["type"] == "SHOOT_PROGRESS"][
        -1
    ] == "completed"


async def test_a_session_truly_ends(broker: TestBroker) -> None:
    """The broker cuts it off when its lifetime is over, and takes the token no more."""
    async with served(broker) as client:
        answer = await session(client, deviceId="short", lifetime=4)
    with broker.link(answer.client_id) as link:
        assert link.connect(answer.username, answer.token) == ACCEPTED
        reason = await asyncio.to_thread(link.wait_until_ended)
    with broker.link(answer.client_id) as again:
        refused = again.connect(answer.username, answer.token)

    assert (reason, refused) == (ADMINISTRATIVE_ACTION, NOT_AUTHORIZED)
