"""The device list and signing out: what is told, what is ordered, and for whom."""

from typing import Any
from urllib.parse import quote

import httpx
import pytest

from functions.app import create_app
from mqtt_bridge import tokens
from mqtt_bridge.errors import PublishError
from mqtt_bridge.messages import (
    DeviceConnected,
    DeviceConnectedMessage,
    DeviceDisconnected,
    DeviceDisconnectedMessage,
    Envelope,
    now_ms,
)
from mqtt_bridge.publisher import Receipt
from mqtt_bridge.recording import RecordingPublisher
from mqtt_bridge.retained_presence import RetainedPresence
from mqtt_bridge.sign_out import RevokeOrder
from mqtt_bridge.tokens import MAX_CLOCK_SKEW
from mqtt_bridge.topics import CreditsTopic, PresenceTopic, ShootTopic, Topic

from .callers import DEVICE, DEVICES, SESSION, bearer, service, token, user
from .conftest import Connect, settings_of

MONTH = 30 * 24 * 3600


def retain(
    publisher: RecordingPublisher, device: str = "mac-1", *, owner: str = "ada", session: int = 1, **gone: Any
) -> PresenceTopic:
    """The broker knows a device: online, or gone for a ``reason``, forgotten in ``expires_in`` seconds."""
    topic = PresenceTopic(owner, device)
    message: DeviceConnectedMessage | DeviceDisconnectedMessage
    if "reason" in gone:
        message = DeviceDisconnectedMessage(
            user_id=owner,
            timestamp=5,
            data=DeviceDisconnected(device_id=device, session=session, reason=gone["reason"]),
        )
    else:
        birth = DeviceConnected(
            device_id=device, name=f"{device}!", platform="mac", app_version="4.2", session=session, epoch="e"
        )
        message = DeviceConnectedMessage(user_id=owner, timestamp=1000, data=birth)
    publisher.presence[topic] = RetainedPresence(message, gone.get("expires_in", MONTH))
    return topic


async def test_a_user_sees_its_own_devices(client: httpx.AsyncClient, publisher: RecordingPublisher) -> None:
    """With or without naming itself, and nobody else's."""
    retain(publisher, "mac-1")
    retain(publisher, "phone", reason="lost", expires_in=MONTH - 60)
    retain(publisher, "tablet", reason="closed", expires_in=MONTH - 3600)
    retain(publisher, "mac-1", owner="eve")
    before = now_ms()

    response = await client.get(DEVICES, headers=user())

    assert response.status_code == 200
    assert response.headers["Cache-Control"] == "no-store"
    answer = response.json()
    mac, phone, tablet = answer["devices"]
    assert before <= mac.pop("lastSeen") <= now_ms()
    assert mac == {
        "deviceId": "mac-1",
        "online": True,
        "name": "mac-1!",
        "platform": "mac",
        "appVersion": "4.2",
        "since": 1000,
    }
    assert before - 60_000 <= phone["since"] == phone["lastSeen"] <= now_ms() - 60_000
    assert (phone["online"], phone["reason"], phone.get("name")) == (False, "lost", None)
    assert before - 3_600_000 <= tablet["since"] == tablet["lastSeen"] <= now_ms() - 3_600_000
    assert (tablet["deviceId"], tablet["online"], tablet["reason"]) == ("tablet", False, "closed")
    assert (answer["userId"], answer["complete"]) == ("ada", True)
    named = await client.get(DEVICES, params={"userId": "ada"}, headers=user())
    assert [each["deviceId"] for each in named.json()["devices"]] == ["mac-1", "phone", "tablet"]


async def test_a_service_sees_those_of_whom_it_names(
    client: httpx.AsyncClient, publisher: RecordingPublisher
) -> None:
    """It has the scope, and says whose."""
    retain(publisher, "mac-1", owner="eve")

    response = await client.get(DEVICES, params={"userId": "eve"}, headers=service("sync:devices"))

    assert [each["deviceId"] for each in response.json()["devices"]] == ["mac-1"]


