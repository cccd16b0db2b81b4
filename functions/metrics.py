"""What an invocation did, as a line in CloudWatch's Embedded Metric Format: on AWS Lambda, and nowhere else.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
"""

import json
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Final, Literal, get_args

NAMESPACE = "kull-sync"
FUNCTION: Final = "AWS_LAMBDA_FUNCTION_NAME"
"""Set by Lambda. The one dimension: each value of one is a metric of its own, which costs money."""

Name = Literal["Published", "Failed", "Refused", "Connects", "Resends"]
NAMES: tuple[str, ...] = get_args(Name)

_counted: ContextVar[dict[str, int] | None] = ContextVar("counted", default=None)


def count(name: Name, times: int = 1) -> None:
    """Count something for the present invocation's line. Where there is none, nothing happens."""
    if (counted := _counted.get()) is not None:
        counted[name] += times


class Metrics:
    """Writes one line for each invocation of a function, and no id of anybody."""

    def __init__(self, function: str) -> None:
        self._function = function

    @contextmanager
    def invocation(self) -> Iterator[None]:
        """Counts what happens within, and writes it at the end, however it ends."""
        counted = dict.fromkeys(NAMES, 0)
        token = _counted.set(counted)
        started = time.perf_counter()
        try:
            yield
        finally:
            _counted.reset(token)
            self._write(counted, latency=(time.perf_counter() - started) * 1000)

    def _write(self, counted: dict[str, int], *, latency: float) -> None:
        metrics: list[dict[str, Any]] = [{"Name": name, "Unit": "Count"} for name in NAMES]
        metrics.append({"Name": "Latency", "Unit": "Milliseconds"})
        directive = {"Namespace": NAMESPACE, "Dimensions": [["FunctionName"]], "Metrics": metrics}
        line: dict[str, Any] = {
            "_aws": {"Timestamp": time.time_ns() // 1_000_000, "CloudWatchMetrics": [directive]},
            "FunctionName": self._function,
            "Latency": round(latency, 2),
        }
        line |= counted
        # Standard output, where Lambda looks for them; flushed, as the environment may be frozen at once.
        sys.stdout.write(json.dumps(line) + "\n")
        sys.stdout.flush()
