"""The command ``kull-sync``. One file per command."""

import sys

from mqtt_bridge.errors import BridgeError


def main() -> None:
    """Run the command named on the command line."""
    try:
        from .app import app
    except ModuleNotFoundError as exc:
        if exc.name not in ("httpx", "rich", "typer"):
            raise
        sys.exit(f"kull-sync needs {exc.name}: pip install 'kull-sync[cli]'")
    try:
        app()
    except BridgeError as exc:
        sys.exit(f"Error: {exc}")
