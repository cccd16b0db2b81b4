"""Device clients against a real broker: who hands out sessions, who watches, and whose time it is."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from typing import Any, TypeVar

from mqtt_bridge.client import SyncClient
from mqtt_bridge.events import ClientEvent, Event, Resync
from mqtt_bridge.messages import (
    DeviceConnectedMessage,
    DeviceDisconnected,
    DeviceDisconnectedMessage,
    DisconnectReason,
)
from mqtt_bridge.session import SessionAnswer, SessionRequest, Terms, device_session
from mqtt_bridge.timing import Timing
from mqtt_bridge.topics import user_devices

from .conftest import TestBroker
from .link import PATIENCE

_E = TypeVar("_E")


class SteppedTiming(Timing):
    """Time that passes when a test says so; chance that is always the same."""

    def __init__(self, random: float = 0.5) -> None:
        self._now = 1000.0
        self._random = random
        self._sleepers: list[tuple[float, asyncio.Future[None]]] = []
        self.slept: list[float] = []
        """How long each wait was, in the order in which they began."""

    def now(self) -> float:
        return self._now

    def random(self) -> float:
        return self._random

    async def sleep(self, delay: float) -> None:
        self.slept.append(delay)
        wakened: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        sleeper = self._now + delay, wakened
        self._sleepers.append(sleeper)
        try:
            await wakened
        finally:
            self._sleepers.remove(sleeper)

    async def advance(self, seconds: float) -> None:
        """Let time pass; who sleeps wakes when it is due, and may sleep again."""
        end = self._now + seconds
        while True:
            for _ in range(5):  # Who was woken gets the time to lie down again.
                await asyncio.sleep(0)
            due = [sleeper for sleeper in self._sleepers if not sleeper[1].done() and sleeper[0] <= end]
            if not due:
                self._now = end
                return
            when, wakened = min(due, key=lambda sleeper: sleeper[0])
            self._now = max(self._now, when)
            wakened.set_result(None)

    async def advance_until(self, condition: Callable[[], object]) -> None:
        """Let time pass until the condition is true, giving other processes real time in between."""
        async with asyncio.timeout(PATIENCE):
            while not condition():
                await self.advance(1)
                await asyncio.sleep(0.01)

    async def jump(self, seconds: float) -> None:
        """Let the machine sleep: time passes and nobody wakes before its end."""
        self._now += seconds
        await self.advance(0)


class Sessions:
    """Hands out sessions, as the functions do."""

    def __init__(
        self, broker: TestBroker, *, transport: str = "tcp", port: int | None = None, **terms: Any
    ) -> None:
        host = broker.control.host
        url = (
            f"ws://{host}:{port or broker.control.ws_port}/mqtt"
            if transport == "websockets"
            else f"mqtt://{host}:{port or broker.control.tcp_port}"
        )
        self.terms = Terms(**{"key": broker.key, "urls": [url], **terms})
        self.asked: list[SessionRequest] = []
        self.outcome: Exception | None = None
        """Raised instead of an answer."""
        self.signed_in = True
        self.change: Callable[[SessionAnswer], SessionAnswer] = lambda answer: answer

    async def __call__(self, request: SessionRequest) -> SessionAnswer | None:
        self.asked.append(request)
        if self.outcome is not None:
            raise self.outcome
        if not self.signed_in:
            return None
        return self.change(
            device_session(
                self.terms,
                user=request.user_id,
                device=request.device_id,
                name=request.name,
                platform=request.platform,
                app_version=request.app_version,
                last_session=request.last_session,
            )
        )


class App:
    """An app that notes what its client tells it."""

    def __init__(self, client: SyncClient, sessions: Sessions) -> None:
        self.client = client
        self.sessions = sessions
        self.events: list[ClientEvent] = []
        self.ended: BaseException | str | None = "no"
        """What ended the iteration; None: it ended by itself."""

    async def run(self) -> None:
        try:
            async for event in self.client:
                self.events.append(event)
            self.ended = None
        except Exception as exc:
            self.ended = exc

    def all(self, kind: type[_E]) -> list[_E]:
        return [event for event in self.events if isinstance(event, kind)]

    @property
    def resyncs(self) -> list[str]:
        return [event.cause for event in self.all(Resync)]

    def presence_of(self, device: str) -> list[str]:
        """What was told of a device: "connected", or the reason why it left."""
        told = []
        for event in self.all(Event):
            message = event.message
            if isinstance(message, DeviceConnectedMessage) and message.data.device_id == device:
                told.append("connected")
            elif isinstance(message, DeviceDisconnectedMessage) and message.data.device_id == device:
                told.append(message.data.reason)
        return told

    async def until(self, condition: Callable[["App"], object]) -> None:
        """Wait until what was told fulfils the condition."""
        await until(lambda: condition(self), otherwise=self.events)

    async def until_connected(self) -> None:
        """Wait until the device has caught up, and the app has taken all that this brought."""
        await until(lambda: self.client.connected, otherwise=self.events)
        for _ in range(5):
            await asyncio.sleep(0)

    async def until_back(self, timing: SteppedTiming) -> None:
        """Let time pass until the device is connected again."""
        await timing.advance_until(lambda: self.client.connected)
        await self.until_connected()


async def until(condition: Callable[[], object], *, otherwise: object = "") -> None:
    """Wait for what happens in another process, or fail with ``otherwise``."""
    try:
        async with asyncio.timeout(PATIENCE):
            while not condition():
                await asyncio.sleep(0.01)
    except TimeoutError:
        raise AssertionError(f"waited in vain; so far: {otherwise}") from None


def described(user: str, device: str) -> SessionRequest:
    return SessionRequest(user_id=user, device_id=device, name=f"{device} of {user}", platform="mac")


@contextlib.asynccontextmanager
async def running(
    sessions: Sessions, user: str, device: str = "mac", *, timing: Timing | None = None
) -> AsyncIterator[App]:
    """A device that runs, and has caught up unless no session is to be had."""
    async with SyncClient(sessions, device=described(user, device), timing=timing) as client:
        app = App(client, sessions)
        listening = asyncio.create_task(app.run())
        if sessions.outcome is None and sessions.signed_in:
            await app.until_connected()
        try:
            yield app
        finally:
            await client.close()
            await listening


def ended(user: str, session: int, reason: DisconnectReason = "lost") -> DeviceDisconnectedMessage:
    """The end of this user's device ``mac``."""
    data = DeviceDisconnected(device_id="mac", session=session, reason=reason)
    return DeviceDisconnectedMessage(user_id=user, device_id="mac", data=data)


class Watcher:
    """Another device of the user, bare, which notes every presence message as it came."""

    def __init__(self, broker: TestBroker, user: str) -> None:
        self._link = broker.device(user, "watcher")
        self._link.subscribe(user_devices(user), qos=0)
        self.messages: list[DeviceConnectedMessage | DeviceDisconnectedMessage] = []

    def of(self, device: str) -> list[DeviceConnectedMessage | DeviceDisconnectedMessage]:
        for message in self._link.received():
            kind = (
                DeviceConnectedMessage
                if b"DEVICE_CONNECTED" in message.payload
                else DeviceDisconnectedMessage
            )
            self.messages.append(kind.model_validate_json(message.payload))
        return [message for message in self.messages if message.data.device_id == device]

    async def until_born(self, device: str, session: int) -> None:
        def born() -> bool:
            newest = self.of(device)[-1:]
            return (
                bool(newest)
                and isinstance(newest[0], DeviceConnectedMessage)
                and newest[0].data.session == session
            )

        await until(born, otherwise=self.messages)
