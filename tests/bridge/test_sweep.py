"""Who is a ghost, and when it is swept."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress

import pytest

from mqtt_bridge.errors import LinkError, PublishRefusedError
from mqtt_bridge.messages import (
    DeviceConnected,
    DeviceConnectedMessage,
    DeviceDisconnected,
    DeviceDisconnectedMessage,
    Envelope,
)
from mqtt_bridge.sweep import SWEEP_AFTER, Births, Ghost
from mqtt_bridge.sweeper import AT_ONCE, Sweeper
from mqtt_bridge.topics import PresenceTopic, Topic
from tests.broker.devices import SteppedTiming

MAC = PresenceTopic("ada", "mac")
PHONE = PresenceTopic("ada", "phone")


def birth(topic: PresenceTopic = MAC, *, session: int = 5, epoch: str = "old") -> bytes:
    return DeviceConnectedMessage(
        user_id=topic.user,
        device_id=topic.device,
        data=DeviceConnected(device_id=topic.device, name="x", platform="mac", session=session, epoch=epoch),
    ).to_json()


def death(topic: PresenceTopic = MAC, *, session: int = 5) -> bytes:
    return DeviceDisconnectedMessage(
        user_id=topic.user,
        device_id=topic.device,
        data=DeviceDisconnected(device_id=topic.device, session=session, reason="lost"),
    ).to_json()


@pytest.mark.parametrize(
    ("payloads", "sessions"),
    [
        ([birth()], [5]),
        ([birth(epoch="new")], []),
        ([birth(), birth(session=6, epoch="new")], []),
        ([birth(epoch="new"), birth(session=6)], [6]),
        ([birth(), death()], []),
        ([birth(), death(session=4)], []),
        ([birth(), b""], []),
        ([birth(), b"nonsense"], []),
        ([birth(), birth(PHONE)], []),
        ([death(), birth()], [5]),
        ([death()], []),
    ],
    ids=[
        "a birth before the restart",
        "a birth after it",
        "it came back",
        "it came back with an old epoch",
        "it left",
        "a late will lies over it",
        "it was removed",
        "nonsense lies over it",
        "of another device lies over it",
        "it came after it left",
        "it left and nothing else",
    ],
)
def test_a_ghost_is_a_birth_of_another_epoch(payloads: list[bytes], sessions: list[int]) -> None:
    """What counts is what was written last: that is what the broker retains, and shows to who comes."""
    births = Births(lambda _: True)
    for payload in payloads:
        births.saw(MAC, payload)

    assert [ghost.session for ghost in births.ghosts("ada", "new")] == sessions
    assert births.haunted("new") == (["ada"] if sessions else [])


def test_a_worker_remembers_its_own_users_alone() -> None:
    """Each user has one worker that sweeps, and every worker hears of all."""
    births = Births(lambda user: user == "ada")
    births.saw(PresenceTopic("bob", "mac"), birth(PresenceTopic("bob", "mac")))
    births.saw(MAC, birth())

    assert (len(births), births.haunted("new")) == (1, ["ada"])


def test_what_could_not_be_read_anew_is_remembered() -> None:
    """A connection that breaks in the middle must not hide a ghost; what was read already counts."""
    births = Births(lambda _: True)
    births.saw(MAC, birth())
    births.saw(PHONE, birth(PHONE))
    with suppress(LinkError), births.anew(["ada", "nobody"]):
        births.saw(PHONE, birth(PHONE, session=6, epoch="new"))
        raise LinkError("gone")
    assert [ghost.topic for ghost in births.ghosts("ada", "new")] == [MAC]

    with births.anew(["ada"]):
        births.saw(PHONE, birth(PHONE))
    assert [ghost.topic for ghost in births.ghosts("ada", "new")] == [PHONE]


def test_a_farewell_is_the_same_whoever_says_it() -> None:
    """Its id comes from user, device, session and epoch; its session is the birth's, and not above it."""
    ghost = Ghost(MAC, 5, "old")
    farewell = ghost.farewell("new")

    assert (farewell.data.session, farewell.data.reason) == (5, "broker-restart")
    assert (farewell.user_id, farewell.device_id, farewell.data.device_id) == ("ada", "mac", "mac")
    assert farewell.id == ghost.farewell("new").id
    others = [
        ghost.farewell("newer").id,
        Ghost(MAC, 6, "old").farewell("new").id,
        Ghost(PHONE, 5, "old").farewell("new").id,
        Ghost(PresenceTopic("bob", "mac"), 5, "old").farewell("new").id,
    ]
    assert len({farewell.id, *others}) == 5


