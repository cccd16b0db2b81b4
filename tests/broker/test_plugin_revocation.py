"""Signing a device out: the sessions up to a number are refused, now and after a restart."""

import json
import resource
import time
from pathlib import Path
from typing import Any

import pytest

from mqtt_bridge import tokens
from mqtt_bridge.local_broker import LocalBroker
from mqtt_bridge.rights import functions_rights
from mqtt_bridge.topics import REVOKE

from .conftest import StartBroker, TestBroker
from .link import ACCEPTED, ADMINISTRATIVE_ACTION, NOT_AUTHORIZED, TAKEN, UNSPECIFIED_ERROR, Will

SESSION = 1_790_000_000_000


def order(user: str, *, session: int = SESSION, device: str = "mac", **changes: Any) -> str:
    """A sign-out in the form that the functions send."""
    until = int(time.time()) + 3600
    return json.dumps({"user": user, "device": device, "session": session, "until": until} | changes)


def connect(broker: TestBroker, user: str, session: int, transport: str = "tcp") -> int:
    """What a CONNECT with a token of this session is answered."""
    with broker.link(f"{user}:mac", transport) as link:
        return link.connect(user, broker.mint(user, "mac", session=session))


def test_sign_out(broker: TestBroker, user: str, transport: str) -> None:
    """The connection is cut, no will speaks, every older token is refused; a new login comes in."""
    presence = f"sync/v1/users/{user}/devices/mac"
    token = broker.mint(user, "mac", session=SESSION)
    with broker.functions() as functions, broker.device(user, "phone") as phone:
        phone.subscribe(f"sync/v1/users/{user}/devices/+")
        mac = broker.device(user, transport=transport, token=token, will=Will(presence, retain=True))

        assert functions.publish(REVOKE, order(user)) in TAKEN

        assert mac.wait_until_ended() == ADMINISTRATIVE_ACTION
        assert connect(broker, user, SESSION, transport) == NOT_AUTHORIZED
        assert connect(broker, user, SESSION - 1000, transport) == NOT_AUTHORIZED
        assert connect(broker, user, SESSION + 1, transport) == ACCEPTED
        functions.publish(presence, b"signed-out")
        assert phone.receive().payload == b"signed-out"


def test_others_stay(broker: TestBroker, user: str) -> None:
    """A sign-out concerns one device: not the user's others, not a neighbour's of the same name."""
    with (
        broker.functions() as functions,
        broker.device(user, "phone") as phone,
        broker.device(f"neighbour-of-{user}") as neighbour,
        broker.device(user, token=broker.mint(user, "mac", session=SESSION + 1)) as newer,
    ):
        assert functions.publish(REVOKE, order(user)) in TAKEN

        for device in (phone, neighbour, newer):
            assert device.subscribe("sync/v1/all/prompts") == [1]


def test_a_delayed_will_is_silenced(broker: TestBroker, user: str) -> None:
    """A device that is signed out while its will waits for its delay says nothing any more."""
    presence = f"sync/v1/users/{user}/devices/mac"
    token = broker.mint(user, "mac", session=SESSION)
    with broker.functions() as functions, broker.device(user, "phone") as phone:
        phone.subscribe(f"sync/v1/users/{user}/devices/+")
        will = Will(presence, b"mac", delay=1)
        broker.device(user, token=token, will=will, session_expiry=60).drop()
        # The broker's delays count in whole seconds: this one is certainly the later.
        later = Will(f"sync/v1/users/{user}/devices/tablet", b"tablet", delay=3)
        tablet = broker.device(user, "tablet", will=later, session_expiry=60)
        assert functions.publish(REVOKE, order(user)) in TAKEN
        tablet.drop()

        assert phone.receive().payload == b"tablet"


def test_sign_out_survives_a_crash(start_broker: StartBroker, user: str, transport: str) -> None:
    """An acknowledged order is on disk: kill -9 and a start later the session is still refused."""
    broker = start_broker()
    with broker.functions() as functions:
        assert functions.publish(REVOKE, order(user)) in TAKEN

    broker.restart(crash=True)

    assert connect(broker, user, SESSION, transport) == NOT_AUTHORIZED
    assert connect(broker, user, SESSION + 1, transport) == ACCEPTED
    broker.restart()
    assert connect(broker, user, SESSION, transport) == NOT_AUTHORIZED


