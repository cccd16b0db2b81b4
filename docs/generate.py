"""Writes the generated files: ``python -m docs.generate``. With ``--check`` it only says which are stale."""

import json
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

from docs import generate_ts
from functions.app import openapi
from mqtt_bridge import asyncapi, schemas

ROOT = Path(__file__).parent.parent


def pages() -> dict[str, str]:
    """The text of every generated file by its path in the repository."""
    release = version("kull-sync")
    return {
        "docs/api/messages.schema.json": _json(schemas.document()),
        "docs/api/asyncapi.json": _json(asyncapi.document(release)),
        "docs/api/openapi.json": _json(openapi()),
        "web/src/client/wire.generated.ts": generate_ts.document(),
    }


def stale() -> list[str]:
    """Paths of the files that are not what the code says now."""
    return [path for path, text in pages().items() if _read(ROOT / path) != text]


def write() -> None:
    """Write all files."""
    for path, text in pages().items():
        (ROOT / path).parent.mkdir(parents=True, exist_ok=True)
        (ROOT / path).write_text(text, encoding="utf-8")


def _json(page: dict[str, Any]) -> str:
    return json.dumps(page, indent=2, ensure_ascii=False) + "\n"


def _read(path: Path) -> str | None:
    return path.read_text(encoding="utf-8") if path.exists() else None


if __name__ == "__main__":
    if "--check" not in sys.argv[1:]:
        write()
    elif paths := stale():
        sys.exit(f"stale: {', '.join(paths)}; run `make generate`")