async def test_sign_out_ends_the_session_and_tells_the_others(
    connect: Connect, publisher: RecordingPublisher
) -> None:
    """First the order, then the farewell with the same number, retained for who comes later."""
    client = connect(token_lifetime=120)
    ahead = now_ms() + 3_600_000
    topic = retain(publisher, session=ahead)
    before = now_ms()

    response = await client.delete(f"{DEVICES}/mac-1", headers=user())

    assert (response.status_code, response.content) == (204, b"")
    (order,) = publisher.revoked
    assert (order.user, order.device) == ("ada", "mac-1")
    assert order.session > ahead
    assert order.until * 1000 >= before + 120_000
    ((where, farewell),) = publisher.sent
    assert where == topic
    assert farewell.data == DeviceDisconnected(device_id="mac-1", session=order.session, reason="signed-out")


async def test_a_device_that_nobody_knows_is_signed_out_too(
    client: httpx.AsyncClient, publisher: RecordingPublisher
) -> None:
    """It may have a token and be about to connect."""
    response = await client.delete(f"{DEVICES}/new", headers=user())

    assert response.status_code == 204
    assert publisher.revoked[0].session > now_ms()
    assert len(publisher.sent) == 1


class BreaksAfterTheOrder(RecordingPublisher):
    """A broker that takes the order and then goes away, once."""

    async def publish(self, topic: Topic, message: Envelope) -> Receipt:
        if len(self.revoked) == 1:
            raise PublishError("gone")
        return await super().publish(topic, message)


async def test_half_a_sign_out_is_no_success() -> None:
    """503: the caller does it again, and then all is done."""
    publisher = BreaksAfterTheOrder()
    transport = httpx.ASGITransport(create_app(settings_of(), publisher))
    async with httpx.AsyncClient(transport=transport, base_url="http://functions") as client:
        first = await client.delete(f"{DEVICES}/mac-1", headers=user())
        second = await client.delete(f"{DEVICES}/mac-1", headers=user())

    assert (first.status_code, second.status_code) == (503, 204)
    assert publisher.revoked[0].session <= publisher.revoked[1].session
    assert len(publisher.sent) == 1


@pytest.mark.parametrize(
    "device", ["%", "a%41", "?", "a?b=c", '"', "\\", "&=", "a;b", "...", "%2F", "{device}", "~" * 128]
)
async def test_ids_in_a_path_may_be_odd(
    client: httpx.AsyncClient, publisher: RecordingPublisher, device: str
) -> None:
    """Every device id that there can be, percent-encoded, is the one that is signed out."""
    response = await client.delete(f"{DEVICES}/{quote(device, safe='')}", headers=user())

    assert response.status_code == 204
    assert publisher.revoked[0].device == device


INVALID = [
    *(
        pytest.param("DELETE", f"{DEVICES}/{quoted}?userId=ada", "device", id=f"device {quoted[:12]}")
        for quoted in ("a:b", "a%23b", "a+b", "$x", "a%20b", "%C3%A9", "a%0A", "a%00", "x" * 129)
    ),
    *(
        pytest.param(method, f"{path}?userId={quoted}", "userId", id=f"{method} userId {quoted[:12]}")
        for method, path in (("GET", DEVICES), ("DELETE", f"{DEVICES}/mac-1"))
        for quoted in ("", "a%2Fb", "%2B", "%23", "$functions", "a%20b", "a%0A", "x" * 129)
    ),
    *(
        pytest.param("DELETE", f"/api/sync/users/{quoted}", "user", id=f"user {quoted[:12]}")
        for quoted in ("a%23b", "a+b", "$bridge", "a%20b", "%C3%A9", "x" * 129)
    ),
    pytest.param("GET", DEVICES, "userId", id="a list of nobody"),
    pytest.param("DELETE", f"{DEVICES}/mac-1", "userId", id="a device of nobody"),
    pytest.param("GET", f"{DEVICES}?userId=ada&limit=5", "limit", id="an unknown parameter"),
    pytest.param("GET", f"{DEVICES}?userId=ada&userid=eve", "userid", id="a misspelt parameter"),
    pytest.param("GET", f"{DEVICES}?user_id=ada&userId=ada", "user_id", id="not its wire name"),
    pytest.param("GET", f"{DEVICES}?userId=ada&userId=eve&x=1", "x", id="twice, and an unknown one"),
]


