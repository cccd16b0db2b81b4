"""The floor: the same message published as MQTT at once, to devices over plain MQTT. No HTTP, no Python."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

from bench import mqtt, workload
from bench.loader import Frame, Publisher, Subscriber
from mqtt_bridge import tokens
from mqtt_bridge.rights import device_rights, functions_rights
from mqtt_bridge.topics import FUNCTIONS, ShootTopic, client_id, device_subscriptions

from .base import Peer, Server
from .mosquitto import Mosquitto, broker
from .ours import DEVICES, KEEPALIVE


class Floor(Peer):
    """The broker alone."""

    over_websocket = False

    def __init__(self, mosquitto: Mosquitto) -> None:
        self.name = f"floor-{mosquitto.minor}"
        self.title = f"floor: MQTT to MQTT, {mosquitto.label}"
        self._mosquitto = mosquitto

    @contextlib.contextmanager
    def running(self, directory: Path) -> Iterator[Server]:
        key = tokens.SigningKey.generate()
        with broker(self._mosquitto, directory / "broker", key) as mosquitto:

            def subscriber(user: str, device: str) -> Subscriber:
                token = tokens.mint(key, principal=user, device=device, rights=device_rights(user, device))
                filters = [(each.filter, each.qos) for each in device_subscriptions(user, device)]
                packets = (
                    mqtt.connect(client_id(user, device), user, token, keepalive=KEEPALIVE),
                    mqtt.subscribe(filters),
                )
                return Subscriber(mosquitto.tcp_port, None, [Frame(packet) for packet in packets])

            def publisher(number: int) -> Publisher:
                device = f"publisher-{number}"
                token = tokens.mint(key, principal=FUNCTIONS, device=device, rights=functions_rights(device))
                packet = mqtt.connect(client_id(FUNCTIONS, device), FUNCTIONS, token, keepalive=1200)
                return Publisher(mosquitto.tcp_port, packet)

            def request(user: str) -> bytes:
                topic = ShootTopic(user, workload.SHOOT)
                return mqtt.publish(
                    str(topic), workload.envelope(user), retain=topic.retain, expiry=topic.expiry
                )

            yield Server([mosquitto.pid], DEVICES, subscriber, publisher, request)
