"""Pages of a browser against a real broker: they announce themselves, and go without a goodbye."""

from dataclasses import dataclass

from mqtt_bridge.connection import Connection
from mqtt_bridge.lease import Lease
from mqtt_bridge.session import device_session
from mqtt_bridge.topics import PresenceTopic

from .conftest import TestBroker
from .devices import App, Sessions
from .link import PATIENCE

WITH_WILL = 0x04
"""Disconnect with Will Message (MQTT 5, 3.14.2.1): what a page says when it is closed."""


@dataclass(frozen=True, slots=True)
class Page:
    """An open page of the web app, as far as presence goes."""

    connection: Connection
    session: int

    @classmethod
    async def open(
        cls,
        broker: TestBroker,
        user: str,
        device: str,
        *,
        last_session: int | None = None,
        will_expiry: int = PresenceTopic.expiry,
    ) -> "Page":
        """Opened, and announced. ``last_session`` is what it kept from before it was loaded anew."""
        answer = device_session(
            Sessions(broker, transport="websockets").terms,
            user=user,
            device=device,
            name="Browser",
            platform="web",
            last_session=last_session,
        )
        lease = Lease(answer, asked_at=0, random=0)
        lease.will_template = lease.will_template.model_copy(update={"expiry": will_expiry})
        session = lease.next_session()
        connection = await Connection.open(
            lease.url,
            client_id=answer.client_id,
            username=answer.username,
            password=answer.token,
            keepalive=answer.keepalive,
            timeout=PATIENCE,
            session_expiry=answer.session_expiry,
            will=lease.will(session),
        )
        birth = lease.birth.fill(session=session, epoch="boot")
        await connection.publish(
            lease.topics.presence, birth.to_json(), retain=True, expiry=PresenceTopic.expiry
        )
        return cls(connection, session)

    async def close(self) -> None:
        """Closed, or about to be loaded anew: the page does not know which."""
        await self.connection.close(reason=WITH_WILL)


async def outwait_wills(broker: TestBroker, user: str, watcher: App) -> None:
    """Wait until the broker has let every will speak that waits now, by one that waits behind them."""
    page = await Page.open(broker, user, "last")
    await watcher.until(lambda app: app.presence_of("last")[-1:] == ["connected"])
    await page.close()
    await watcher.until(lambda app: app.presence_of("last")[-1:] == ["lost"])
