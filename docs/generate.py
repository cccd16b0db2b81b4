"""Writes the generated pages: ``python -m docs.generate``. With ``--check`` it only says which are stale."""

import json
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

from functions.app import openapi
from mqtt_bridge import asyncapi, schemas

TARGET = Path(__file__).parent / "api"


def pages() -> dict[str, dict[str, Any]]:
    """Every generated page by file name."""
    release = version("kull-sync")
    return {
        "messages.schema.json": schemas.document(),
        "asyncapi.json": asyncapi.document(release),
        "openapi.json": openapi(),
    }


def stale() -> list[str]:
    """Names of the pages whose file is not what the code says now."""
    return [name for name, page in pages().items() if _read(TARGET / name) != _text(page)]


def write() -> None:
    """Write all pages."""
    TARGET.mkdir(exist_ok=True)
    for name, page in pages().items():
        (TARGET / name).write_text(_text(page), encoding="utf-8")


def _text(page: dict[str, Any]) -> str:
    return json.dumps(page, indent=2, ensure_ascii=False) + "\n"


def _read(path: Path) -> str | None:
    return path.read_text(encoding="utf-8") if path.exists() else None


if __name__ == "__main__":
    if "--check" not in sys.argv[1:]:
        write()
    elif names := stale():
        sys.exit(f"stale: {', '.join(names)}; run `make generate`")
