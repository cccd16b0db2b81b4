"""What a bridge worker counts, in Prometheus' text format. For ``kull-sync[bridge]``."""

import time
from collections.abc import Callable

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    generate_latest,
)

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

# Seconds. Two round trips to the broker: a millisecond on loopback; ten seconds is the longest wait.
_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class BridgeMetrics:
    """The metrics of one worker, in a registry of its own."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)
        self.messages = Counter(
            "kull_sync_bridge_messages",
            "Messages of devices, by type and by what became of them.",
            ["type", "outcome"],
            registry=self._registry,
        )
        self.seconds = Histogram(
            "kull_sync_bridge_message_seconds",
            "From a message's arrival until all that it caused was acknowledged by the broker.",
            ["type"],
            buckets=_BUCKETS,
            registry=self._registry,
        )
        self.reconnects = Counter(
            "kull_sync_bridge_reconnects",
            "Tries to connect to the broker after the first one, by reason.",
            ["reason"],
            registry=self._registry,
        )
        self.swept = Counter(
            "kull_sync_bridge_swept_devices",
            "Devices that were online when the broker crashed, did not come back, and were declared lost.",
            registry=self._registry,
        )
        self._in_flight = Gauge(
            "kull_sync_bridge_in_flight_messages",
            "Messages of devices that the broker still waits to hear about.",
            registry=self._registry,
        )
        self._ready = Gauge(
            "kull_sync_bridge_ready",
            "1 while the worker is connected and subscribed, else 0.",
            registry=self._registry,
        )
        self._last_contact = Gauge(
            "kull_sync_bridge_last_contact_timestamp_seconds",
            "When the broker was last heard, answers to pings included, in seconds since 1970; 0: never.",
            registry=self._registry,
        )

    def watch(
        self,
        *,
        in_flight: Callable[[], int],
        is_ready: Callable[[], bool],
        silence: Callable[[], float | None],
    ) -> None:
        """Look these up whenever the metrics are asked for. ``silence``: seconds since the last contact."""
        self._in_flight.set_function(in_flight)
        self._ready.set_function(is_ready)

        def last_contact() -> float:
            seconds = silence()
            return 0.0 if seconds is None else time.time() - seconds

        self._last_contact.set_function(last_contact)

    def exposition(self) -> bytes:
        """All metrics, in ``CONTENT_TYPE``."""
        return generate_latest(self._registry)