@pytest.mark.parametrize(("method", "url", "named"), INVALID)
async def test_what_is_wrong_in_a_url_is_named(
    client: httpx.AsyncClient, publisher: RecordingPublisher, method: str, url: str, named: str
) -> None:
    """422 with the name of the parameter; nobody is signed out, nothing is forgotten."""
    response = await client.request(method, url, headers=service("sync:devices sync:erase"))

    assert response.status_code == 422, response.text
    assert response.json()["type"] == "urn:problem-type:kull-sync:invalid"
    assert [error["field"] for error in response.json()["errors"]] == [named]
    assert [*publisher.revoked, *publisher.sent, *publisher.cleared] == []


async def test_a_login_whose_name_no_topic_can_have(client: httpx.AsyncClient) -> None:
    """The app's own user names decide about that, and the answer says so."""
    response = await client.get(DEVICES, headers=user("ada/lovelace"))

    assert response.status_code == 422
    assert [error["field"] for error in response.json()["errors"]] == ["userId"]


FORBIDDEN = [
    pytest.param("GET", f"{DEVICES}?userId=eve", user(), "foreign-user", id="another user's list"),
    pytest.param("DELETE", f"{DEVICES}/mac-1?userId=eve", user(), "foreign-user", id="another user's device"),
    *(
        pytest.param(method, url, service(scope), "insufficient-scope", id=f"{method} {url[10:]} {scope}")
        for method, url, scopes in (
            ("GET", f"{DEVICES}?userId=ada", ("sync:publish", "sync:operator", "sync:erase")),
            ("DELETE", f"{DEVICES}/mac-1?userId=ada", ("sync:publish", "sync:session", "sync:erase")),
            ("DELETE", "/api/sync/users/ada", ("sync:publish", "sync:devices", "sync:operator")),
        )
        for scope in scopes
    ),
    pytest.param("DELETE", "/api/sync/users/ada", user(), "insufficient-scope", id="a user forgets itself"),
    pytest.param("DELETE", "/api/sync/users/eve", user(), "insufficient-scope", id="a user forgets another"),
    pytest.param(
        "DELETE",
        "/api/sync/users/ada",
        bearer(token("sync:erase")),
        "insufficient-scope",
        id="a user named like a scope",
    ),
]


@pytest.mark.parametrize(("method", "url", "headers", "kind"), FORBIDDEN)
async def test_what_a_caller_may_not_do_is_refused(
    client: httpx.AsyncClient,
    publisher: RecordingPublisher,
    method: str,
    url: str,
    headers: dict[str, str],
    kind: str,
) -> None:
    """403, and nothing is told or done."""
    for owner in ("ada", "eve"):
        retain(publisher, owner=owner)
    response = await client.request(method, url, headers=headers)

    assert response.status_code == 403
    assert response.json()["type"] == f"urn:problem-type:kull-sync:{kind}"
    assert "devices" not in response.json()
    assert [*publisher.revoked, *publisher.sent, *publisher.cleared] == []


@pytest.mark.parametrize(
    ("method", "url"),
    [("GET", DEVICES), ("DELETE", f"{DEVICES}/$bad"), ("DELETE", "/api/sync/users/$bad")],
)
async def test_without_a_token_nothing_is_told_of_a_url(
    client: httpx.AsyncClient, method: str, url: str
) -> None:
    """401 comes before 422."""
    assert (await client.request(method, url)).status_code == 401


