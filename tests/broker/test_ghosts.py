"""Ghosts: however a device goes and comes back, the user's other devices and the device list tell the truth.

Elsewhere: devices that outbid another run (``test_client_standing``), sign-outs (``test_devices``), and what
a worker sweeps when (``test_worker_sweep``).
"""

import asyncio
import contextlib
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from mqtt_bridge import tokens
from mqtt_bridge.events import Event
from mqtt_bridge.local_broker import LocalBroker
from mqtt_bridge.messages import DeviceConnectedMessage, DeviceDisconnectedMessage, now_ms
from mqtt_bridge.session import SessionAnswer, device_session
from mqtt_bridge.sweep import SWEEP_AFTER
from mqtt_bridge.topics import PresenceTopic
from tests.renewals import OPTIONS, renew

from .bridge import working
from .conftest import StartBroker, TestBroker
from .devices import App, Sessions, SteppedTiming, ended, running, until
from .link import PATIENCE
from .pages import Page, outwait_wills
from .proxy import proxied
from .test_devices import Connect, client, connect, listed, until_online
from .test_worker_sweep import until_the_wait_begins

__all__ = ["client", "connect"]

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


async def both_say(watcher: App, client: httpx.AsyncClient, user: str, device: str, told: list[str]) -> None:
    """A second device was told this of the device and no more, and the list says the last of it."""
    await watcher.until(lambda app: app.presence_of(device) == told)
    entry = (await listed(client, user))[device]
    assert (entry["online"], entry.get("reason", "connected")) == (told[-1] == "connected", told[-1])


def _end(app: App, device: str) -> Event:
    for event in app.all(Event):
        if isinstance(event.message, DeviceDisconnectedMessage) and event.message.device_id == device:
            return event
    raise AssertionError(f"{device} is still there")


@pytest.mark.parametrize(
    ("how", "reason"),
    [
        pytest.param(signal.SIGKILL, "lost", id="killed"),
        pytest.param(signal.SIGSTOP, "lost", id="frozen"),
        pytest.param(signal.SIGINT, "closed", id="Ctrl-C"),
    ],
)
async def test_device_that_leaves(
    broker: TestBroker, client: httpx.AsyncClient, user: str, how: signal.Signals, reason: str
) -> None:
    """Killed or frozen, it is lost: the broker says so in its place. When it is quit, it says goodbye."""
    async with running(Sessions(broker), user, "watcher") as watcher:
        with process(broker, user, "mac") as device:
            await both_say(watcher, client, user, "mac", ["connected"])
            device.send_signal(how)
            await both_say(watcher, client, user, "mac", ["connected", reason])
        end = _end(watcher, "mac")

    assert not end.own
    # Retained for 30 days from when it fired: the age of the will says since when the device is gone.
    assert end.expires_in == PresenceTopic.expiry


async def test_blip_shorter_than_the_will_delay(
    broker: TestBroker, client: httpx.AsyncClient, user: str
) -> None:
    """A connection that breaks and comes back shows nothing to the others (guarantee 5)."""
    timing = SteppedTiming()
    async with (
        running(Sessions(broker), user, "watcher") as watcher,
        proxied(broker.control.tcp_port) as proxy,
        running(Sessions(broker, port=proxy.port), user, "mac", timing=timing) as mac,
    ):
        await both_say(watcher, client, user, "mac", ["connected"])
        proxy.cut()
        await mac.until(lambda app: not app.client.connected)
        await mac.until_back(timing)
        await outwait_wills(broker, user, watcher)

        await both_say(watcher, client, user, "mac", ["connected"])


async def test_take_over(broker: TestBroker, client: httpx.AsyncClient, user: str) -> None:
    """Two runs with one client id end each other's connection; the device was there all the time."""
    timing = SteppedTiming()
    async with (
        running(Sessions(broker), user, "watcher") as watcher,
        running(Sessions(broker), user, "mac", timing=timing) as one,
    ):
        await both_say(watcher, client, user, "mac", ["connected"])
        async with running(Sessions(broker), user, "mac", timing=SteppedTiming()) as other:
            await one.until(lambda one: not one.client.connected)
            await both_say(watcher, client, user, "mac", ["connected"])
            await one.until_back(timing)
            await other.until(lambda other: not other.client.connected)
            await outwait_wills(broker, user, watcher)

            await both_say(watcher, client, user, "mac", ["connected"])


