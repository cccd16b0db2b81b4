"""How a device leaves, and what the others see: killed, frozen, quit, or not at all."""

import contextlib
import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from mqtt_bridge.events import Event
from mqtt_bridge.messages import DeviceDisconnectedMessage
from mqtt_bridge.session import device_session

from .conftest import TestBroker
from .devices import App, Sessions, SteppedTiming, running, until
from .proxy import proxied

ROOT = Path(__file__).parents[2]
KEEPALIVE = 2
"""Seconds. 1.5 times of it, the will delay of 5 s and a look every 5 s (Mosquitto 2.0) make 13 s at most."""


@contextlib.contextmanager
def process(broker: TestBroker, user: str, device: str) -> Iterator[subprocess.Popen[str]]:
    """The device in a process that is killed at the end."""
    terms = Sessions(broker, keepalive=KEEPALIVE).terms
    answer = device_session(terms, user=user, device=device, name="Mac", platform="mac")
    with subprocess.Popen(
        [sys.executable, "-m", "tests.broker.device_process"],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as running_process:
        try:
            assert running_process.stdin is not None
            assert running_process.stdout is not None
            running_process.stdin.write(answer.model_dump_json() + "\n")
            running_process.stdin.flush()
            assert running_process.stdout.readline() == "ready\n"
            yield running_process
        finally:
            running_process.kill()


def _end(app: App) -> Event:
    return next(event for event in app.all(Event) if isinstance(event.message, DeviceDisconnectedMessage))


@pytest.mark.parametrize(
    ("how", "reason"),
    [
        pytest.param(signal.SIGKILL, "lost", id="killed"),
        pytest.param(signal.SIGSTOP, "lost", id="frozen"),
        pytest.param(signal.SIGINT, "closed", id="Ctrl-C"),
    ],
)
async def test_the_others_see_how_a_device_leaves(
    broker: TestBroker, user: str, how: signal.Signals, reason: str
) -> None:
    """Killed or frozen, it is lost: the broker says so in its place. When it is quit, it says goodbye."""
    async with running(Sessions(broker), user, "watcher") as watcher:
        with process(broker, user, "mac") as device:
            await watcher.until(lambda app: app.presence_of("mac") == ["connected"])
            device.send_signal(how)
            await watcher.until(lambda app: app.presence_of("mac") == ["connected", reason])
        end = _end(watcher)

    assert not end.own
    # Retained for 30 days from when it fired: the age of the will says since when the device is gone.
    assert end.expires_in == 2_592_000


async def test_blip_shorter_than_the_will_delay_is_not_seen(broker: TestBroker, user: str) -> None:
    """A connection that breaks and comes back shows nothing to the others (guarantee 5)."""
    timing = SteppedTiming()
    async with (
        running(Sessions(broker), user, "watcher") as watcher,
        proxied(broker.control.tcp_port) as proxy,
        running(Sessions(broker, port=proxy.port), user, "mac", timing=timing) as mac,
    ):
        await watcher.until(lambda app: app.presence_of("mac") == ["connected"])
        proxy.cut()
        await mac.until(lambda app: not app.client.connected)
        await mac.until_back(timing)
        # A second device that is killed now is lost after the same delay: until then nothing else was told.
        with process(broker, user, "phone") as device:
            await watcher.until(lambda app: app.presence_of("phone") == ["connected"])
            device.kill()
            await watcher.until(lambda app: app.presence_of("phone") == ["connected", "lost"])

        assert watcher.presence_of("mac") == ["connected"]


async def test_killed_device_comes_back_as_itself(broker: TestBroker, user: str) -> None:
    """The next run is told to fetch anew, and its birth is believed although the old run's will follows."""
    async with running(Sessions(broker), user, "watcher") as watcher:
        with process(broker, user, "mac") as device:
            await watcher.until(lambda app: app.presence_of("mac") == ["connected"])
            device.kill()
            device.wait()
        sessions = Sessions(broker)
        async with running(sessions, user, "mac") as mac:
            assert mac.resyncs == ["foreign-session"]
            functions = broker.functions()
            session = mac.client.session
            assert session is not None
            late_will = {
                "type": "DEVICE_DISCONNECTED",
                "id": "late",
                "timestamp": 0,
                "userId": user,
                "deviceId": "mac",
                "data": {"deviceId": "mac", "session": session - 1000, "reason": "lost"},
            }
            topic = f"sync/v1/users/{user}/devices/mac"
            functions.publish(topic, json.dumps(late_will), retain=True)
            functions.disconnect()
            late_watcher = broker.device(user, "late-watcher")
            late_watcher.subscribe(topic.replace("/mac", "/+"), qos=0)
            seen: list[int] = []

            def reborn() -> bool:
                for message in late_watcher.received():
                    body = json.loads(message.payload)
                    if body["type"] == "DEVICE_CONNECTED" and body["deviceId"] == "mac":
                        seen.append(body["data"]["session"])
                return session in seen

            await until(reborn, otherwise=seen)
            late_watcher.disconnect()
            assert watcher.presence_of("mac") == ["connected"]
