"""The functions on AWS Lambda, behind API Gateway or a function URL."""

from collections.abc import Callable
from functools import cache
from typing import Any

from mangum import Mangum
from mangum.types import ASGI, LambdaContext

from .problems import MEDIA_TYPE

TEXT = ["application/json", MEDIA_TYPE, "text/"]
"""What Mangum hands on as it is. Everything else it encodes as base64, its default for problem documents."""


def lambda_handler(app: ASGI) -> Callable[[dict[str, Any], LambdaContext], dict[str, Any]]:
    """A Lambda handler for an ASGI app. All invocations share one event loop, so connections stay warm."""

    @cache
    def adapter() -> Mangum:
        # At first use: it makes the event loop. Lifespan off, or the app would start and stop around each
        # invocation, and the connection to the broker with it.
        return Mangum(app, lifespan="off", text_mime_types=TEXT)

    def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
        return adapter()(event, context)

    return handler
