"""The health check: answers whether a message gets through, in bounded time, and little else to strangers."""

import asyncio
from typing import Any

import httpx
import pytest

from mqtt_bridge.errors import PublishError
from mqtt_bridge.recording import RecordingPublisher

from .callers import PROGRESS, SHOOT_PROGRESS, STATUS, bearer, service, token, user
from .conftest import Connect


class Timed(RecordingPublisher):
    """Counts round trips, which take a given time."""

    def __init__(self) -> None:
        super().__init__()
        self.trips = 0
        self.takes = 0.0
        self.started = asyncio.Event()

    async def round_trip(self) -> float:
        self.trips += 1
        self.started.set()
        await asyncio.sleep(self.takes)
        await super().round_trip()
        return 0.0125


@pytest.fixture
def publisher() -> Timed:
    return Timed()


@pytest.mark.parametrize("headers", [{}, user()], ids=["nobody", "a user"])
async def test_strangers_learn_only_that_it_works(client: httpx.AsyncClient, headers: dict[str, str]) -> None:
    """Load balancers ask without a token."""
    response = await client.get(STATUS, headers=headers)

    assert response.status_code == 200
    assert response.json() == {"status": "ok"}
    assert response.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("scope", ["sync:publish", "sync:session", "openid sync:operator"])
async def test_a_service_learns_more(client: httpx.AsyncClient, publisher: Timed, scope: str) -> None:
    """The round trip, and what this process did."""
    await client.post(SHOOT_PROGRESS, json=PROGRESS, headers=user())
    publisher.fail_with = PublishError("gone")
    await client.post(SHOOT_PROGRESS, json=PROGRESS, headers=user())
    publisher.fail_with = None
    response = await client.get(STATUS, headers=service(scope))

    assert response.json() == {
        "status": "ok",
        "details": {"roundTripMs": 12.5, "published": 1, "failed": 1},
    }


@pytest.mark.parametrize(("fault", "status"), [(None, 200), (PublishError("gone"), 503)])
async def test_monitors_may_ask_for_the_head_alone(
    client: httpx.AsyncClient, publisher: Timed, fault: PublishError | None, status: int
) -> None:
    """HEAD is answered as GET is, measurement included."""
    publisher.fail_with = fault

    assert (await client.head(STATUS)).status_code == status


async def test_a_wrong_token_is_not_no_token(client: httpx.AsyncClient) -> None:
    """Who shows a token wants to know that it is refused."""
    response = await client.get(STATUS, headers=bearer(token(exp=1)))

    assert response.status_code == 401


@pytest.mark.parametrize("headers", [{}, service()], ids=["nobody", "a service"])
async def test_a_dead_broker_is_503(
    client: httpx.AsyncClient, publisher: Timed, headers: dict[str, str]
) -> None:
    """So that a load balancer takes this instance out."""
    publisher.fail_with = PublishError("gone")
    response = await client.get(STATUS, headers=headers)

    assert response.status_code == 503
    assert response.json()["type"] == "urn:problem-type:kull-sync:unreachable"
    assert "Retry-After" in response.headers


async def test_a_silent_broker_is_503_too(connect: Connect, publisher: Timed) -> None:
    """No health check waits for ever."""
    publisher.takes = 60
    response = await connect(publish_timeout=0.05).get(STATUS)

    assert response.status_code == 503


async def test_many_who_ask_make_one_round_trip(client: httpx.AsyncClient, publisher: Timed) -> None:
    """Anybody may ask: that must not let anybody make the broker busy."""
    publisher.takes = 0.05
    responses = await asyncio.gather(*(client.get(STATUS) for _ in range(20)))
    responses += [await client.get(STATUS) for _ in range(5)]

    assert {response.status_code for response in responses} == {200}
    assert publisher.trips == 1


async def test_an_old_measurement_is_made_again(
    client: httpx.AsyncClient, publisher: Timed, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A broker that died a second ago is noticed."""
    clock: Any = iter(range(0, 1000, 5)).__next__
    monkeypatch.setattr("functions.probe.seconds", clock)
    assert (await client.get(STATUS)).status_code == 200
    publisher.fail_with = PublishError("gone")

    assert (await client.get(STATUS)).status_code == 503
    assert publisher.trips == 2


async def test_who_asked_first_may_leave(client: httpx.AsyncClient, publisher: Timed) -> None:
    """A caller that hangs up does not spoil the measurement for the others."""
    publisher.takes = 0.1
    first = asyncio.create_task(client.get(STATUS))
    second = asyncio.create_task(client.get(STATUS))
    await publisher.started.wait()
    first.cancel()

    assert (await second).status_code == 200
    assert publisher.trips == 1