async def test_one_token_for_three_connects(broker: TestBroker, client: httpx.AsyncClient, user: str) -> None:
    """Each has a number of its own: it is believed when it comes after an end, and so is its own end."""

    def impatient(answer: SessionAnswer) -> SessionAnswer:
        assert answer.will is not None
        return answer.model_copy(update={"will": answer.will.model_copy(update={"delay": 0})})

    timing = SteppedTiming()
    async with (
        running(Sessions(broker), user, "watcher") as watcher,
        proxied(broker.control.tcp_port) as proxy,
    ):
        sessions = Sessions(broker, port=proxy.port)
        sessions.change = impatient
        async with running(sessions, user, "mac", timing=timing) as mac:
            for connects in (1, 2, 3):
                before = ["connected", "lost"] * (connects - 1)
                await both_say(watcher, client, user, "mac", [*before, "connected"])
                proxy.cut()
                await both_say(watcher, client, user, "mac", [*before, "connected", "lost"])
                if connects < 3:
                    await mac.until_back(timing)

    assert len(sessions.asked) == 1


@pytest.mark.parametrize("run", ["the same run", "another run"])
async def test_host_with_a_slow_clock(
    broker: TestBroker, client: httpx.AsyncClient, user: str, run: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It mints a number from an hour ago unless told the last one; a run that forgot it reads it first."""
    next_session, hour_ago = tokens.next_session, now_ms() - 3_600_000

    def slow(last_known: int | None = None) -> int:
        return next_session(last_known, now=hour_ago)

    timing, sessions = SteppedTiming(), Sessions(broker, lifetime=1000)
    async with running(Sessions(broker), user, "watcher") as watcher:
        async with running(sessions, user, "mac", timing=timing) as mac:
            await both_say(watcher, client, user, "mac", ["connected"])
            first = mac.client.session
            monkeypatch.setattr(tokens, "next_session", slow)
            if run == "the same run":
                await timing.advance(900)
                await mac.until(lambda app: app.client.connected and app.client.session != first)
                assert mac.client.session == (first or 0) + tokens.SESSION_STEP
                await until_online(client, user, "mac")
                assert watcher.presence_of("mac") == ["connected"]
        await both_say(watcher, client, user, "mac", ["connected", "closed"])
        if run == "another run":
            asked = len(sessions.asked)
            async with running(sessions, user, "mac"):
                await both_say(watcher, client, user, "mac", ["connected", "closed", "connected"])
                assert [request.last_session for request in sessions.asked[asked:]] == [None, first]
            await both_say(watcher, client, user, "mac", ["connected", "closed", "connected", "closed"])


async def test_killed_device_comes_back_as_itself(
    broker: TestBroker, client: httpx.AsyncClient, user: str
) -> None:
    """The next run is told to fetch anew, and its birth is believed although the old run's will follows."""
    async with running(Sessions(broker), user, "watcher") as watcher:
        with process(broker, user, "mac") as device:
            await both_say(watcher, client, user, "mac", ["connected"])
            device.kill()
            device.wait()
        async with running(Sessions(broker), user, "mac") as mac:
            assert mac.resyncs == ["foreign-session"]
            session = mac.client.session
            assert session is not None
            with broker.functions() as functions:
                late_will = ended(user, session - 1000).to_json()
                functions.publish(str(PresenceTopic(user, "mac")), late_will, retain=True)
            # It says that it lives, for those who come later.
            await until_online(client, user, "mac")
            async with running(Sessions(broker), user, "latecomer") as latecomer:
                await both_say(latecomer, client, user, "mac", ["connected"])
            await both_say(watcher, client, user, "mac", ["connected"])


async def test_page_that_is_closed(broker: TestBroker, client: httpx.AsyncClient, user: str) -> None:
    """Nobody knows that it will not come back, so its will speaks; when it is opened again it is there."""
    async with running(Sessions(broker), user, "watcher") as watcher:
        page = await Page.open(broker, user, "web")
        await both_say(watcher, client, user, "web", ["connected"])
        await page.close()
        await both_say(watcher, client, user, "web", ["connected", "lost"])
        again = await Page.open(broker, user, "web", last_session=page.session)
        await both_say(watcher, client, user, "web", ["connected", "lost", "connected"])
        await again.close()


async def test_page_that_is_loaded_anew(broker: TestBroker, client: httpx.AsyncClient, user: str) -> None:
    """A reload is no goodbye: it is back before its will would speak, and nothing is shown."""
    async with running(Sessions(broker), user, "watcher") as watcher:
        page = await Page.open(broker, user, "web")
        await both_say(watcher, client, user, "web", ["connected"])
        for _ in range(3):
            await page.close()
            page = await Page.open(broker, user, "web", last_session=page.session)
        await outwait_wills(broker, user, watcher)

        await both_say(watcher, client, user, "web", ["connected"])
        await page.close()


async def test_app_that_is_uninstalled(broker: TestBroker, client: httpx.AsyncClient, user: str) -> None:
    """A device that never comes back is lost, and forgotten when its will expires: here not after 30 days."""
    async with running(Sessions(broker), user, "watcher") as watcher:
        phone = await Page.open(broker, user, "phone", will_expiry=2)
        await both_say(watcher, client, user, "phone", ["connected"])
        await phone.close()
        await watcher.until(lambda app: app.presence_of("phone") == ["connected", "lost"])
        async with asyncio.timeout(PATIENCE):
            while "phone" in await listed(client, user):
                await asyncio.sleep(0.1)
        async with running(Sessions(broker), user, "latecomer") as latecomer:
            await latecomer.until(lambda app: app.presence_of("watcher") == ["connected"])
            assert latecomer.presence_of("phone") == []


async def until_kept(broker: TestBroker, *devices: App) -> None:
    """Wait until a crash of the broker would not lose the births of these devices.

    Mosquitto 2.0 writes its store every 5 s; 2.1 does before it acknowledges.
    """
    if not isinstance(broker.control, LocalBroker):
        return
    births = [
        event.message.id.encode()
        for device in devices
        for event in device.all(Event)
        if event.own and isinstance(event.message, DeviceConnectedMessage)
    ]
    assert len(births) == len(devices)
    store = broker.jwks_file.with_name("data")

    def kept() -> bool:
        # Until it is whole, what 2.0 writes is called .new, and is not read after a crash.
        files = (path for path in store.glob("mosquitto.*") if path.suffix != ".new")
        written = b"".join(path.read_bytes() for path in files)
        return all(birth in written for birth in births)

    await until(kept, otherwise=sorted(store.iterdir()))


async def test_crash_of_the_broker(start_broker: StartBroker, connect: Connect, user: str) -> None:
    """No will speaks. Half of the devices return, the worker ends the others, and one returns after all."""
    broker = start_broker()
    client = connect(broker)
    names = [f"device-{number}" for number in range(6)]
    async with contextlib.AsyncExitStack() as stack:
        timings = {name: SteppedTiming() for name in ["watcher", *names]}
        apps = {
            name: await stack.enter_async_context(running(Sessions(broker), user, name, timing=timing))
            for name, timing in timings.items()
        }
        watcher = apps["watcher"]
        for name in apps:
            await both_say(watcher, client, user, name, ["connected"])
            await until(lambda name=name: apps[name].presence_of(name) == ["connected"])  # type: ignore[misc]  # of a default
        sweeping = SteppedTiming()
        worker = await stack.enter_async_context(working(broker, timing=sweeping))
        await until_the_wait_begins(worker, sweeping, 1)
        await until_kept(broker, *apps.values())

        await asyncio.to_thread(broker.restart, crash=True)

        for name in ["watcher", *names[:3]]:
            await apps[name].until(lambda app: not app.client.connected)
            await apps[name].until_back(timings[name])
        await until_the_wait_begins(worker, sweeping, 2)
        for name in names:
            # Who is still missing may yet come.
            await both_say(watcher, client, user, name, ["connected"])
        await sweeping.advance(SWEEP_AFTER)
        for name in names[3:]:
            await both_say(watcher, client, user, name, ["connected", "broker-restart"])
        for name in names[:3]:
            await both_say(watcher, client, user, name, ["connected"])
        await apps[names[3]].until_back(timings[names[3]])
        await both_say(watcher, client, user, names[3], ["connected", "broker-restart", "connected"])


async def test_tokens_that_are_renewed(start_broker: StartBroker, connect: Connect, user: str) -> None:
    """Each renewal is a new connection with a new birth; to the others the device has been there all along.

    `make soak` does the same 1,000 times.
    """
    broker = start_broker(options=OPTIONS)
    client = connect(broker)

    async def online() -> bool:
        return bool((await listed(client, user))["mac"]["online"])

    report = await renew(broker, user, times=25, listed_online=online)

    assert report.faults == []
    assert (report.renewals, report.births) == (25, 26)
