"""The limits that ship: what mosquitto.conf says is the contract, and the broker holds everybody to it.

The shared ``broker`` runs with the numbers of that file. Those that are not tried here are tried in
`test_plugin_limits.py` (100 publishes at once, 16 KiB, the 13th subscription).
"""

import socket
from typing import Any

import pytest

from functions.limits import MAX_BODY
from mqtt_bridge.events import Event
from mqtt_bridge.local_broker import sources_dir
from mqtt_bridge.messages import PromptChangeMessage
from mqtt_bridge.publisher import KEEPALIVE, QUEUE_LIMIT, MqttPublisher
from mqtt_bridge.session import Terms
from mqtt_bridge.settings import Settings
from mqtt_bridge.topics import PromptsTopic

from .conftest import TestBroker
from .devices import Sessions, SteppedTiming, running
from .link import NOT_AUTHORIZED, PACKET_TOO_LARGE, TAKEN, UNSPECIFIED_ERROR
from .proxy import proxied
from .test_client import prompt, publisher

__all__ = ["publisher"]

MESSAGE_SIZE_LIMIT = 98_304
MAX_PACKET_SIZE = 131_072
DAY = 86_400


def shipped() -> dict[str, list[str]]:
    """Every setting of mosquitto.conf with its values, in order."""
    settings: dict[str, list[str]] = {}
    for line in (sources_dir() / "mosquitto.conf").read_text().splitlines():
        if line and not line.startswith("#"):
            name, _, value = line.partition(" ")
            settings.setdefault(name, []).append(value)
    return settings


def default_of(model: Any, name: str) -> str:
    """A field's default, as the configuration would spell it."""
    fields = getattr(model, "model_fields", None) or model.__dataclass_fields__
    return str(fields[name].default)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        pytest.param("allow_anonymous", "false", id="nobody without a token"),
        pytest.param("plugin_opt_device_rate", "50", id="publishes a second"),
        pytest.param("plugin_opt_device_burst", "100", id="publishes at once"),
        pytest.param("plugin_opt_device_payload", "16384", id="bytes of a device's payload"),
        pytest.param("plugin_opt_device_subscriptions", "12", id="subscriptions"),
        pytest.param("set_tcp_nodelay", "true", id="no waiting for more to send"),
        pytest.param("websockets_headers_size", "3072", id="bytes of an upgrade request"),
        pytest.param("max_inflight_messages", "100", id="a batch is never held up"),
        pytest.param("max_queued_messages", default_of(Settings, "queue_limit"), id="queueLimit"),
        pytest.param("max_queued_messages", default_of(Terms, "queue_limit"), id="queueLimit of Terms"),
        pytest.param("max_queued_messages", str(QUEUE_LIMIT), id="queue of the publisher's listings"),
        pytest.param("max_packet_size", str(MAX_PACKET_SIZE), id="bytes of a packet"),
        pytest.param("message_size_limit", str(MESSAGE_SIZE_LIMIT), id="bytes of a payload"),
        pytest.param("max_keepalive", str(KEEPALIVE), id="keepalive of the functions"),
        pytest.param("persistent_client_expiration", "24h", id="a session lasts a day"),
        pytest.param("memory_limit", str(2 * 1024**3), id="bytes of heap"),
        pytest.param("plugin_opt_flush_period", "0", id="nothing acknowledged stays unsaved"),
        pytest.param("retain_expiry_interval", "60", id="minutes between sweeps"),
        pytest.param("connection_messages", "false", id="a flood does not fill the log"),
    ],
)
def test_shipped_setting(name: str, value: str) -> None:
    """Each limit is set once, to the value that PROTOCOL.md, the functions and the clients count on."""
    assert shipped()[name] == [value]


def test_shipped_settings_fit_together() -> None:
    """What the functions take fits into what the broker takes; a device's session is not cut short."""
    settings = shipped()

    assert MAX_BODY < int(settings["message_size_limit"][0]) < int(settings["max_packet_size"][0])
    assert int(default_of(Settings, "session_expiry")) <= DAY
    assert settings["max_connections"] == ["10000", "10000"]
    assert settings["protocol"] == ["mqtt", "websockets"]
    # With it the plugin would get no tick, and wills would be lost.
    assert "per_listener_settings" not in settings


