"""What the broker refuses, row by row, over TCP and over WebSocket, each with its reason code.

A refused CONNECT is 0x87 whatever the reason: a stranger learns nothing. The broker's log has the reason.
"""

import hmac
import json
import time
from base64 import urlsafe_b64encode
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import jwt
import pytest

from mqtt_bridge import tokens
from mqtt_bridge.rights import Rights, bridge_rights, device_rights, functions_rights, operator_rights
from mqtt_bridge.topics import REVOKE, shard

from .conftest import TestBroker
from .link import ACCEPTED, NOT_AUTHORIZED, TAKEN, Will


def _part(value: Any) -> str:
    return urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


@dataclass
class Attempt:
    """A CONNECT that is right in everything; rows change one thing."""

    broker: TestBroker
    user: str
    username: str | None = ""
    password: str | None = ""
    client_id: str = ""
    how: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.username = self.user
        self.client_id = f"{self.user}:mac"
        self.password = self.token()

    def claims(self, **changes: Any) -> dict[str, Any]:
        token = self.broker.mint(self.user, "mac")
        claims: dict[str, Any] = jwt.decode(token, options={"verify_signature": False})
        return claims | changes

    def token(self, **changes: Any) -> str:
        return self.broker.key.sign(self.claims(**changes))


def _no_credentials(attempt: Attempt) -> None:
    attempt.username = attempt.password = None


def _no_password(attempt: Attempt) -> None:
    attempt.password = None


def _no_username(attempt: Attempt) -> None:
    attempt.username = None


def _garbage(attempt: Attempt) -> None:
    attempt.password = "garbage"


def _algorithm_none(attempt: Attempt) -> None:
    header = {"alg": "none", "typ": "JWT", "kid": attempt.broker.key.kid}
    attempt.password = f"{_part(header)}.{_part(attempt.claims())}."


def _hmac_with_the_public_key(attempt: Attempt) -> None:
    header = {"alg": "HS256", "typ": "JWT", "kid": attempt.broker.key.kid}
    signed = f"{_part(header)}.{_part(attempt.claims())}"
    # The library refuses to make this token, so it is made by hand, from the very file the broker reads.
    digest = hmac.digest(attempt.broker.jwks_file.read_bytes(), signed.encode(), "sha256")
    attempt.password = f"{signed}.{urlsafe_b64encode(digest).rstrip(b'=').decode()}"


def _another_key(attempt: Attempt) -> None:
    attempt.password = attempt.broker.mint(attempt.user, "mac", key=tokens.SigningKey.generate())


def _another_key_under_our_name(attempt: Attempt) -> None:
    stranger = tokens.SigningKey.generate()
    stranger.kid = attempt.broker.key.kid
    attempt.password = stranger.sign(attempt.claims())


def _signature_of_another_token(attempt: Attempt) -> None:
    one, other = attempt.token(), attempt.token(jti="other")
    attempt.password = ".".join([*one.split(".")[:2], other.split(".")[2]])


def _with_claims(**changes: Any) -> Callable[[Attempt], None]:
    def change(attempt: Attempt) -> None:
        attempt.password = attempt.token(**changes)

    return change


def _expired(attempt: Attempt) -> None:
    attempt.password = attempt.token(exp=int(time.time()))


def _not_yet_valid(attempt: Attempt) -> None:
    attempt.password = attempt.token(nbf=int(time.time()) + 60)


def _issued_in_the_future(attempt: Attempt) -> None:
    attempt.password = attempt.token(iat=int(time.time()) + 60)


def _another_devices_client_id(attempt: Attempt) -> None:
    attempt.client_id = f"{attempt.user}:phone"


def _a_neighbours_client_id(attempt: Attempt) -> None:
    attempt.client_id = f"neighbour-of-{attempt.user}:mac"


def _no_client_id(attempt: Attempt) -> None:
    attempt.client_id = ""


def _another_users_name(attempt: Attempt) -> None:
    attempt.username = f"neighbour-of-{attempt.user}"


