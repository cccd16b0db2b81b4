"""Progress that waits for the bridge: per shoot one in flight, newest wins, kept until it is answered."""

import asyncio
from typing import Any

import pytest

from mqtt_bridge.errors import UpdateRefusedError
from mqtt_bridge.messages import Error, ShootProgress, UpdateProgressMessage
from mqtt_bridge.progress_queue import RETRY_AFTER, ProgressQueue, Update


class Queue(ProgressQueue):
    """A queue with a clock, and names for updates: their ids."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 100.0
        self.updates: dict[str, Update] = {}

    def add(self, name: str, shoot: str = "wedding", **progress: Any) -> None:
        fields: dict[str, Any] = {"status": "processing", "sequence": len(self.updates)} | progress
        data = ShootProgress(shoot_id=shoot, processed_count=0, total_count=9, **fields)
        message = UpdateProgressMessage(id=name, user_id="ada", device_id="mac", data=data)
        outcome: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self.updates[name] = Update(message, outcome)
        self.put(self.updates[name], self.now)

    def sent(self) -> list[str]:
        """All that is due now."""
        names = []
        while update := self.take_due(self.now):
            names.append(update.message.id)
        return names

    def ack(self, name: str) -> bool:
        return self.acknowledged(name, self.now)

    def error(self, name: str | None, **fields: Any) -> bool:
        error = Error(
            **{"code": "invalid", "detail": "No.", "in_reply_to": name, "retryable": False} | fields
        )
        return self.refused(error, self.now)

    def outcomes(self) -> dict[str, str]:
        """What is known of each update."""
        told = {}
        for name, update in self.updates.items():
            if update.outcome.done():
                error = update.outcome.exception()
                told[name] = type(error).__name__ if error else update.outcome.result()
        return told


@pytest.fixture
async def queue() -> Queue:
    return Queue()


async def test_one_is_in_flight_and_the_newest_follows(queue: Queue) -> None:
    """However many come meanwhile, the next is the newest; each of the others learns that it was replaced."""
    for name in "abcd":
        queue.add(name)
    assert queue.sent() == ["a"]
    assert queue.next_due() == queue.now + RETRY_AFTER

    assert queue.ack("a")

    assert queue.sent() == ["d"]
    assert queue.outcomes() == {"a": "acknowledged", "b": "replaced", "c": "replaced"}
    assert queue.ack("d")
    assert (queue.sent(), queue.next_due()) == ([], None)
    assert queue.outcomes()["d"] == "acknowledged"


async def test_shoots_do_not_wait_for_each_other(queue: Queue) -> None:
    """Each has one in flight, in the order in which they came."""
    queue.add("a", "one")
    queue.add("b", "two")
    queue.add("c", "one")

    assert queue.sent() == ["a", "b"]
    queue.ack("b")
    assert queue.sent() == []
    queue.ack("a")
    assert queue.sent() == ["c"]


async def test_it_is_sent_again_until_it_is_answered(queue: Queue) -> None:
    """The same one with the same id, although a newer one waits: whether it was taken is not known."""
    queue.add("a")
    assert queue.sent() == ["a"]
    queue.add("b")

    for _ in range(3):
        queue.now += RETRY_AFTER - 0.1
        assert queue.sent() == []
        queue.now += 0.1
        assert queue.sent() == ["a"]


async def test_a_reconnect_makes_all_due(queue: Queue) -> None:
    """What was on its way over the old connection, or its answer, may be lost."""
    queue.add("a", "one")
    queue.add("b", "two")
    assert queue.sent() == ["a", "b"]

    queue.reconnected(queue.now)

    assert queue.sent() == ["a", "b"]
    assert queue.sent() == []


@pytest.mark.parametrize(("told", "wait"), [(2500, 2.5), (0, 0.0), (None, RETRY_AFTER)])
async def test_a_retryable_error_says_when(queue: Queue, told: int | None, wait: float) -> None:
    """Neither earlier nor later, and the same one: an ERROR that is retryable does not end it."""
    queue.add("a")
    assert queue.sent() == ["a"]
    queue.add("b")

    assert queue.error("a", retryable=True, retry_after_ms=told)

    queue.reconnected(queue.now)
    assert queue.next_due() == queue.now + wait
    if wait:
        assert queue.sent() == []
    queue.now += wait
    assert queue.sent() == ["a"]
    assert queue.outcomes() == {}
    queue.reconnected(queue.now)
    assert queue.sent() == ["a"]


async def test_a_final_error_ends_it(queue: Queue) -> None:
    """Who asked learns what was wrong, and the next one goes out."""
    queue.add("a")
    queue.sent()
    queue.add("b")

    assert queue.error("a", field="data.totalCount")

    error = queue.updates["a"].outcome.exception()
    assert isinstance(error, UpdateRefusedError)
    assert (error.code, error.detail, error.field) == ("invalid", "No.", "data.totalCount")
    assert str(error) == "invalid: data.totalCount: No."
    assert queue.sent() == ["b"]


async def test_answers_to_nothing_change_nothing(queue: Queue) -> None:
    """The second answer to what was sent twice, one to another device's message, an ERROR without an id."""
    queue.add("a")
    queue.sent()
    queue.add("b")

    assert not queue.ack("b")  # it waits, and was not sent
    assert not queue.ack("x")
    assert not queue.error("x")
    assert not queue.error(None)
    assert queue.ack("a")
    assert not queue.ack("a")
    assert queue.outcomes() == {"a": "acknowledged"}
    assert queue.sent() == ["b"]