def test_a_flood_is_held_to_the_shipped_rate(broker: TestBroker, user: str, transport: str) -> None:
    """Of nearly two bursts at once the first is taken and the rest refused; who goes on is disconnected."""
    presence = f"sync/v1/users/{user}/devices/mac"
    device = broker.device(user, transport=transport)
    answers = device.pubacks([device.send(presence) for _ in range(190)])
    assert all(answer in TAKEN for answer in answers[:100])
    # On a machine so busy that the rate alone let all of them pass, the next ones are too many.
    while NOT_AUTHORIZED not in answers:
        answers += device.pubacks([device.send(presence) for _ in range(190)])
        assert len(answers) < 2000, "nothing is refused"

    device.pubacks([device.send(presence) for _ in range(1000)])

    assert device.wait_until_ended() == UNSPECIFIED_ERROR


async def test_a_sleeping_device_finds_what_the_shipped_queue_holds(
    broker: TestBroker, user: str, publisher: MqttPublisher
) -> None:
    """Of 1,001 events exactly the first 1,000 arrive; the device knows that there may have been more."""
    timing = SteppedTiming()
    async with (
        proxied(broker.control.tcp_port) as proxy,
        running(Sessions(broker, port=proxy.port), user, timing=timing) as app,
    ):
        proxy.cut()
        await app.until(lambda app: not app.client.connected)
        for number in range(QUEUE_LIMIT + 1):
            await publisher.publish(PromptsTopic(user), prompt(user, str(number)))
        # The wait before the next try alone: in stepped time the epoch would soon be overdue.
        await timing.advance(1)
        await app.until(lambda app: len(app.resyncs) == 2)

        replayed = [event.message for event in app.all(Event) if event.replayed]
        prompts = [message for message in replayed if isinstance(message, PromptChangeMessage)]
        assert [message.data.title for message in prompts] == [str(number) for number in range(QUEUE_LIMIT)]
        assert app.resyncs == ["no-session", "queue-full"]


def test_a_payload_that_nobody_may_send(broker: TestBroker, user: str, transport: str) -> None:
    """Not even a service, on no listener: what is over 96 KiB is not passed on, and not acknowledged."""
    topic = f"sync/v1/users/{user}/events/prompts"
    with broker.device(user) as device:
        device.subscribe(topic)
        with broker.functions(transport) as functions:
            assert functions.publish(topic, b"x" * MESSAGE_SIZE_LIMIT) in TAKEN
            # The reason 0x95 is none of those that MQTT has for a PUBACK, so a client may hang up over it.
            refused = functions.pubacks([functions.send(topic, b"x" * (MESSAGE_SIZE_LIMIT + 1))])
        with broker.functions(transport) as functions:
            functions.publish(topic, b"marker")

        assert not set(refused) & set(TAKEN)
        assert [len(device.receive().payload) for _ in range(2)] == [MESSAGE_SIZE_LIMIT, len(b"marker")]


def test_a_packet_that_is_not_even_read(broker: TestBroker) -> None:
    """Over 128 KiB the broker hangs up, before it has kept the packet in memory."""
    functions = broker.functions()

    functions.pubacks([functions.send("sync/v1/all/prompts", b"x" * MAX_PACKET_SIZE)])

    assert functions.wait_until_ended() == PACKET_TOO_LARGE


def test_an_upgrade_request_with_many_headers(broker: TestBroker) -> None:
    """The small buffer for upgrade requests holds what browsers and proxies send."""
    request = (
        "GET /mqtt HTTP/1.1\r\nHost: broker\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: mqtt\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
        f"X-Forwarded-For: {'192.0.2.1, ' * 200}192.0.2.1\r\n\r\n"
    )
    with socket.create_connection((broker.control.host, broker.control.ws_port), timeout=10) as connection:
        connection.sendall(request.encode())
        assert connection.recv(64).startswith(b"HTTP/1.1 101 ")