def _device_id_that_spells_a_neighbour(attempt: Attempt) -> None:
    # Whoever split at the first colon would take this for the device "b:mac" of the user.
    attempt.password = attempt.token(device="b:mac")
    attempt.client_id = f"{attempt.user}:b:mac"


def _user_named_bridge_as_the_bridge(attempt: Attempt) -> None:
    attempt.username = "$bridge"
    attempt.client_id = "$bridge:mac"
    attempt.password = attempt.token(sub="bridge", acl=bridge_rights("0").model_dump())


def _no_service_of_ours(attempt: Attempt) -> None:
    attempt.username = "$root"
    attempt.client_id = "$root:mac"
    attempt.password = attempt.token(sub="$root")


def _user_id(character: str) -> Callable[[Attempt], None]:
    def change(attempt: Attempt) -> None:
        attempt.username = f"{attempt.user}{character}x"
        attempt.client_id = f"{attempt.username}:mac"
        attempt.password = attempt.token(sub=attempt.username)

    return change


def _device_id(character: str) -> Callable[[Attempt], None]:
    def change(attempt: Attempt) -> None:
        attempt.client_id = f"{attempt.user}:mac{character}x"
        attempt.password = attempt.token(device=f"mac{character}x")

    return change


def _token_of_8_kb(attempt: Attempt) -> None:
    attempt.password = attempt.token(padding="x" * 5900)
    assert len(attempt.password) > 8000


def _token_and_more(tail: str) -> Callable[[Attempt], None]:
    def change(attempt: Attempt) -> None:
        attempt.password = attempt.token() + tail

    return change


def _how(**how: Any) -> Callable[[Attempt], None]:
    def change(attempt: Attempt) -> None:
        attempt.how = how

    return change


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(_no_credentials, id="no token"),
        pytest.param(_no_password, id="user name alone"),
        pytest.param(_no_username, id="token alone"),
        pytest.param(_garbage, id="garbage"),
        pytest.param(_algorithm_none, id="alg none"),
        pytest.param(_hmac_with_the_public_key, id="HS256 with the public key"),
        pytest.param(_another_key, id="wrong key"),
        pytest.param(_another_key_under_our_name, id="wrong key under our kid"),
        pytest.param(_signature_of_another_token, id="signature of another token"),
        pytest.param(_with_claims(aud="another-broker"), id="wrong audience"),
        pytest.param(_with_claims(aud=["kull-sync-broker"]), id="list of audiences"),
        pytest.param(_with_claims(iss="somebody"), id="wrong issuer"),
        pytest.param(_expired, id="expired"),
        pytest.param(_not_yet_valid, id="not yet valid"),
        pytest.param(_issued_in_the_future, id="issued in the future"),
        pytest.param(_with_claims(exp="4102444800"), id="exp as text"),
        pytest.param(_with_claims(exp=None), id="exp null"),
        pytest.param(_with_claims(session=None), id="no session"),
        pytest.param(_with_claims(acl={"pub": ["#"]}), id="half an acl"),
        pytest.param(_with_claims(acl={"pub": [], "sub": ["$share/g/sync/v1/all/prompts"]}), id="shared acl"),
        pytest.param(_another_devices_client_id, id="another device's client id"),
        pytest.param(_a_neighbours_client_id, id="a neighbour's client id"),
        pytest.param(_no_client_id, id="no client id"),
        pytest.param(_another_users_name, id="another user's name"),
        pytest.param(_device_id_that_spells_a_neighbour, id="device id with a colon"),
        pytest.param(_user_named_bridge_as_the_bridge, id="user named bridge as $bridge"),
        pytest.param(_no_service_of_ours, id="unknown service"),
        *(pytest.param(_user_id(character), id=f"user id with {character}") for character in "+#/$ "),
        *(pytest.param(_device_id(character), id=f"device id with {character}") for character in "+#/$ :"),
        pytest.param(_token_of_8_kb, id="token of 8 KB"),
        pytest.param(_token_and_more("="), id="padded token"),
        pytest.param(_token_and_more(".e30"), id="four parts"),
        pytest.param(_token_and_more("\n"), id="token and a line end"),
        pytest.param(_how(keepalive=0), id="keepalive 0"),
        pytest.param(_how(keepalive=61), id="keepalive 61"),
    ],
)
def test_connect_is_refused(
    broker: TestBroker, user: str, transport: str, change: Callable[[Attempt], None]
) -> None:
    """Whatever is wrong with a CONNECT, the answer is 0x87 and the connection ends."""
    attempt = Attempt(broker, user)
    change(attempt)

    link = broker.link(attempt.client_id, transport)

    assert link.connect(attempt.username, attempt.password, **attempt.how) == NOT_AUTHORIZED
    link.wait_until_ended()


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda attempt: None, id="as it is"),
        pytest.param(_how(keepalive=60), id="keepalive 60"),
        pytest.param(_with_claims(extra={"a": 1}), id="a claim of tomorrow"),
        pytest.param(_with_claims(nbf=int(time.time()) + 20), id="within the leeway"),
    ],
)
def test_connect_is_accepted(
    broker: TestBroker, user: str, transport: str, change: Callable[[Attempt], None]
) -> None:
    """What the refused ones differ from in one thing is accepted, so that thing was the reason."""
    attempt = Attempt(broker, user)
    change(attempt)

    with broker.link(attempt.client_id, transport) as link:
        assert link.connect(attempt.username, attempt.password, **attempt.how) == ACCEPTED


