"""Many devices report progress while bridge workers are killed; at the end the books are checked."""

import asyncio
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial

from mqtt_bridge.errors import PublishRefusedError
from mqtt_bridge.messages import UpdateProgressMessage
from mqtt_bridge.topics import UplinkTopic

from .bridge import Device, eventually
from .conftest import TestBroker
from .processes import BridgeProcess

RETRY_AFTER = 2.0
"""Seconds that a device waits for an ACK before it sends the same again; also the message's expiry."""
PACE = 0.05
"""Seconds between two updates of a shoot: the broker lets a device publish 50 times a second."""


@dataclass
class Report:
    """What was counted, and what was wrong."""

    updates: int = 0
    resends: int = 0
    kills: int = 0
    seconds: float = 0.0
    duplicates: int = 0
    """Deliveries with an id that the receiver had seen."""
    faults: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        return (
            f"{self.updates} updates acknowledged in {self.seconds:.1f} s, {self.kills} kills, "
            f"{self.resends} resends, {self.duplicates} duplicates, {len(self.faults)} faults"
        )


class _Reporter:
    """A device that has one update per shoot in flight and keeps it until it is acknowledged."""

    def __init__(self, device: Device, report: Report) -> None:
        self.device = device
        self.last: dict[str, str] = {}
        """The id of the newest update, by shoot."""
        self.acknowledged: set[str] = set()
        self._report = report
        self._publishing = asyncio.Lock()

    async def drive(self, shoot: str, updates: int) -> None:
        for done in range(1, updates + 1):
            status = "completed" if done == updates else "processing"
            update = self.device.update(shoot, done, total_count=updates, status=status)
            self.last[shoot] = update.id
            while not await self._deliver(update):
                self._report.resends += 1
            self.acknowledged.add(update.id)
            self._report.updates += 1
            await asyncio.sleep(PACE)

    async def _deliver(self, update: UpdateProgressMessage) -> bool:
        topic = str(UplinkTopic(self.device.user, self.device.name, "update-progress"))
        try:
            await self.device.connection.publish(topic, update.to_json(), expiry=int(RETRY_AFTER))
        except PublishRefusedError:  # too many a second
            await asyncio.sleep(1.0)
            return False
        return await self.device.acked_within(RETRY_AFTER, update.id)


async def run(
    broker: TestBroker,
    workers: Sequence[BridgeProcess],
    *,
    users: Sequence[str],
    shoots_per_device: int,
    updates_per_shoot: int,
    kills: int,
    time_limit: float = 60.0,
) -> Report:
    """Two devices per user report, and see what the other reports; workers are killed meanwhile."""
    report = Report()
    reporters = [
        _Reporter(await Device.online(broker, user, name), report)
        for user in users
        for name in ("mac", "pad")
    ]
    total = len(reporters) * shoots_per_device * updates_per_shoot
    started = time.monotonic()
    driving = asyncio.gather(
        *(
            reporter.drive(f"{reporter.device.name}-{number}", updates_per_shoot)
            for reporter in reporters
            for number in range(shoots_per_device)
        )
    )
    for kill in range(kills):
        due = total * (kill + 1) // (kills + 1)
        await eventually(partial(_has_reached, report, due), within=time_limit)
        worker = workers[kill % len(workers)]
        worker.kill()
        worker.start()
        report.kills += 1
    await asyncio.wait_for(driving, time_limit)
    report.seconds = time.monotonic() - started
    for user in users:
        await _check(broker, user, [each for each in reporters if each.device.user == user], report)
    return report


async def _check(broker: TestBroker, user: str, reporters: list[_Reporter], report: Report) -> None:
    acknowledged = set().union(*(each.acknowledged for each in reporters))
    last = {shoot: message_id for each in reporters for shoot, message_id in each.last.items()}
    for reporter in reporters:
        observer = reporter.device
        await observer.until(partial(_has_seen, observer, set(last.values())))
        seen = Counter(message["id"] for message in observer.of("SHOOT_PROGRESS"))
        report.duplicates += seen.total() - len(seen)
        if missing := acknowledged - set(seen):
            report.faults.append(f"{user}/{observer.name} did not see {len(missing)} acknowledged updates")
        if unknown := set(seen) - acknowledged:
            report.faults.append(f"{user}/{observer.name} saw {len(unknown)} ids that nobody sent")
        report.faults += [f"{user}/{observer.name}: {fault}" for fault in _steps_back(observer)]
    late = await Device.online(broker, user, "late")
    await late.until(lambda: len(late.of("SHOOT_PROGRESS")) >= len(last))
    retained = {message["data"]["shootId"]: message["id"] for message in late.of("SHOOT_PROGRESS")}
    if retained != last:
        report.faults.append(f"{user}: what is retained is not the last update of every shoot")
    await late.connection.close()


def _has_reached(report: Report, updates: int) -> bool:
    return report.updates >= updates


def _has_seen(observer: Device, ids: set[str]) -> bool:
    return ids <= {message["id"] for message in observer.of("SHOOT_PROGRESS")}


def _steps_back(observer: Device) -> list[str]:
    """Where progress goes back for a receiver that does nothing but drop the ids it has seen."""
    faults = []
    seen: set[str] = set()
    progress: dict[str, int] = {}
    for message in observer.of("SHOOT_PROGRESS"):
        if message["id"] in seen:
            continue
        seen.add(message["id"])
        shoot, done = message["data"]["shootId"], message["data"]["processedCount"]
        if done <= progress.get(shoot, 0):
            faults.append(f"{shoot} went from {progress[shoot]} to {done}")
        progress[shoot] = done
    return faults
