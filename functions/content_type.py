"""Bodies must say that they are JSON: a form on a foreign page cannot, so it can never post here."""

from .asgi import JSON, Scope, header
from .problems import not_json_content

_JSON = JSON.encode()


def check_json(scope: Scope) -> None:
    """Raise 415 unless the content type is application/json, in any case and with any parameters."""
    value = header(scope, b"content-type")
    if value == _JSON:
        return
    if value is None or value.partition(b";")[0].strip().lower() != _JSON:
        raise not_json_content()
