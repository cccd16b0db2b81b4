"""What a cold start pays for: the publish functions import no framework, and no client but their own."""

import json
import subprocess
import sys

import pytest

PUBLISH = ["shoot_progress", "credit_update", "prompt_change", "batch"]
TOO_HEAVY = [
    "fastapi",
    "starlette",
    "anyio",
    "httpx",
    "uvicorn",
    "aiomqtt",
    "paho",
    "pydantic_settings",
    "boto3",
]


@pytest.mark.parametrize("function", PUBLISH)
def test_a_publish_function_imports_no_framework(function: str) -> None:
    """FastAPI alone takes longer to import than everything else together."""
    script = f"import sys, json, functions.{function}; print(json.dumps([*sys.modules]))"
    found = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60
    )
    imported = set(json.loads(found.stdout))

    assert f"functions.{function}" in imported
    assert [name for name in TOO_HEAVY if name in imported] == []
    # The models of sessions, and the reading of presence that a device needs, are other functions' business.
    assert "mqtt_bridge.session" not in imported
