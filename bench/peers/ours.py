"""kull-sync itself: `uvicorn functions.app:app`, Mosquitto with the plugin, devices over WebSocket."""

import contextlib
import sys
from collections.abc import Iterator
from pathlib import Path

from bench import mqtt, workload
from bench.loader import Frame, Protocol, Publisher, Subscriber
from bench.processes import HOST, free_port, server_process
from mqtt_bridge import tokens
from mqtt_bridge.local_broker import LocalBroker
from mqtt_bridge.rights import device_rights
from mqtt_bridge.topics import EPOCH, client_id, device_subscriptions

from .base import Peer, Server
from .mosquitto import Mosquitto, broker

KEEPALIVE = 60
SESSION_EXPIRY = 24 * 3600
"""Seconds that the broker keeps a sleeping device's session, as devices ask for."""


class Ours(Peer):
    """The functions as one process and the broker as another."""

    def __init__(self, mosquitto: Mosquitto) -> None:
        self.name = f"ours-{mosquitto.minor}"
        self.title = f"kull-sync, {mosquitto.label}"
        self._mosquitto = mosquitto

    def notes(self) -> list[str]:
        if self._mosquitto.sqlite_store:
            return [f"{self.title} keeps retained messages in SQLite, flush period 0, as our image does."]
        return [f"{self.title} keeps retained messages in memory and saves them every 5 s."]

    @contextlib.contextmanager
    def running(self, directory: Path) -> Iterator[Server]:
        key = tokens.SigningKey.generate()
        port = free_port()
        with (
            broker(self._mosquitto, directory / "broker", key) as mosquitto,
            server_process(
                [sys.executable, "-m", "uvicorn", "functions.app:app", "--host", HOST, "--port", str(port)],
                port=port,
                log=directory / "functions.log",
                environment=functions_environment(mosquitto, key),
            ) as functions,
        ):
            yield Server(
                pids=[functions, mosquitto.pid],
                protocol=DEVICES,
                subscriber=lambda user, device: subscriber(mosquitto, key, user, device),
                publisher=lambda _: Publisher(port),
                request=lambda user: workload.post(user, port),
            )


DEVICES = Protocol(ready=str(EPOCH).encode(), keepalive=Frame(mqtt.PINGREQ))
"""The epoch's retained copy comes behind every other retained message."""


def subscriber(mosquitto: LocalBroker, key: tokens.SigningKey, user: str, device: str) -> Subscriber:
    """A device with a token of its own and all its subscriptions."""
    token = tokens.mint(key, principal=user, device=device, rights=device_rights(user, device))
    connect = mqtt.connect(
        client_id(user, device), user, token, keepalive=KEEPALIVE, session_expiry=SESSION_EXPIRY
    )
    filters = [(each.filter, each.qos) for each in device_subscriptions(user, device)]
    return Subscriber(
        mosquitto.ws_port,
        workload.upgrade(mosquitto.ws_port, "/mqtt", subprotocol="mqtt"),
        [
            Frame(connect),
            Frame(mqtt.subscribe(filters)),
        ],
    )


def functions_environment(mosquitto: LocalBroker, key: tokens.SigningKey) -> dict[str, str]:
    """The settings of the functions, all else by default."""
    return {
        "KULL_SYNC_BROKER_URL": f"mqtt://{mosquitto.host}:{mosquitto.tcp_port}",
        "KULL_SYNC_PUBLIC_BROKER_URLS": f"ws://{mosquitto.host}:{mosquitto.ws_port}/mqtt",
        "KULL_SYNC_SIGNING_KEY": key.to_pem(),
        "KULL_SYNC_AUTH_ISSUER": workload.ISSUER,
        "KULL_SYNC_AUTH_AUDIENCE": workload.AUDIENCE,
        "KULL_SYNC_AUTH_ALGORITHMS": workload.ALGORITHM,
        "KULL_SYNC_AUTH_SECRET": workload.SECRET,
        # No peer writes a line for each request.
        "KULL_SYNC_LOG_LEVEL": "WARNING",
    }