def test_authentication_methods_are_refused(broker: TestBroker, user: str, transport: str) -> None:
    """MQTT 5's enhanced authentication is no way around the token (0x8C, bad authentication method)."""
    link = broker.link(f"{user}:mac", transport)

    answer = link.connect(
        user, broker.mint(user, "mac"), AuthenticationMethod="PLAIN", AuthenticationData=b"x"
    )

    assert answer == 0x8C


@pytest.mark.parametrize(
    ("principal", "rights", "keepalive", "answer"),
    [
        pytest.param("$functions", functions_rights("i1"), 1200, ACCEPTED, id="functions"),
        pytest.param("$bridge", bridge_rights("0123"), 30, ACCEPTED, id="bridge"),
        pytest.param("$operator", operator_rights(), 60, ACCEPTED, id="operator"),
        pytest.param("$functions", functions_rights("i1"), 1201, NOT_AUTHORIZED, id="keepalive 1201"),
        pytest.param("$functions", functions_rights("i1"), 0, NOT_AUTHORIZED, id="keepalive 0"),
    ],
)
def test_services_may_sleep_longer(
    broker: TestBroker, principal: str, rights: Rights, keepalive: int, answer: int
) -> None:
    """Services connect like devices, with a keepalive up to 1200 s."""
    instance = f"i{time.monotonic_ns()}"
    with broker.link(f"{principal}:{instance}") as link:
        assert (
            link.connect(principal, broker.mint(principal, instance, rights), keepalive=keepalive) == answer
        )


@pytest.mark.parametrize(
    "topic_filter",
    [
        "#",
        "+/#",
        "sync/#",
        "sync/v1/users/+/events/#",
        "sync/v1/users/#",
        "sync/v1/users/neighbour/events/credits",
        "sync/v1/users/neighbour/inbox/mac",
        "sync/v1/users/{user}/#",
        "sync/v1/users/{user}/events/#",
        "sync/v1/users/{user}/events/shoots/#",
        "sync/v1/users/{user}/inbox/+",
        "sync/v1/users/{user}/inbox/phone",
        "sync/v1/users/{user}x/events/credits",
        "sync/v1/uplink/#",
        "sync/v1/uplink/0/#",
        "sync/v1/all/+",
        "$SYS/#",
        "$SYS/broker/uptime",
        "$CONTROL/#",
        "$share/group/#",
        "$share/group/sync/v1/all/prompts",
        "$share/group/sync/v1/users/{user}/events/credits",
    ],
)
def test_subscribe_is_refused(broker: TestBroker, user: str, transport: str, topic_filter: str) -> None:
    """A device subscribes to its own filters and nothing else; the rest of the SUBSCRIBE is granted."""
    own = f"sync/v1/users/{user}/events/credits"
    with broker.device(user, transport=transport) as device:
        assert device.subscribe(own, topic_filter.format(user=user), own) == [1, NOT_AUTHORIZED, 1]


