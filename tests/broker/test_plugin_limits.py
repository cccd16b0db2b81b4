"""What one device may do to the broker: beyond it is refused, and cut off when it goes on."""

import time

import pytest

from mqtt_bridge.rights import Rights, device_rights

from .conftest import StartBroker, TestBroker
from .link import ACCEPTED, ADMINISTRATIVE_ACTION, NOT_AUTHORIZED, TAKEN, UNSPECIFIED_ERROR, Will, wait_until

PAYLOAD = 16384
SUBSCRIPTIONS = 12


def test_a_flood_is_refused_and_then_cut_off(start_broker: StartBroker, user: str, transport: str) -> None:
    """A burst passes, what exceeds it is refused with 0x87, and who does not stop is disconnected (0x80)."""
    broker = start_broker(options={"device_rate": "1", "device_burst": "20"})
    presence = f"sync/v1/users/{user}/devices/mac"
    device = broker.device(user, transport=transport)

    answers = device.pubacks([device.send(presence) for _ in range(20)])
    assert all(answer in TAKEN for answer in answers)
    assert NOT_AUTHORIZED in device.pubacks([device.send(presence) for _ in range(10)])

    device.pubacks([device.send(presence) for _ in range(100)])
    assert device.wait_until_ended() == UNSPECIFIED_ERROR

    # Coming back at once is no way around it: there is no second burst.
    again = broker.device(user, transport=transport)
    answers = again.pubacks([again.send(presence) for _ in range(100)])
    assert sum(answer in TAKEN for answer in answers) < 20
    assert again.wait_until_ended() == UNSPECIFIED_ERROR


def test_a_flooding_device_is_seen_to_go(start_broker: StartBroker, user: str) -> None:
    """The will of a device that was cut off is published: the others see that it is gone."""
    broker = start_broker(options={"device_rate": "1", "device_burst": "5"})
    presence = f"sync/v1/users/{user}/devices/mac"
    with broker.device(user, "phone") as phone:
        phone.subscribe(f"sync/v1/users/{user}/devices/+")
        device = broker.device(user, will=Will(presence, b"lost", retain=True))
        device.pubacks([device.send(presence, b"x") for _ in range(100)])
        device.wait_until_ended()

        while (message := phone.receive()).payload == b"x":
            pass

        assert message.payload == b"lost"


def test_services_are_not_limited(start_broker: StartBroker) -> None:
    """The functions publish for everybody, as much and as large as they have to."""
    broker = start_broker(options={"device_rate": "1", "device_burst": "1", "device_payload": "1"})
    with broker.functions() as functions:
        mids = [functions.send("sync/v1/all/prompts", b"x" * 1000) for _ in range(300)]

        assert all(answer in TAKEN for answer in functions.pubacks(mids))


def test_an_ordinary_pace_is_never_refused(broker: TestBroker, user: str) -> None:
    """At the defaults 100 updates at once pass."""
    presence = f"sync/v1/users/{user}/devices/mac"
    with broker.device(user) as device:
        answers = device.pubacks([device.send(presence) for _ in range(100)])

        assert len(answers) == 100
        assert all(answer in TAKEN for answer in answers)


@pytest.mark.parametrize(
    ("size", "taken"), [pytest.param(PAYLOAD, True, id="16 KiB"), pytest.param(PAYLOAD + 1, False, id="more")]
)
def test_payloads(broker: TestBroker, user: str, transport: str, size: int, taken: bool) -> None:
    """A payload above 16 KiB is refused; the connection goes on."""
    presence = f"sync/v1/users/{user}/devices/mac"
    with broker.device(user, transport=transport) as device:
        assert (device.publish(presence, b"x" * size) in TAKEN) == taken
        assert device.publish(presence) in TAKEN


def test_a_will_that_is_too_large_is_not_published(broker: TestBroker, user: str) -> None:
    """The limit of a payload holds for the will too."""
    presence = f"sync/v1/users/{user}/devices/mac"
    with broker.functions() as functions, broker.device(user, "phone") as phone:
        phone.subscribe(f"sync/v1/users/{user}/devices/+")
        broker.device(user, will=Will(presence, b"x" * (PAYLOAD + 1)))
        broker.device(user).disconnect()
        functions.publish(presence, b"marker")

        assert phone.receive().payload == b"marker"


def _shoots(user: str, count: int, first: int = 0) -> list[str]:
    return [f"sync/v1/users/{user}/events/shoots/s{number}" for number in range(first, first + count)]


def test_subscriptions_are_counted(broker: TestBroker, user: str, transport: str) -> None:
    """12 different filters are granted and no 13th; one that was given back makes room."""
    with broker.device(user, transport=transport) as device:
        assert device.subscribe(*_shoots(user, SUBSCRIPTIONS)) == [1] * SUBSCRIPTIONS
        assert device.subscribe(*_shoots(user, 2, first=SUBSCRIPTIONS)) == [NOT_AUTHORIZED] * 2
        assert device.subscribe(*_shoots(user, SUBSCRIPTIONS)) == [1] * SUBSCRIPTIONS

        device.unsubscribe(*_shoots(user, 1))

        assert device.subscribe(*_shoots(user, 2, first=SUBSCRIPTIONS)) == [1, NOT_AUTHORIZED]


