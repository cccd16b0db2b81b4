"""What the functions read of a broker: all of it, of the right user, and as it is at that moment."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from mqtt_bridge.broker_url import BrokerUrl
from mqtt_bridge.connection import Connection
from mqtt_bridge.errors import PublishError
from mqtt_bridge.messages import (
    CreditUpdate,
    CreditUpdateMessage,
    DeviceConnected,
    DeviceConnectedMessage,
    PromptChange,
    PromptChangeMessage,
    ShootProgress,
    ShootProgressMessage,
)
from mqtt_bridge.publisher import MqttPublisher
from mqtt_bridge.rights import functions_rights
from mqtt_bridge.topics import (
    FUNCTIONS,
    CreditsTopic,
    PresenceTopic,
    PromptsTopic,
    ShootTopic,
    Subscription,
    user_devices,
)

from .conftest import StartBroker, TestBroker
from .link import PATIENCE

NewPublisher = Callable[..., MqttPublisher]


def url(broker: TestBroker) -> BrokerUrl:
    return BrokerUrl.parse(f"mqtt://{broker.control.host}:{broker.control.tcp_port}")


@pytest.fixture
async def new_publisher() -> AsyncIterator[NewPublisher]:
    """Makes publishers, and ends their connections after the test."""
    made: list[MqttPublisher] = []

    def new(broker: TestBroker, **how: Any) -> MqttPublisher:
        made.append(MqttPublisher(url(broker), key=broker.key, **{"timeout": PATIENCE, **how}))
        return made[-1]

    yield new
    for publisher in made:
        await publisher.aclose()


@pytest.fixture
def publisher(broker: TestBroker, new_publisher: NewPublisher) -> MqttPublisher:
    return new_publisher(broker)


def birth(topic: PresenceTopic, session: int = 1) -> DeviceConnectedMessage:
    return DeviceConnectedMessage(
        user_id=topic.user,
        device_id=topic.device,
        data=DeviceConnected(
            device_id=topic.device, name="x" * 100, platform="web", session=session, epoch="e" * 32
        ),
    )


async def announce(publisher: MqttPublisher, user: str, count: int) -> list[str]:
    """So many devices become online; their ids in order."""
    topics = [PresenceTopic(user, f"device-{number:05}") for number in range(count)]
    for start in range(0, count, 100):
        await asyncio.gather(
            *(publisher.publish(topic, birth(topic)) for topic in topics[start : start + 100])
        )
    return [topic.device for topic in topics]


@pytest.mark.parametrize("count", [0, 1, 99, 500, 999])
async def test_a_listing_has_all_devices(publisher: MqttPublisher, user: str, count: int) -> None:
    """Also when there are more than the broker sends at a time: the end marker overtakes none of them."""
    devices = await announce(publisher, user, count)

    for _ in range(3):
        listed = await publisher.list_devices(user)

        assert [each.device for each in listed.devices] == listed.device_ids == devices
        assert listed.complete


@pytest.mark.parametrize("count", [1000, 2500])
async def test_a_listing_that_may_lack_some_says_so(publisher: MqttPublisher, user: str, count: int) -> None:
    """Beyond its queue the broker drops without a word; then the list must not pass for a whole one."""
    devices = await announce(publisher, user, count)

    listed = await publisher.list_devices(user)

    assert not listed.complete
    assert set(listed.device_ids) <= set(devices)
    assert len(listed.device_ids) >= 1000


async def test_listings_at_the_same_time_do_not_mix(publisher: MqttPublisher, user: str) -> None:
    """Of several users and of the same one, beside other work on the one connection."""
    users = [f"{user}-{letter}" for letter in "abcd"]
    expected = {each: await announce(publisher, each, 5 + 40 * n) for n, each in enumerate(users)}

    async def listing(of: str) -> tuple[str, list[str]]:
        return of, (await publisher.list_devices(of)).device_ids

    async def single(of: str) -> str | None:
        found = await publisher.read_device(PresenceTopic(of, expected[of][-1]))
        return None if found is None else found.device

    listings = [listing(each) for each in users * 5]
    singles = [single(each) for each in users * 20]
    trips = [publisher.round_trip() for _ in range(10)]
    listed = await asyncio.gather(*listings)
    read = await asyncio.gather(*singles, *trips)

    assert all(devices == expected[of] for of, devices in listed)
    assert read[: len(singles)] == [expected[each][-1] for each in users * 20]


async def test_readings_of_one_device_at_the_same_time(publisher: MqttPublisher, user: str) -> None:
    """Hundreds of sessions may be asked for at once, and a listing beside them is complete all the same."""
    devices = await announce(publisher, user, 900)

    listing = asyncio.create_task(publisher.list_devices(user))
    found = await asyncio.gather(
        *(publisher.read_device(PresenceTopic(user, device)) for device in devices[:300])
    )

    assert (await listing).device_ids == devices
    assert [each and each.device for each in found] == devices[:300]


async def test_what_is_listed_is_what_was_published_last(publisher: MqttPublisher, user: str) -> None:
    """Whoever lists after an acknowledged change sees it."""
    topic = PresenceTopic(user, "mac")
    for session in range(1, 30):
        await publisher.publish(topic, birth(topic, session))

        (listed,) = (await publisher.list_devices(user)).devices
        assert listed.session == session
        read = await publisher.read_device(topic)
        assert read is not None
        assert read.message == listed.message
        assert listed.expires_in is not None
        assert 0 <= topic.expiry - listed.expires_in < 100


async def test_a_removed_device_is_not_listed(publisher: MqttPublisher, user: str) -> None:
    """An empty payload removes it."""
    topic = PresenceTopic(user, "mac")
    await publisher.publish(topic, birth(topic))
    await publisher.clear(topic)

    assert await publisher.read_device(topic) is None
    assert (await publisher.list_devices(user)).device_ids == []


@pytest.mark.parametrize("payload", [b"online", b"{}", b"\xff", b'{"type":"ACK"}', b" "])
async def test_nonsense_is_named_and_not_shown(
    broker: TestBroker, publisher: MqttPublisher, user: str, payload: bytes
) -> None:
    """A device may write what it likes over its own presence; it can be found, and forgotten."""
    topic = PresenceTopic(user, "mac")
    with broker.functions() as foreign:
        foreign.publish(str(topic), payload, retain=True)

    listed = await publisher.list_devices(user)

    assert (listed.devices, listed.device_ids) == ([], ["mac"])
    assert await publisher.read_device(topic) is None


async def test_topics_that_are_not_ours_are_passed_over(
    broker: TestBroker, publisher: MqttPublisher, user: str
) -> None:
    """A foreign publisher may retain under ids that we would not take; what is ours is found all the same."""
    await announce(publisher, user, 1)
    await retain_events(publisher, user, 1)
    with broker.functions() as foreign:
        for topic in (f"sync/v1/users/{user}/devices/a b", f"sync/v1/users/{user}/events/shoots/a b"):
            foreign.publish(topic, b"x", retain=True)

    assert (await publisher.list_devices(user)).device_ids == ["device-00000"]
    assert await publisher.list_events(user) == [CreditsTopic(user), ShootTopic(user, "s0")]


async def test_no_subscription_stays(broker: TestBroker, user: str, new_publisher: NewPublisher) -> None:
    """After a reading, and after one that was given up, nobody listens: a publisher is told ``none``."""
    reader, publisher = new_publisher(broker), new_publisher(broker)
    await announce(publisher, user, 50)
    await reader.list_devices(user)
    for turns in range(40):
        reading = asyncio.create_task(reader.list_devices(user))
        for _ in range(turns):
            await asyncio.sleep(0)
        reading.cancel()
        await asyncio.wait({reading})
    await reader.round_trip()

    topic = PresenceTopic(user, "mac")
    assert (await publisher.publish(topic, birth(topic))).listeners == "none"


async def test_progress_and_balance_are_found(publisher: MqttPublisher, user: str) -> None:
    """What is retained under a user's events, of this user alone; an event that is not retained is none."""
    await retain_events(publisher, user, 300)
    await retain_events(publisher, f"{user}-2", 1)
    await publisher.publish(
        PromptsTopic(user), PromptChangeMessage(user_id=user, data=PromptChange(action="created"))
    )

    found = await publisher.list_events(user)

    assert set(found) == {CreditsTopic(user), *(ShootTopic(user, f"s{n}") for n in range(300))}
    assert await publisher.list_events(f"{user}-3") == []