async def test_a_user_is_forgotten(client: httpx.AsyncClient, publisher: RecordingPublisher) -> None:
    """All its devices are signed out, all that is retained goes, and the counts say what it was."""
    retained: list[Topic] = [retain(publisher, f"d{number}") for number in range(120)]
    publisher.events = {CreditsTopic("ada"), *(ShootTopic("ada", f"s{number}") for number in range(130))}
    retained += publisher.events
    retain(publisher, owner="eve")
    publisher.events.add(CreditsTopic("eve"))

    response = await client.delete("/api/sync/users/ada", headers=service("sync:erase"))
    again = await client.delete("/api/sync/users/ada", headers=service("sync:erase"))

    assert response.status_code == 200
    assert response.json() == {"devices": 120, "shoots": 130, "credits": 1}
    assert set(publisher.cleared) == set(retained)
    assert {order.device for order in publisher.revoked} == {f"d{number}" for number in range(120)}
    assert {order.user for order in publisher.revoked} == {"ada"}
    assert publisher.sent == []
    assert (again.status_code, again.json()) == (200, {"devices": 0, "shoots": 0, "credits": 0})
    assert list(publisher.presence) == [PresenceTopic("eve", "mac-1")]
    assert publisher.events == {CreditsTopic("eve")}


async def test_what_takes_too_long_is_left_for_the_next_try(
    client: httpx.AsyncClient, publisher: RecordingPublisher, monkeypatch: pytest.MonkeyPatch
) -> None:
    """503 before the gateway gives up."""
    monkeypatch.setattr("functions.erase_user.SECONDS", 0)
    retain(publisher)

    response = await client.delete("/api/sync/users/ada", headers=service("sync:erase"))

    assert response.status_code == 503
    assert "Retry-After" in response.headers


@pytest.mark.parametrize("last_session", [None, 5])
async def test_a_new_login_is_above_the_sign_out(
    client: httpx.AsyncClient, publisher: RecordingPublisher, last_session: int | None
) -> None:
    """At once, and also when the device has forgotten its last session: the broker would refuse it else."""
    await client.delete(f"{DEVICES}/mac-1", headers=user())
    (order,) = publisher.revoked
    publisher.presence[PresenceTopic("ada", "mac-1")] = RetainedPresence(order.farewell(), MONTH)

    answer = await client.post(SESSION, json=DEVICE | {"lastSession": last_session}, headers=user())

    assert answer.json()["session"] >= order.session + tokens.SESSION_STEP


async def test_nonsense_in_the_presence_hides_nothing(
    client: httpx.AsyncClient, publisher: RecordingPublisher
) -> None:
    """A device writes its own presence; its word and the presence are taken for what they are worth each."""
    sane = now_ms() + 60_000
    retain(publisher, session=now_ms() + MAX_CLOCK_SKEW + 60_000)
    answer = await client.post(SESSION, json=DEVICE | {"lastSession": sane}, headers=user())
    assert sane < answer.json()["session"] < sane + 60_000

    retain(publisher, session=sane)
    answer = await client.post(SESSION, json=DEVICE | {"lastSession": 2**53 - 1}, headers=user())
    assert sane < answer.json()["session"] < sane + 60_000


async def test_a_session_is_to_be_had_while_the_broker_is_away(
    client: httpx.AsyncClient, publisher: RecordingPublisher
) -> None:
    """The device comes in as soon as the broker is back, and need not ask again."""
    publisher.fail_with = PublishError("gone")

    assert (await client.post(SESSION, json=DEVICE, headers=user())).status_code == 200


def test_orders_of_another_lifetime_have_another_end() -> None:
    """The deployment's token lifetime is what an order must outlive."""
    ends = [
        RevokeOrder.of("ada", "mac", known_session=None, now=0, lifetime=lifetime).until
        for lifetime in (60, 86_400)
    ]
    assert ends[1] - ends[0] == 86_340
