"""Events of AWS that carry an HTTP request, from the files in ``events/``."""

import json
from pathlib import Path
from typing import Any

from tests.functions.callers import PROMPT_CHANGE, token

EVENTS = Path(__file__).parent / "events"
SCOPES = "sync:publish sync:session sync:devices sync:erase"


POSTED = sorted(path.stem for path in (EVENTS / "posted").iterdir())
"""The same post, as each of AWS's services hands it on."""
ASKED = sorted(path.stem for path in (EVENTS / "asked").iterdir())
"""The same GET of devices; the user's id has characters that a query must encode."""


def event(name: str, *, bearer: str | None = None) -> dict[str, Any]:
    """The event of this file, sent by a service unless another token is given."""
    text = (EVENTS / f"{name}.json").read_text()
    found: dict[str, Any] = json.loads(text.replace("$TOKEN", bearer or token("billing", SCOPES)))
    return found


def request(
    method: str, path: str, body: Any = None, *, query: str = "", bearer: str | None = None, **headers: str
) -> dict[str, Any]:
    """Another request in the form of an HTTP API, payload format 2.0."""
    made = event("posted/http-api", bearer=bearer)
    made |= {"rawPath": path, "rawQueryString": query, "body": None if body is None else json.dumps(body)}
    made["requestContext"]["http"] |= {"method": method, "path": path}
    made["headers"] |= headers
    return made


def prompt_change(user: str, title: str) -> dict[str, Any]:
    """A post whose event the user's devices get at QoS 1."""
    return request("POST", PROMPT_CHANGE, {"userId": user, "action": "updated", "title": title})