async def test_finding_them_leaves_no_listener(publisher: MqttPublisher, user: str) -> None:
    """It listens like a device for a moment; afterwards a publisher is told that nobody does."""
    await retain_events(publisher, user, 1)
    await publisher.list_events(user)
    topic = CreditsTopic(user)
    data = CreditUpdate(new_balance=1, change=1, reason="bought")

    receipt = await publisher.publish(topic, CreditUpdateMessage(user_id=user, data=data))

    assert receipt.listeners == "none"


async def retain_events(publisher: MqttPublisher, user: str, shoots: int) -> None:
    def progress(number: int) -> ShootProgressMessage:
        data = ShootProgress(
            shoot_id=f"s{number}", status="queued", processed_count=0, total_count=1, sequence=1
        )
        return ShootProgressMessage(user_id=user, data=data)

    balance = CreditUpdate(new_balance=1, change=1, reason="bought")
    await publisher.publish(CreditsTopic(user), CreditUpdateMessage(user_id=user, data=balance))
    messages = [progress(number) for number in range(shoots)]
    await asyncio.gather(
        *(publisher.publish(ShootTopic(user, each.data.shoot_id), each) for each in messages)
    )


READS: list[Any] = [
    pytest.param(lambda publisher, user: publisher.read_device(PresenceTopic(user, "mac")), id="read_device"),
    pytest.param(lambda publisher, user: publisher.list_devices(user), id="list_devices"),
    pytest.param(lambda publisher, user: publisher.list_events(user), id="list_events"),
    pytest.param(lambda publisher, user: publisher.clear(PresenceTopic(user, "mac")), id="clear"),
]