def test_subscribe_is_granted(broker: TestBroker, user: str, transport: str) -> None:
    """All that the token names is granted, and what is narrower."""
    with broker.device(user, transport=transport) as device:
        filters = device_rights(user, "mac").sub
        assert device.subscribe(*filters, f"sync/v1/users/{user}/devices/phone") == [1] * (len(filters) + 1)


@pytest.mark.parametrize(
    ("topic", "retain"),
    [
        pytest.param("sync/v1/users/neighbour/devices/mac", True, id="a neighbour's presence"),
        pytest.param("sync/v1/users/neighbour/events/credits", False, id="a neighbour's events"),
        pytest.param("sync/v1/users/neighbour/inbox/mac", False, id="a neighbour's inbox"),
        pytest.param("sync/v1/users/{user}/events/credits", False, id="own events"),
        pytest.param("sync/v1/users/{user}/events/shoots/s1", True, id="own shoots"),
        pytest.param("sync/v1/users/{user}/inbox/mac", False, id="own inbox"),
        pytest.param("sync/v1/users/{user}/devices/phone", True, id="presence of another own device"),
        pytest.param("sync/v1/users/{user}/devices/mac/x", True, id="below own presence"),
        pytest.param("sync/v1/uplink/{shard}/{user}/phone/ping", False, id="another device's uplink"),
        pytest.param("sync/v1/uplink/{shard}/neighbour/mac/ping", False, id="a neighbour's uplink"),
        pytest.param("sync/v1/uplink/{other}/{user}/mac/ping", False, id="another shard"),
        pytest.param("sync/v1/uplink/{shard}/{user}/mac/other", False, id="unknown kind"),
        pytest.param("sync/v1/uplink/{shard}/{user}/mac/ping", True, id="retained uplink"),
        pytest.param("sync/v1/all/prompts", False, id="prompts for everyone"),
        pytest.param("sync/v1/all/epoch", True, id="the epoch"),
        pytest.param("sync/v1/all/epoch", False, id="the epoch, not retained"),
        pytest.param(REVOKE, False, id="a sign-out"),
        pytest.param("$CONTROL/dynamic-security/v1", False, id="another plugin's control"),
        pytest.param("$SYS/broker/uptime", False, id="$SYS"),
        pytest.param("$SYS/broker/connection/x/state", True, id="$SYS where bridges may"),
        pytest.param("$share/g/x", False, id="$share"),
        pytest.param("anything", False, id="outside the contract"),
    ],
)
def test_publish_is_refused(broker: TestBroker, user: str, transport: str, topic: str, retain: bool) -> None:
    """A device publishes to its own presence and uplink and nowhere else; each refusal is a PUBACK 0x87."""
    own_shard = shard(user)
    other = "0" if own_shard != "0" else "1"
    with broker.device(user, transport=transport) as device:
        assert (
            device.publish(topic.format(user=user, shard=own_shard, other=other), retain=retain)
            == NOT_AUTHORIZED
        )
        assert device.publish(f"sync/v1/users/{user}/devices/mac", retain=True) in TAKEN


def test_publish_is_taken(broker: TestBroker, user: str, transport: str) -> None:
    """All that the token names may be published, presence also retained."""
    with broker.device(user, transport=transport) as device:
        for topic in device_rights(user, "mac").pub:
            assert device.publish(topic) in TAKEN
        assert device.publish(f"sync/v1/users/{user}/devices/mac", retain=True) in TAKEN


def test_nobody_writes_the_epoch(broker: TestBroker) -> None:
    """Not even a token that names it, or everything, may write the broker's epoch."""
    instance = f"i{time.monotonic_ns()}"
    rights = Rights(pub=["sync/v1/all/epoch", "sync/v1/all/+", "#"], sub=[])
    with broker.link(f"$functions:{instance}") as link:
        assert link.connect("$functions", broker.mint("$functions", instance, rights)) == ACCEPTED
        assert link.publish("sync/v1/all/epoch", b"", retain=True) == NOT_AUTHORIZED
        assert link.publish("sync/v1/all/prompts", b"x") in TAKEN


