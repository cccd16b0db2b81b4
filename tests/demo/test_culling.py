"""A cull takes credits, tells every step, and ends once, whatever happens to the way to the devices."""

import asyncio
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from functions.demo.announcements import MOST_UNSAID, Announcements
from functions.demo.culling import Cull, Culling
from functions.demo.data import DemoData
from functions.demo.posting import Posting
from mqtt_bridge.errors import PublishError, PublishRefusedError
from mqtt_bridge.recording import RecordingPublisher

from .conftest import PATIENCE, URL, sign_in, until
from .test_posting import LOGINS, Answers, Hurried


async def cull(client: httpx.AsyncClient, shoot: str, **how: Any) -> httpx.Response:
    return await client.post(f"/demo/api/shoots/{shoot}/cull", json=how)


async def look(client: httpx.AsyncClient, shoot: str) -> dict[str, Any]:
    found: dict[str, Any] = (await client.get(f"/demo/api/shoots/{shoot}")).json()
    return found


async def finished(client: httpx.AsyncClient, shoot: str) -> dict[str, Any]:
    """The shoot, once no worker is at it."""
    async with asyncio.timeout(PATIENCE):
        while (found := await look(client, shoot))["status"] in ("queued", "processing"):
            await asyncio.sleep(0.005)
    return found


def told(publisher: RecordingPublisher, kind: str) -> list[dict[str, Any]]:
    """The data of all messages of a type."""
    return [message.data.model_dump(by_alias=True) for _, message in publisher.sent if message.type == kind]


async def test_a_cull_from_queue_to_report(ada: httpx.AsyncClient, publisher: RecordingPublisher) -> None:
    """The devices hear the same story that the backend tells, in order, and the credits are gone at once."""
    before = (await ada.get("/demo/api/balance")).json()["balance"]
    answer = await cull(ada, "portraits-4", seconds=0.4)
    paid = (await ada.get("/demo/api/balance")).json()["balance"]
    shoot = await finished(ada, "portraits-4")
    report = await ada.get("/demo/api/shoots/portraits-4/report")
    await until(lambda: len(told(publisher, "CREDIT_UPDATE")) == 1)
    await until(lambda: told(publisher, "SHOOT_PROGRESS")[-1]["status"] == "completed")

    assert (answer.status_code, answer.json()) == (202, {"shootId": "portraits-4", "run": 1})
    assert (shoot["status"], shoot["processedCount"], shoot["run"]) == ("completed", 180, 1)
    assert (report.status_code, report.json()["imageCount"]) == (200, 180)
    assert paid == before - 180
    assert told(publisher, "CREDIT_UPDATE")[0].items() >= {"newBalance": paid, "change": -180}.items()
    steps = told(publisher, "SHOOT_PROGRESS")
    assert [step["status"] for step in steps[:2]] == ["queued", "processing"]
    assert {(step["run"], step["totalCount"]) for step in steps} == {(1, 180)}
    sequences = [step["sequence"] for step in steps]
    assert sequences == sorted(set(sequences))


async def test_steps_between(publisher: RecordingPublisher, app: FastAPI) -> None:
    """Four updates a second, each further than the one before, with an image and the time that is left."""
    timing = Hurried()
    account = DemoData().account("ada")
    shoot = account.shoot("portraits-4")
    async with Posting(URL, LOGINS, transport=httpx.ASGITransport(app)) as posting:
        culling = Culling(posting, Announcements(posting), timing=timing)
        culling.start(Cull(account, shoot, seconds=2, fails=False))
        await until(lambda: not shoot.is_culling)
        await until(lambda: told(publisher, "SHOOT_PROGRESS")[-1]["status"] == "completed")

    _, *steps, end = told(publisher, "SHOOT_PROGRESS")
    assert [step["processedCount"] for step in steps] == [0, 22, 45, 67, 90, 112, 135, 157]
    assert [step["eta"] for step in steps] == [2.0, 1.8, 1.5, 1.2, 1.0, 0.8, 0.5, 0.2]
    assert steps[1]["currentImage"] == "DSC_0023.NEF"
    assert (end["processedCount"], shoot.seconds) == (180, 2.0)


