"""The process around a bridge worker: its settings, its signals, its HTTP port, its exit status."""

import asyncio
import logging
import os
import signal
import sys
from collections.abc import Mapping

from .bridge_settings import BridgeSettings
from .broker_url import BrokerUrl
from .errors import ConfigurationError, SessionRefusedError
from .health import HealthServer
from .http_session import ask_for_session
from .logs import configure
from .metrics import BridgeMetrics
from .session import BridgeSessionRequest, SessionAnswer
from .worker import Worker

EX_CONFIG = 78
"""Exit status: the configuration is wrong, so starting it again will not help (sysexits.h)."""

logger = logging.getLogger("mqtt_bridge.bridge_process")


def main(environ: Mapping[str, str] = os.environ) -> int:
    """Run a worker until SIGTERM or SIGINT. Returns the exit status: 0, or 78 with each fault on stderr."""
    try:
        settings = BridgeSettings.from_environment(environ)
        configure(settings.log_format, settings.log_level)
        asyncio.run(run(settings))
    except ConfigurationError as exc:
        sys.stderr.writelines(f"{name}: {fault}\n" for name, fault in exc.faults.items())
        return EX_CONFIG
    return 0


async def run(settings: BridgeSettings) -> None:
    """Run a worker until SIGTERM or SIGINT. Raises ConfigurationError when it cannot run as configured."""

    async def get_session() -> SessionAnswer:
        wanted = BridgeSessionRequest(worker=settings.worker)
        return await ask_for_session(settings.api_url, settings.bearer(), wanted)

    metrics = BridgeMetrics()
    worker = Worker(
        get_session,
        index=settings.index,
        count=settings.count,
        metrics=metrics,
        broker=BrokerUrl.parse(settings.broker_url) if settings.broker_url else None,
        ca_file=settings.broker_ca_file,
        drain_timeout=settings.drain_timeout,
    )
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, worker.stop)
    async with HealthServer(exposition=metrics.exposition, is_ready=lambda: worker.ready) as health:
        try:
            port = await health.start(settings.metrics_host, settings.metrics_port)
        except OSError as exc:
            fault = f"cannot listen on {settings.metrics_host}:{settings.metrics_port}: {exc.strerror}"
            raise ConfigurationError({"KULL_SYNC_METRICS_PORT": fault}) from exc
        logger.info("Bridge worker %s; metrics on %s:%d", settings.worker, settings.metrics_host, port)
        try:
            await worker.run()
        except SessionRefusedError as exc:
            raise ConfigurationError({"KULL_SYNC_SERVICE_TOKEN": str(exc)}) from exc
    logger.info("Bridge worker %s ended", settings.worker)


if __name__ == "__main__":
    sys.exit(main())
