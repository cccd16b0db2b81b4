"""The functions on AWS Lambda, behind API Gateway, a load balancer or a function URL."""

import os
from collections.abc import Callable
from functools import cache
from typing import Any

from mangum import Mangum
from mangum.types import LambdaContext

from .environment import FromEnvironment
from .metrics import FUNCTION, Metrics, count
from .problems import MEDIA_TYPE, plain

TEXT = ["application/json", MEDIA_TYPE, "text/"]
"""What Mangum hands on as it is. Everything else it encodes as base64, its default for problem documents."""

Event = dict[str, Any]
Handler = Callable[[Event, LambdaContext], Event]


def lambda_handler(app: FromEnvironment) -> Handler:
    """A Lambda handler for an ASGI app. All invocations share one event loop, so connections stay warm."""

    @cache
    def adapter() -> Handler:
        # At first use: it makes the event loop. Lifespan off, or the app would start and stop around each
        # invocation, and the connection to the broker with it.
        handle = _readable(Mangum(app, lifespan="off", text_mime_types=TEXT))
        function = os.environ.get(FUNCTION)
        return _measured(handle, app, Metrics(function)) if function else handle

    def handler(event: Event, context: LambdaContext) -> Event:
        return adapter()(event, context)

    return handler


def _readable(handle: Handler) -> Handler:
    """Answers 400 where it would raise over a request that cannot be read: a failure of the function would
    be 502, and wake an operator.
    """

    def handler(event: Event, context: LambdaContext) -> Event:
        try:
            return handle(event, context)
        except ValueError:
            # Mangum's own, such as over a port in Host that is no number: what the app raises, it answers.
            problem = plain(400).problem
            return {
                "statusCode": problem.status,
                "headers": {"content-type": MEDIA_TYPE},
                # A load balancer that is set up for these takes no others.
                "multiValueHeaders": {"content-type": [MEDIA_TYPE]},
                "body": problem.model_dump_json(),
                "isBase64Encoded": False,
            }

    return handler


def _measured(handle: Handler, app: FromEnvironment, metrics: Metrics) -> Handler:
    def handler(event: Event, context: LambdaContext) -> Event:
        with metrics.invocation():
            connects, resends = _links(app)
            answer = handle(event, context)
            count("Refused", 400 <= answer["statusCode"] < 500)
            now_connects, now_resends = _links(app)
            count("Connects", now_connects - connects)
            count("Resends", now_resends - resends)
        return answer

    return handler


def _links(app: FromEnvironment) -> tuple[int, int]:
    """How often the publisher has connected, and sent again, so far. Not every kind of it counts."""
    return getattr(app.publisher, "connects", 0), getattr(app.publisher, "resends", 0)
