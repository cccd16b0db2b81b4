"""Token renewals at length (``make soak``): a device renews 1,000 times, and nobody sees it go or come."""

import asyncio
import sys
import tempfile
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

from mqtt_bridge.local_broker import LocalBroker
from mqtt_bridge.tokens import SigningKey, write_jwks

from .broker.bridge import Device
from .broker.conftest import TestBroker
from .broker.devices import Sessions, SteppedTiming, running
from .broker.pages import outwait_wills

RENEWALS = 1000
TIME_LIMIT = 600.0
"""Seconds."""
LIFETIME = 100
"""Seconds that a token is good for; the device's time passes faster."""
OPTIONS = {"device_rate": "10000"}
"""Of the broker: a device that renews ten times a second subscribes more often than it would be let."""


@dataclass
class Report:
    """What came of it."""

    renewals: int = 0
    births: int = 0
    """That the broker delivered, one for each connection."""
    faults: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        return f"{self.renewals} renewals, {self.births} births"


async def renew(
    broker: TestBroker,
    user: str,
    *,
    times: int,
    listed_online: Callable[[], Awaitable[bool]] | None = None,
    time_limit: float = TIME_LIMIT,
) -> Report:
    """Let a device renew its token so many times, while another one watches, and the wire is watched too.

    ``listed_online`` asks the device list after each. Raises TimeoutError after ``time_limit`` seconds.
    """
    report = Report()
    timing, sessions = SteppedTiming(), Sessions(broker, lifetime=LIFETIME)
    try:
        async with asyncio.timeout(time_limit):
            wire = await Device.online(broker, user, "wire")
            async with (
                running(Sessions(broker), user, "watcher") as watcher,
                running(sessions, user, "mac", timing=timing) as mac,
            ):

                def births() -> list[int]:
                    own = (message for message in wire.of("DEVICE_CONNECTED") if message["deviceId"] == "mac")
                    return [message["data"]["session"] for message in own]

                for _ in range(times):
                    before = mac.client.session
                    # A token is renewed at 70 to 90 % of its life.
                    await timing.advance(LIFETIME * 0.9)
                    await mac.until(lambda app, before=before: app.client.session != before)  # type: ignore[misc]  # of a default
                    await mac.until_connected()
                    await wire.until(lambda: mac.client.session in births()[-1:])
                    if listed_online is not None and not await listed_online():
                        report.faults.append(f"not listed as online after renewal {report.renewals + 1}")
                    report.renewals += 1
                # The wills of the old connections, had the broker kept them, would speak by now.
                await outwait_wills(broker, user, watcher)

                report.births = len(births())
                if (told := watcher.presence_of("mac")) != ["connected"]:
                    report.faults.append(f"the other device was told {told}")
                if ends := [end for end in wire.of("DEVICE_DISCONNECTED") if end["deviceId"] == "mac"]:
                    report.faults.append(f"{len(ends)} ends of the device on the wire")
                if births() != sorted(set(births())):
                    report.faults.append("the session numbers did not grow with each connection")
                if mac.resyncs != ["no-session"]:
                    report.faults.append(f"the device was told to fetch anew: {mac.resyncs[1:]}")
                if len(sessions.asked) != 1 + times:
                    report.faults.append(f"{len(sessions.asked)} sessions were asked for")
    finally:
        await Device.close_all()
    return report


async def soak(directory: Path) -> Report:
    """Run it on a broker of its own."""
    key = SigningKey.generate()
    jwks_file = directory / "jwks.json"
    write_jwks(jwks_file, key)
    with LocalBroker(directory / "broker", jwks_file=jwks_file, options=OPTIONS) as control:
        return await renew(TestBroker(control, key, jwks_file, []), "ada", times=RENEWALS)


def main() -> int:
    """Print what was counted and what was wrong; 1 when something was."""
    with tempfile.TemporaryDirectory(prefix="kull-sync-soak-") as directory:
        report = asyncio.run(soak(Path(directory)))
    print("\n".join([str(report), *report.faults]))  # noqa: T201  # the report
    return 1 if report.faults else 0


if __name__ == "__main__":
    sys.exit(main())
