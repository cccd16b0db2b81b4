"""Who may not connect, row by row, over TCP and over WebSocket.

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
from mqtt_bridge.rights import Rights, bridge_rights, functions_rights, operator_rights

from .conftest import TestBroker
from .link import ACCEPTED, NOT_AUTHORIZED


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