def test_a_user_named_like_a_service_is_a_user(broker: TestBroker, transport: str) -> None:
    """The user `bridge` is nobody special: the names of services start with $, which no id can."""
    device = f"d{time.monotonic_ns()}"
    with broker.device("bridge", device, transport=transport) as link:
        assert link.subscribe("sync/v1/uplink/0/#", "sync/v1/users/+/devices/+") == [NOT_AUTHORIZED] * 2
        assert link.publish("sync/v1/users/neighbour/inbox/mac") == NOT_AUTHORIZED


@pytest.mark.parametrize(
    ("topic", "retain", "arrives"),
    [
        pytest.param("sync/v1/users/{user}/devices/mac", True, True, id="own presence"),
        pytest.param("sync/v1/users/{user}/events/credits", False, False, id="own events"),
        pytest.param("sync/v1/users/{user}/devices/phone", True, False, id="another device's presence"),
        pytest.param("sync/v1/users/{neighbour}/devices/mac", True, False, id="a neighbour's presence"),
        pytest.param("sync/v1/users/{neighbour}/inbox/mac", False, False, id="a neighbour's inbox"),
        pytest.param("sync/v1/all/prompts", False, False, id="everyone"),
        pytest.param("sync/v1/all/epoch", True, False, id="the epoch"),
    ],
)
def test_a_will_is_checked_like_a_publish(
    broker: TestBroker, user: str, transport: str, topic: str, retain: bool, arrives: bool
) -> None:
    """A will goes where the device may publish and nowhere else.

    The broker asks when the will fires, so the CONNECT that leaves it succeeds.
    """
    neighbour = f"neighbour-of-{user}"
    topic = topic.format(user=user, neighbour=neighbour)
    with (
        broker.functions() as functions,
        broker.device(neighbour) as bob,
        broker.device(user, "tablet") as tablet,
    ):
        for watcher, watched in ((bob, neighbour), (tablet, user)):
            watcher.subscribe(*(name for name in device_rights(watched, "mac").sub if "inbox" not in name))
            watcher.receive()  # the epoch
        bob.subscribe(f"sync/v1/users/{neighbour}/inbox/mac")
        broker.device(user, transport=transport, will=Will(topic, retain=retain))
        # Taking over with a clean start ends the first session: its will is asked for before this CONNACK.
        broker.device(user, transport=transport).disconnect()
        for watched in (neighbour, user):
            functions.publish(f"sync/v1/users/{watched}/events/prompts", b"marker")

        seen = [tablet.receive(), bob.receive()]
        if arrives:
            assert seen[0].topic == topic
            seen[0] = tablet.receive()

        assert [message.payload for message in seen] == [b"marker", b"marker"]


def test_deliveries_stay_with_their_user(broker: TestBroker, user: str) -> None:
    """Even a subscription that should never have been granted delivers nothing of a neighbour."""
    too_much = Rights(pub=[], sub=["#", "sync/v1/users/#", "$SYS/#"])
    with broker.functions() as functions, broker.device(user, rights=too_much) as device:
        assert device.subscribe("sync/v1/users/#", "$SYS/#") == [1, 1]
        functions.publish(f"sync/v1/users/neighbour-of-{user}/events/prompts", b"foreign")
        functions.publish(f"sync/v1/users/{user}/events/prompts", b"own")

        assert device.receive().payload == b"own"


def test_no_token_reaches_the_log(broker: TestBroker, user: str, transport: str) -> None:
    """Refusals are logged with a reason; neither a token nor what a client sends in its place is."""
    token = broker.mint(user, "mac", audience="another-broker")
    broker.link(f"{user}:mac", transport).connect(user, token)
    # A confused client: the token as client id and as user name.
    broker.link(token, transport).connect(token, token)
    with broker.device(user, transport=transport):
        pass

    log = "\n".join(broker.log)

    assert not any(part in log for part in token.split("."))
