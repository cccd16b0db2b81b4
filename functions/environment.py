"""An ASGI app that is set up from the environment."""

import gc
import logging
import os
from collections.abc import Callable, Mapping

from mqtt_bridge.broker_url import BrokerUrl
from mqtt_bridge.errors import ConfigurationError, ConfigurationUnavailableError
from mqtt_bridge.publisher import MqttPublisher, Publisher
from mqtt_bridge.settings import Settings
from mqtt_bridge.tokens import SigningKey

from . import errors, logs, problems
from .asgi import ASGIApp, Receive, Scope, Send

GC_THRESHOLD = 10_000
"""Objects that may be new before Python looks for cycles among them. Requests leave none, and with its own
700 those of a busy process are looked at in vain, several times."""

logger = logging.getLogger(__name__)


class FromEnvironment:
    """The app that ``create`` makes of the environment's settings and a publisher, made at its first use.

    Not at import: a Lambda snapshot must hold no connection and nothing random, and tools that only look at
    the routes have no settings. A server that speaks the lifespan protocol sets it up at startup, and ends
    there with every fault named when the environment is wrong.
    """

    def __init__(self, create: Callable[[Settings, Publisher], ASGIApp]) -> None:
        self._make = create
        self._app: ASGIApp | None = None
        self.publisher: Publisher | None = None
        """The one that the app publishes through, once it is made."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            self._app = self._app or self._start()
        except ConfigurationError as exc:
            await _refuse(exc, scope, receive, send)
        else:
            await self._app(scope, receive, send)

    def _start(self) -> ASGIApp:
        app = self._create()
        # Nothing of what is there now will ever be garbage: without this, each full collection looks at all
        # of it again, which takes longer than dozens of requests.
        gc.freeze()
        gc.set_threshold(GC_THRESHOLD)
        return app

    def _create(self) -> ASGIApp:
        settings = Settings.from_environment(_environ())
        logs.configure(settings)
        self.publisher = MqttPublisher(
            BrokerUrl.parse(settings.broker_url),
            key=SigningKey.from_pem(settings.signing_key.get_secret_value()),
            issuer=settings.token_issuer,
            audience=settings.token_audience,
            timeout=settings.publish_timeout,
            ca_file=settings.broker_ca_file,
            queue_limit=settings.queue_limit,
        )
        return self._make(settings, self.publisher)


def _environ() -> Mapping[str, str]:
    if not os.environ.get("KULL_SYNC_SECRET_ID"):
        return os.environ
    from .aws_secret import with_secret  # on AWS alone

    return with_secret(os.environ)


async def _refuse(exc: ConfigurationError, scope: Scope, receive: Receive, send: Send) -> None:
    faults = "\n".join(f"  {name}: {fault}" for name, fault in exc.faults.items())
    message = f"The environment is not set up:\n{faults}"
    if scope["type"] == "lifespan":
        await receive()
        await send({"type": "lifespan.startup.failed", "message": message})
        return
    logger.error("%s", message)
    await errors.answer(_problem(exc))(scope, receive, send)


def _problem(exc: ConfigurationError) -> problems.ProblemError:
    if isinstance(exc, ConfigurationUnavailableError):
        return problems.unavailable("not-ready", "Nothing was done: retry.", title="Not ready yet")
    return problems.internal()
