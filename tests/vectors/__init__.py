"""Tables that the Python and TypeScript tests share, as JSON files."""

import json
from pathlib import Path
from typing import Any


def load(name: str) -> Any:
    """Read ``tests/vectors/{name}.json``."""
    return json.loads((Path(__file__).parent / f"{name}.json").read_text(encoding="utf-8"))