@pytest.mark.parametrize(
    ("first", "second", "third", "last"),
    [
        pytest.param({}, {"sequence": 9}, {"sequence": 5}, "b", id="an older sequence"),
        pytest.param({}, {"sequence": 9}, {"sequence": 9}, "c", id="the same sequence: the later call"),
        pytest.param({}, {"status": "completed"}, {"sequence": 9}, "b", id="finished stays finished"),
        pytest.param({}, {"status": "failed"}, {"run": 1}, "c", id="a new run"),
        pytest.param({}, {"run": 2}, {"run": 1, "status": "completed"}, "b", id="an older run"),
        pytest.param({"status": "completed"}, {}, {}, None, id="after the end nothing follows"),
    ],
)
async def test_newest_is_what_ranks_highest(
    queue: Queue, first: Any, second: Any, third: Any, last: str | None
) -> None:
    """Not what was called last: progress must not go back, whatever the order of calls."""
    queue.add("a", **first)
    queue.sent()
    queue.add("b", **second)
    queue.add("c", **third)
    queue.ack("a")

    assert queue.sent() == ([last] if last else [])
    replaced = {name: told for name, told in queue.outcomes().items() if name != "a"}
    assert replaced == {name: "replaced" for name in "bc" if name != last}


async def test_nobody_starves(queue: Queue) -> None:
    """What is due for longest goes first, also when another shoot always has something new."""
    queue.add("slow", "one")
    queue.sent()
    queue.now += RETRY_AFTER + 1
    queue.add("quick", "two")

    update = queue.take_due(queue.now)
    assert update is not None
    assert update.message.id == "slow"


async def test_a_refusal_by_the_broker_holds_it(queue: Queue) -> None:
    """It limits devices; to come again at once, or at each reconnect, would make it worse."""
    queue.add("a")
    queue.sent()

    queue.hold(queue.updates["a"], queue.now)
    queue.reconnected(queue.now)

    assert queue.sent() == []
    queue.now += RETRY_AFTER
    assert queue.sent() == ["a"]


async def test_the_end(queue: Queue) -> None:
    """Whoever waits is told, and nothing more is due."""
    queue.add("a")
    queue.sent()
    queue.add("b")

    queue.close()

    assert queue.outcomes() == {"a": "ClientClosedError", "b": "ClientClosedError"}
    assert (queue.sent(), queue.next_due()) == ([], None)


async def test_who_gave_up_does_no_harm(queue: Queue) -> None:
    """An app that cancels its wait has not cancelled the update."""
    for name in "abc":
        queue.add(name)
        queue.updates[name].outcome.cancel()
    assert queue.sent() == ["a"]
    queue.ack("a")
    assert queue.sent() == ["c"]
    queue.error("c")
    queue.add("d")
    queue.updates["d"].outcome.cancel()
    queue.close()