def test_an_order_is_forgotten_when_its_tokens_have_expired(broker: TestBroker, user: str) -> None:
    """After ``until`` no token of that session can be valid, so nothing has to be remembered."""
    with broker.functions() as functions:
        assert functions.publish(REVOKE, order(user, until=int(time.time()) + 2)) in TAKEN
        assert connect(broker, user, SESSION) == NOT_AUTHORIZED

        for _ in range(100):
            if connect(broker, user, SESSION) == ACCEPTED:
                return
            time.sleep(0.1)
    pytest.fail("still refused")


@pytest.mark.parametrize(
    "payload",
    [
        pytest.param("", id="empty"),
        pytest.param("sign out", id="no JSON"),
        pytest.param("[]", id="no object"),
        pytest.param(order("a/b"), id="no user id"),
        pytest.param(order("ada", device="m:c"), id="no device id"),
        pytest.param(order("ada", session=-1), id="negative session"),
        pytest.param(order("ada", session="5"), id="session as text"),  # type: ignore[arg-type]  # the test
        pytest.param(order("ada", until=1), id="until in the past"),
        pytest.param(order("ada", until=int(time.time() * 1000)), id="until in milliseconds"),
        pytest.param(order("ada", reason="lost"), id="unknown member"),
        pytest.param(order("ada") + " " * 2000, id="too long"),
    ],
)
def test_a_bad_order_is_refused(broker: TestBroker, payload: str) -> None:
    """An order that makes no sense is answered 0x87 and changes nothing; the connection goes on."""
    with broker.functions() as functions:
        assert functions.publish(REVOKE, payload) == NOT_AUTHORIZED
        assert functions.publish("sync/v1/all/prompts") in TAKEN


def test_only_the_functions_sign_out(broker: TestBroker, user: str) -> None:
    """A device cannot sign anybody out, itself included."""
    with broker.device(user) as device:
        assert device.publish(REVOKE, order(user)) == NOT_AUTHORIZED
        assert device.publish(REVOKE, order(f"neighbour-of-{user}")) == NOT_AUTHORIZED


def test_a_will_signs_nobody_out(broker: TestBroker, user: str) -> None:
    """An order is acknowledged or refused; a will could be neither."""
    instance = f"i{time.monotonic_ns()}"
    link = broker.link(f"$functions:{instance}")
    token = broker.mint("$functions", instance, functions_rights(instance))
    will = Will(REVOKE, order(user).encode())
    # Mosquitto 2.1 itself hangs up on a will to a control topic.
    assert link.connect("$functions", token, will=will) in (ACCEPTED, UNSPECIFIED_ERROR)
    # Taken over with a clean start: the will has been dealt with before the CONNACK.
    with broker.link(f"$functions:{instance}") as second:
        assert second.connect("$functions", token) == ACCEPTED

        assert connect(broker, user, SESSION) == ACCEPTED


class FullDisk(LocalBroker):
    """A broker whose files can be kept from growing."""

    def command(self) -> list[str]:
        # A write beyond the limit is to fail, as on a full disk; the default is to be killed by SIGXFSZ.
        return ["/usr/bin/env", "--ignore-signal=XFSZ", *super().command()]


def test_an_order_that_cannot_be_kept_is_refused(tmp_path: Path, user: str) -> None:
    """No acknowledgement before the order is on disk: with a full disk it is refused and has no effect."""
    key = tokens.SigningKey.generate()
    tokens.write_jwks(tmp_path / "jwks.json", key)
    with FullDisk(tmp_path, jwks_file=tmp_path / "jwks.json") as control:
        broker = TestBroker(control, key, tmp_path / "jwks.json", [])
        with (
            broker.functions() as functions,
            broker.device(user, token=broker.mint(user, "mac", session=SESSION)) as mac,
        ):
            assert functions.publish(REVOKE, order("somebody")) in TAKEN
            size = (tmp_path / "revocations").stat().st_size
            unlimited = resource.prlimit(control.pid, resource.RLIMIT_FSIZE)
            resource.prlimit(control.pid, resource.RLIMIT_FSIZE, (size + 5, unlimited[1]))

            assert functions.publish(REVOKE, order(user)) == NOT_AUTHORIZED

            assert mac.subscribe("sync/v1/all/prompts") == [1]
            assert (tmp_path / "revocations").stat().st_size == size
            resource.prlimit(control.pid, resource.RLIMIT_FSIZE, unlimited)
            assert functions.publish(REVOKE, order(user)) in TAKEN
            assert mac.wait_until_ended() == ADMINISTRATIVE_ACTION