class Broker:
    """Keeps what is retained, and what was said."""

    def __init__(self, sweeper: Sweeper, retained: dict[PresenceTopic, bytes]) -> None:
        self._sweeper = sweeper
        self.retained = retained
        self.swept: list[PresenceTopic] = []
        self.reads: list[int] = []
        self.breaks_after: int | None = None
        self.refuses: PresenceTopic | None = None

    async def publish(self, topic: Topic, message: Envelope) -> None:
        if self.breaks_after is not None and len(self.swept) >= self.breaks_after:
            raise LinkError("gone")
        assert isinstance(topic, PresenceTopic)
        if topic == self.refuses:
            raise PublishRefusedError(str(topic), 0x87, "no")
        self.swept.append(topic)
        self.retained[topic] = message.to_json()
        self._sweeper.saw(topic, message.to_json())

    async def read_presence(self, users: Sequence[str]) -> None:
        self.reads.append(len(users))
        for topic, payload in self.retained.items():
            if topic.user in users:
                self._sweeper.saw(topic, payload)


class Scene:
    """A sweeper, a clock, and a broker that retains births of the old epoch."""

    def __init__(self, *topics: PresenceTopic) -> None:
        self.timing = SteppedTiming()
        self.count = 0
        self.sweeper = Sweeper(lambda _: True, timing=self.timing, count=self._count)
        self.broker = Broker(self.sweeper, {topic: birth(topic) for topic in topics})
        for topic, payload in self.broker.retained.items():
            self.sweeper.saw(topic, payload)

    def _count(self) -> None:
        self.count += 1

    def start(self, epoch: str = "new") -> asyncio.Task[None]:
        return asyncio.create_task(self.sweeper.sweep(epoch, self.broker))


async def test_devices_get_their_time_to_come_back() -> None:
    """Nothing happens before, and who came back is left alone."""
    scene = Scene(MAC, PHONE)
    sweeping = scene.start()
    await scene.timing.advance(SWEEP_AFTER - 1)
    assert scene.broker.swept == []

    scene.broker.retained[PHONE] = birth(PHONE, session=6, epoch="new")
    await scene.timing.advance(1)
    await sweeping
    assert scene.broker.swept == [MAC]
    assert scene.count == 1


async def test_what_was_heard_is_not_believed_but_read_again() -> None:
    """News of a device's return may have been dropped, and a removed device must not come up again."""
    scene = Scene(MAC, PHONE)
    scene.broker.retained[MAC] = birth(session=9, epoch="new")
    del scene.broker.retained[PHONE]
    sweeping = scene.start()
    await scene.timing.advance(SWEEP_AFTER)
    await sweeping

    assert scene.broker.swept == []


async def test_the_time_counts_from_when_the_epoch_showed_first() -> None:
    """A connection that breaks meanwhile does not start it anew; another epoch does."""
    scene = Scene(MAC)
    first = scene.start()
    await scene.timing.advance(SWEEP_AFTER - 10)
    first.cancel()
    await asyncio.wait({first})
    second = scene.start()
    await scene.timing.advance(10)
    await second
    assert scene.broker.swept == [MAC]

    scene.broker.retained[MAC] = birth(session=7, epoch="new")
    scene.sweeper.saw(MAC, birth(session=7, epoch="new"))
    third = scene.start("newest")
    await scene.timing.advance(SWEEP_AFTER - 1)
    assert scene.count == 1
    await scene.timing.advance(1)
    await third
    assert scene.count == 2


async def test_a_sweep_that_breaks_off_is_finished_on_the_next_connection() -> None:
    """Every ghost is swept once, by portions."""
    topics = [PresenceTopic(f"user-{number}", "mac") for number in range(AT_ONCE + 5)]
    scene = Scene(*topics)
    scene.broker.breaks_after = 7
    sweeping = scene.start()
    await scene.timing.advance(SWEEP_AFTER)
    with pytest.raises(LinkError):
        await sweeping
    assert scene.count == 7

    scene.broker.breaks_after = None
    await scene.start()
    assert sorted(map(str, scene.broker.swept)) == sorted(map(str, topics))
    assert max(scene.broker.reads) <= AT_ONCE


async def test_a_refusal_spares_the_others() -> None:
    """One topic that the broker will not take must not keep all other ghosts alive."""
    scene = Scene(MAC, PHONE)
    scene.broker.refuses = MAC
    sweeping = scene.start()
    await scene.timing.advance(SWEEP_AFTER)
    await sweeping

    assert scene.broker.swept == [PHONE]
    assert scene.count == 1
