"""What ``kull-sync watch`` shows of an event: a line for a person, or JSON for a script."""

import json
import time
from typing import Any

from mqtt_bridge.events import ClientEvent, DeviceRemoved, Event, Resync, Stopped
from mqtt_bridge.messages import (
    AckMessage,
    CreditUpdateMessage,
    DeviceConnectedMessage,
    DeviceDisconnectedMessage,
    ErrorMessage,
    Message,
    PongMessage,
    PromptChangeMessage,
    ShootProgressMessage,
)

from .printable import printable


def as_json(event: ClientEvent) -> str:
    """One line. ``event`` says which kind it is: message, removed, resync or stopped."""
    return json.dumps(_fields(event))


def _fields(event: ClientEvent) -> dict[str, Any]:
    match event:
        case Event():
            return {
                "event": "message",
                "self": event.own,
                "replayed": event.replayed,
                "retained": event.retained,
                "expiresIn": event.expires_in,
                "message": json.loads(event.message.to_json()),
            }
        case DeviceRemoved():
            return {"event": "removed", "deviceId": event.device_id}
        case Resync():
            return {"event": "resync", "cause": event.cause}
        case Stopped():
            return {"event": "stopped", "reason": event.reason, "detail": event.detail}


def as_line(event: ClientEvent) -> str:
    """One line, beginning with the time of day at which it arrived."""
    match event:
        case Event():
            text = f"{event.message.type:<19} {_summary(event.message)}"
            marks = {"own": event.own, "replayed": event.replayed, "retained": event.retained}
            text += "".join(f"  [{mark}]" for mark, is_set in marks.items() if is_set)
        case DeviceRemoved():
            text = f"{'DEVICE_REMOVED':<19} {event.device_id}"
        case Resync():
            text = f"{'RESYNC':<19} {event.cause}: fetch what is shown again"
        case Stopped():
            text = f"{'STOPPED':<19} {event.reason}: {event.detail}"
    return f"{time.strftime('%H:%M:%S')}  {printable(text)}"


def _summary(message: Message) -> str:
    match message:
        case ShootProgressMessage(data=progress):
            text = f"{progress.shoot_id}  {progress.status} {progress.processed_count}/{progress.total_count}"
            for value in (progress.current_image, progress.provider, progress.error):
                text += f"  {value}" if value else ""
            return text + (f"  {progress.eta:g} s to go" if progress.eta is not None else "")
        case CreditUpdateMessage(data=balance):
            return f"balance {balance.new_balance} ({balance.change:+d})  {balance.reason}"
        case PromptChangeMessage(data=change):
            whose = "for everyone" if message.user_id is None else "for this user"
            return f"{change.prompt_id or 'many'} {change.action} {whose}  {change.title or ''}".rstrip()
        case DeviceConnectedMessage(data=device):
            return f"{device.device_id}  {device.name} ({device.platform})"
        case DeviceDisconnectedMessage(data=device):
            return f"{device.device_id}  {device.reason}"
        case AckMessage(data=ack):
            return f"of {ack.in_reply_to}"
        case PongMessage(data=pong):
            return f"of a ping at {pong.sent_at}"
        case ErrorMessage(data=error):
            return f"{error.code}: {error.detail}"
    return ""
