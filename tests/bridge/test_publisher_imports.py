"""What a function loads at its cold start in order to publish."""

import subprocess
import sys


def test_the_publisher_starts_without_the_device_clients_library() -> None:
    """aiomqtt and paho serve the device client and the bridge; loading them takes longer than a publish."""
    code = "import sys, mqtt_bridge.publisher; print(*sorted({name.split('.')[0] for name in sys.modules}))"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout

    assert "mqtt_bridge" in loaded.split()
    assert not {"aiomqtt", "paho"} & set(loaded.split())