async def test_a_cull_that_fails(ada: httpx.AsyncClient, publisher: RecordingPublisher) -> None:
    """It says why, gives back what it did not use, and can be done again as a higher run."""
    before = (await ada.get("/demo/api/balance")).json()["balance"]
    await cull(ada, "portraits-4", seconds=0, fail=True)
    shoot = await finished(ada, "portraits-4")
    after = (await ada.get("/demo/api/balance")).json()["balance"]
    await until(lambda: len(told(publisher, "CREDIT_UPDATE")) == 2)
    again = await cull(ada, "portraits-4", seconds=0)
    redone = await finished(ada, "portraits-4")

    assert (shoot["status"], shoot["processedCount"]) == ("failed", 108)
    assert shoot["error"] == "DSC_0109.NEF is not readable"
    assert after == before - 108
    assert told(publisher, "CREDIT_UPDATE")[1].items() >= {"newBalance": after, "change": 72}.items()
    failures = [step for step in told(publisher, "SHOOT_PROGRESS") if step["status"] == "failed"]
    assert [step["error"] for step in failures] == [shoot["error"]]
    assert again.json()["run"] == 2
    assert (redone["status"], "error" in redone) == ("completed", False)


async def test_one_worker_per_shoot(ada: httpx.AsyncClient) -> None:
    """The second is refused and costs nothing; another shoot is culled beside it."""
    await cull(ada, "portraits-4", seconds=600)
    paid = (await ada.get("/demo/api/balance")).json()
    second = await cull(ada, "portraits-4", seconds=0)
    other = await cull(ada, "wedding-17", seconds=600)

    assert (second.status_code, second.json()["type"]) == (409, "urn:problem-type:kull-sync:already-culling")
    assert paid["balance"] - (await ada.get("/demo/api/balance")).json()["balance"] == 1240
    assert other.status_code == 202
    assert (await look(ada, "portraits-4"))["run"] == 1


async def test_too_few_credits(ada: httpx.AsyncClient, publisher: RecordingPublisher) -> None:
    """The refusal says how many it takes; nothing was taken and nothing has begun."""
    before = (await ada.get("/demo/api/balance")).json()
    answer = await cull(ada, "archive-1")

    assert (answer.status_code, answer.json()["type"]) == (
        402,
        "urn:problem-type:kull-sync:not-enough-credits",
    )
    assert "9800" in answer.json()["detail"]
    assert str(before["balance"]) in answer.json()["detail"]
    assert (await ada.get("/demo/api/balance")).json() == before
    assert (await look(ada, "archive-1"))["status"] == "new"
    assert publisher.sent == []


async def test_a_body_is_not_needed(ada: httpx.AsyncClient) -> None:
    """Nobody who only wants it culled has to say how."""
    assert (await ada.post("/demo/api/shoots/portraits-4/cull")).status_code == 202


async def test_a_broker_that_is_away_for_a_while(
    ada: httpx.AsyncClient, publisher: RecordingPublisher
) -> None:
    """The cull goes on where it was, and its end is told once."""
    publisher.fail_with = PublishError("no broker")
    await cull(ada, "portraits-4", seconds=0)
    # Until it answers no step is lost, so the worker is still at the first one.
    await asyncio.sleep(0.05)
    assert (await look(ada, "portraits-4"))["status"] == "queued"
    publisher.fail_with = None

    assert (await finished(ada, "portraits-4"))["status"] == "completed"
    await until(
        lambda: [step["status"] for step in told(publisher, "SHOOT_PROGRESS")] == ["queued", "completed"]
    )


async def test_a_refusal_does_not_stop_the_work(
    ada: httpx.AsyncClient, publisher: RecordingPublisher
) -> None:
    """What nobody is told of is done all the same, and nobody waits for what can never be told."""
    publisher.fail_with = PublishRefusedError("a topic", 0x87, "Not authorized")
    await cull(ada, "portraits-4", seconds=0)
    await ada.post("/demo/api/credits", json={"credits": 1})

    assert (await finished(ada, "portraits-4"))["status"] == "completed"
    publisher.fail_with = None
    await ada.post("/demo/api/credits", json={"credits": 2})
    await until(lambda: [each["change"] for each in told(publisher, "CREDIT_UPDATE")] == [2])