@pytest.mark.parametrize("what", ["payloads", "subscriptions"])
def test_who_goes_on_beyond_another_limit_is_cut_off(
    start_broker: StartBroker, user: str, transport: str, what: str
) -> None:
    """Beyond a limit is refused as often as a burst is long; who still goes on is disconnected (0x80)."""
    # A rate that one request after the other cannot reach, so that it is never the reason.
    limits = {
        "device_rate": "1000000",
        "device_burst": "20",
        "device_payload": "10",
        "device_subscriptions": "1",
    }
    broker = start_broker(options=limits)
    device = broker.device(user, transport=transport)
    device.subscribe(*_shoots(user, 1))
    refused = 0

    def once_more() -> list[int]:
        if what == "payloads":
            return device.pubacks([device.send(f"sync/v1/users/{user}/devices/mac", b"x" * 11)])
        try:
            return device.subscribe(*_shoots(user, 1, first=1))
        except AssertionError:
            return []

    while answers := once_more():
        assert answers == [NOT_AUTHORIZED]
        refused += 1
        assert refused < 200, "it goes on for ever"

    assert refused >= 20
    assert device.wait_until_ended() == UNSPECIFIED_ERROR
    assert not any("too many publishes" in line or "too many subscribes" in line for line in broker.log)


def test_subscribing_again_does_not_count(broker: TestBroker, user: str) -> None:
    """A device subscribes to all its filters at every wake and reconnect, into the same session, for days."""
    filters = device_rights(user, "mac").sub
    for _ in range(4):
        with broker.device(user, clean_start=False, session_expiry=60) as device:
            for _ in range(3):
                assert device.subscribe(*filters) == [1] * len(filters)


def test_a_session_from_before_a_restart_counts(start_broker: StartBroker, user: str) -> None:
    """A restart forgets what the plugin counted, but not what the session holds."""
    broker = start_broker()
    device = broker.device(user, clean_start=False, session_expiry=600)
    assert device.subscribe(*_shoots(user, SUBSCRIPTIONS)) == [1] * SUBSCRIPTIONS
    device.disconnect()

    broker.restart()

    with broker.device(user, clean_start=False, session_expiry=600) as device:
        assert device.session_present
        assert device.subscribe(*_shoots(user, 1, first=SUBSCRIPTIONS)) == [NOT_AUTHORIZED]


def test_a_flood_of_subscribes_is_refused(start_broker: StartBroker, user: str) -> None:
    """Each SUBSCRIBE brings all that is retained, so it is held to a rate too."""
    broker = start_broker(options={"device_rate": "1", "device_burst": "14"})
    filters = device_rights(user, "mac").sub
    with broker.device(user) as device:
        assert device.subscribe(*filters) == [1] * 7
        assert device.subscribe(*filters) == [1] * 7
        assert NOT_AUTHORIZED in device.subscribe(*filters)


def test_the_end_of_a_token_ends_the_connection(broker: TestBroker, user: str, transport: str) -> None:
    """At exp the broker disconnects (0x98), the will speaks, and the sleeping session goes on collecting."""
    presence = f"sync/v1/users/{user}/devices/mac"
    prompts = f"sync/v1/users/{user}/events/prompts"
    with broker.functions() as functions, broker.device(user, "phone") as phone:
        phone.subscribe(f"sync/v1/users/{user}/devices/+")
        device = broker.device(
            user,
            transport=transport,
            token=broker.mint(user, "mac", lifetime=2),
            session_expiry=600,
            will=Will(presence, b"lost", retain=True, delay=1),
        )
        assert device.subscribe(prompts) == [1]

        assert device.wait_until_ended() == ADMINISTRATIVE_ACTION

        assert phone.receive().payload == b"lost"
        assert functions.publish(prompts, b"while asleep") == ACCEPTED
        with broker.device(user, transport=transport, clean_start=False, session_expiry=600) as renewed:
            assert renewed.session_present
            assert renewed.receive().payload == b"while asleep"


def test_renewal_is_no_end(broker: TestBroker, user: str) -> None:
    """A device that reconnects with a new token before exp stays connected beyond the old one."""
    presence = f"sync/v1/users/{user}/devices/mac"
    with broker.device(user, "phone") as phone:
        phone.subscribe(f"sync/v1/users/{user}/devices/+")
        will = Will(presence, b"lost", delay=1)
        broker.device(user, token=broker.mint(user, "mac", lifetime=2), session_expiry=600, will=will)
        with broker.device(user, clean_start=False, session_expiry=600) as renewed:
            # Another token's end proves that the time of the first has come.
            other = broker.device(user, "tablet", token=broker.mint(user, "tablet", lifetime=3))
            other.wait_until_ended()

            assert renewed.publish(presence, b"alive") in TAKEN
            assert phone.receive().payload == b"alive"


def test_a_token_without_rights_may_nothing(broker: TestBroker, user: str) -> None:
    """Empty lists are no wildcard."""
    with broker.device(user, rights=Rights(pub=[], sub=[])) as device:
        assert device.subscribe("sync/v1/all/prompts") == [NOT_AUTHORIZED]
        assert device.publish(f"sync/v1/users/{user}/devices/mac") == NOT_AUTHORIZED


def test_a_flood_of_refusals_does_not_fill_the_log(start_broker: StartBroker, user: str) -> None:
    """Refusals are logged with their reason, at most 50 at once and one a second; then only their number."""
    broker = start_broker()
    started = time.monotonic()
    with broker.device(user) as device:
        for _ in range(15):
            device.pubacks([device.send("sync/v1/all/prompts") for _ in range(10)])
        lines = [line for line in broker.log if "refused a publish" in line]
        assert 50 <= len(lines) <= 51 + time.monotonic() - started
        assert lines[0].endswith(f"refused a publish of {user}:mac: not in acl.pub.")

        def one_more_says_how_many() -> bool:
            device.publish("sync/v1/all/prompts")
            return any("more not logged" in line for line in broker.log)

        wait_until(one_more_says_how_many)
