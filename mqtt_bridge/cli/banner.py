"""What ``kull-sync dev`` shows once all runs: where everything is, tokens, and something to paste."""

import shlex
import sys
from pathlib import Path

from .log import MergedLog
from .running import RunningDev
from .token import SCOPES, AppAuth

USER = "ada"
LIFETIME = 12 * 3600
"""Seconds that the tokens shown are good for: a working day."""

_EVENT = (
    f'{{"userId": "{USER}", "shootId": "wedding-17", "status": "processing", '
    '"processedCount": 120, "totalCount": 3000}'
)


def show_banner(log: MergedLog, dev: RunningDev, mqtt_url: str, ws_url: str) -> None:
    """Print it. The tokens are good for this ``dev`` alone: its secret goes with it."""
    auth = AppAuth(dev.auth_issuer, dev.auth_audience, dev.auth_secret)
    user_token = auth.mint(USER, lifetime=LIFETIME)
    service_token = auth.mint("dev-service", scopes=SCOPES, lifetime=LIFETIME)
    command = shlex.quote(str(Path(sys.argv[0]).absolute()))

    def line(text: str = "") -> None:
        log.say(text)

    line()
    log.say("kull-sync runs. Ctrl-C ends it and leaves nothing behind.", "bold green")
    line()
    line(f"  Demo         {dev.url}/")
    line(f"  Tester       {dev.url}/tester")
    line(f"  HTTP         {dev.url}")
    line(f"  MQTT         {mqtt_url}")
    line(f"  WebSocket    {ws_url}")
    line()
    line("Watch as a device, in another terminal:")
    line()
    line(f"  {command} watch --user {USER} --device mac-1")
    line()
    line("Move something, from a third:")
    line()
    line(f"  curl -sS -X POST {dev.url}/api/sync/shoot-progress \\")
    line(f"    -H 'Authorization: Bearer {service_token}' \\")
    line("    -H 'Content-Type: application/json' \\")
    line(f"    -d '{_EVENT}'")
    line()
    line(f"For other clients: the user {USER}, and a service that may do everything, for 12 hours.")
    line()
    line(f"  export KULL_SYNC_URL={dev.url}")
    line(f"  export USER_TOKEN={user_token}")
    line(f"  export SERVICE_TOKEN={service_token}")
    line()