@pytest.mark.parametrize("read", READS)
async def test_a_broker_that_is_away(
    start_broker: StartBroker,
    user: str,
    new_publisher: NewPublisher,
    monkeypatch: pytest.MonkeyPatch,
    read: Callable[[MqttPublisher, str], Any],
) -> None:
    """Whether it is gone or hangs, the end is a PublishError that may be tried again; and later it works."""
    monkeypatch.setattr("mqtt_bridge.publisher.LISTING_TIMEOUT", 0.5)
    broker = start_broker()
    publisher = new_publisher(broker, timeout=0.5)
    await read(publisher, user)

    broker.control.pause()
    with pytest.raises(PublishError) as raised:
        await read(publisher, user)
    assert raised.value.retryable
    broker.control.resume()
    async with asyncio.timeout(PATIENCE):
        while True:
            try:
                await read(publisher, user)
                break
            except PublishError:
                await asyncio.sleep(0.1)
    await asyncio.to_thread(broker.control.stop)
    with pytest.raises(PublishError):
        await read(publisher, user)
    await asyncio.to_thread(broker.control.start)
    await read(publisher, user)


async def test_the_marker_is_the_last(broker: TestBroker, publisher: MqttPublisher, user: str) -> None:
    """The broker's order, on which readings rely: retained copies of QoS 1, then what was published after."""
    await announce(publisher, user, 500)
    order: list[str] = []
    ended = asyncio.Event()

    def hear(message: Any) -> None:
        order.append(message.topic)
        if "inbox" in message.topic:
            ended.set()

    inbox = f"sync/v1/users/{FUNCTIONS}/inbox/ear"
    connection = await Connection.open(
        url(broker),
        client_id=f"{FUNCTIONS}:ear",
        username=FUNCTIONS,
        password=broker.mint(FUNCTIONS, "ear", functions_rights("ear")),
        keepalive=30,
        timeout=PATIENCE,
        on_message=hear,
    )
    await connection.subscribe([Subscription(inbox, 1)])
    await connection.subscribe([Subscription(user_devices(user), 1)])
    await connection.publish(inbox, b"end")
    await ended.wait()
    await connection.close()

    assert len(order) == 501
