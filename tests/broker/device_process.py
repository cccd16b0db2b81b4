"""A device in a process of its own, for tests that kill it: reads a session answer, says when it is ready."""

import asyncio
import sys

from mqtt_bridge.client import SyncClient
from mqtt_bridge.events import Event
from mqtt_bridge.messages import DeviceConnectedMessage
from mqtt_bridge.session import SessionAnswer, SessionRequest


async def main() -> None:
    answer = SessionAnswer.model_validate_json(sys.stdin.readline())
    assert answer.user_id is not None
    assert answer.device_id is not None

    async def get_session(_: SessionRequest) -> SessionAnswer:
        return answer

    device = SessionRequest(user_id=answer.user_id, device_id=answer.device_id, name="Mac", platform="mac")
    async with SyncClient(get_session, device=device) as client:
        async for event in client:
            if isinstance(event, Event) and event.own and isinstance(event.message, DeviceConnectedMessage):
                sys.stdout.write("ready\n")
                sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(main())
