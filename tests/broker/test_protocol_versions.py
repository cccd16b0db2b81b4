"""Clients of older protocol versions."""

import queue

import pytest
from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.reasoncodes import ReasonCode

from .conftest import TestBroker
from .link import PATIENCE


@pytest.mark.parametrize(
    "version",
    [
        pytest.param(MQTTProtocolVersion.MQTTv31, id="3.1"),
        pytest.param(MQTTProtocolVersion.MQTTv311, id="3.1.1"),
    ],
)
def test_an_older_protocol_is_refused(
    broker: TestBroker, user: str, transport: str, version: MQTTProtocolVersion
) -> None:
    """A client that could not be told of a refused publish does not come in, valid token or not."""
    answers: queue.Queue[ReasonCode] = queue.Queue()
    client = Client(
        CallbackAPIVersion.VERSION2,
        client_id=f"{user}:mac",
        protocol=version,
        transport="websockets" if transport == "websockets" else "tcp",
        reconnect_on_failure=False,
    )
    client.username_pw_set(user, broker.mint(user, "mac"))
    client.on_connect = lambda *event: answers.put(event[3])
    control = broker.control
    client.connect(control.host, control.ws_port if transport == "websockets" else control.tcp_port)
    client.loop_start()
    try:
        assert str(answers.get(timeout=PATIENCE)) == "Not authorized"
    finally:
        client.loop_stop()
        client.disconnect()