async def test_the_end_of_the_app_ends_the_workers(
    app: FastAPI, ada: httpx.AsyncClient, publisher: RecordingPublisher
) -> None:
    """Whatever they are at, a wait for a broker included; and the publisher is closed after them."""
    publisher.fail_with = PublishError("no broker")
    async with app.router.lifespan_context(app):
        await cull(ada, "portraits-4", seconds=600)
        await cull(ada, "wedding-17", seconds=600)
        assert workers() == 2
        assert not publisher.closed

    assert publisher.closed
    assert workers() == 0


def workers() -> int:
    """How many are at work."""
    return sum(task.get_name() == "cull" for task in asyncio.all_tasks())


async def test_what_is_not_said_has_a_bound() -> None:
    """A broker that stays away does not fill the memory; what is left in the end is the newest."""
    answers = Answers(422)  # each is tried once
    account = DemoData().account("ada")
    async with Posting(URL, LOGINS, transport=answers) as posting:
        announcements = Announcements(posting)
        for bought in range(MOST_UNSAID + 10):
            account.book(1)
            announcements.balance(account, 1, f"{bought}")
        announcing = asyncio.create_task(announcements.run())
        await until(lambda: len(answers.asked) == MOST_UNSAID)
        announcing.cancel()

    assert b'"reason":"10"' in answers.asked[0].content
    assert b'"reason":"265"' in answers.asked[-1].content


async def test_reset(app: FastAPI, client: httpx.AsyncClient, publisher: RecordingPublisher) -> None:
    """All as at the start, for all users, but for runs and versions: devices drop what seems older."""
    bob = await sign_in(client, "bob")
    await cull(bob, "bakery-1", seconds=600)
    ada = await sign_in(client, "ada")
    start = (await ada.get("/demo/api/balance")).json()
    shoots = (await ada.get("/demo/api/shoots")).json()
    prompts = (await ada.get("/demo/api/prompts")).json()
    await ada.patch("/demo/api/prompts/soft-light", json={"title": "x"})
    await cull(ada, "portraits-4", seconds=0)
    await finished(ada, "portraits-4")
    await until(lambda: len(publisher.sent) >= 5)
    publisher.sent.clear()

    assert (await ada.post("/demo/api/reset")).status_code == 204

    after = (await ada.get("/demo/api/balance")).json()
    again = (await ada.get("/demo/api/shoots")).json()
    assert (await ada.get("/demo/api/prompts")).json() == prompts
    assert after["balance"] == start["balance"]
    assert after["sequence"] > start["sequence"]
    assert [shoot | {"run": 0} for shoot in again] == [shoot | {"run": 0} for shoot in shoots]
    assert all(new["run"] > old["run"] for new, old in zip(again, shoots, strict=True))
    # Progress of the run that was, and of the one that was going on, is no longer what latecomers see.
    cleared = {str(topic) for topic in publisher.cleared}
    assert {
        f"sync/v1/users/{shoot}" for shoot in ("ada/events/shoots/portraits-4", "bob/events/shoots/bakery-1")
    } <= cleared
    await until(lambda: told(publisher, "PROMPT_CHANGE") == [{"action": "updated"}])
    assert [each["change"] for each in told(publisher, "CREDIT_UPDATE")] == [180, 320]
    assert told(publisher, "SHOOT_PROGRESS") == []


async def test_a_reset_that_the_broker_did_not_hear_of(
    ada: httpx.AsyncClient, publisher: RecordingPublisher
) -> None:
    """503, and the same again is safe."""
    publisher.fail_with = PublishError("no broker")
    first = await ada.post("/demo/api/reset")
    publisher.fail_with = None
    second = await ada.post("/demo/api/reset")

    assert (first.status_code, second.status_code) == (503, 204)


@pytest.mark.parametrize("user", ["ada", "bob"])
async def test_the_data_is_what_it_says(user: str) -> None:
    """Each shoot's numbers fit its status."""
    for shoot in DemoData().account(user).shoots.values():
        done = {"new": 0, "completed": shoot.image_count}
        assert shoot.processed_count == done.get(shoot.status, shoot.processed_count)
        assert (shoot.run > 0) == (shoot.status != "new")
