"""Environments of functions, as on AWS Lambda: processes that are frozen while they have nothing to do.

Lambda freezes an environment as soon as its runtime asks for the next invocation, and thaws it with that one
in hand; SIGSTOP and SIGCONT do the same to a process.
"""

import contextlib
import json
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from mqtt_bridge.settings import PREFIX
from tests.broker.conftest import TestBroker
from tests.broker.link import PATIENCE
from tests.functions import callers

from .runtime_api import Invocation, Result, RuntimeApi, Turn

ROOT = Path(__file__).parents[2]
TIMEOUT = 3.0
"""Seconds that an invocation has: what every post must be answered in."""


class FunctionError(Exception):
    """The handler raised. API Gateway would answer 502."""


class TimedOutError(Exception):
    """The invocation was not answered in time, and its environment was killed, as Lambda does."""


@dataclass(frozen=True)
class Answer:
    """What a function answered to HTTP."""

    status: int
    headers: dict[str, str]
    """Names in lower case."""
    body: Any
    """As JSON; None where there is none."""

    @classmethod
    def of(cls, result: Result) -> Self:
        """What a handler returned, in whichever of the forms its event asked for. Raises FunctionError."""
        if result.is_error:
            raise FunctionError(result.body)
        body = result.body
        headers = {name.lower(): value for name, value in (body.get("headers") or {}).items()}
        for name, values in (body.get("multiValueHeaders") or {}).items():
            headers[name.lower()] = ", ".join(values)
        assert body["isBase64Encoded"] is False
        text = body.get("body")
        return cls(body["statusCode"], headers, json.loads(text) if text else None)


def settings_of(broker: TestBroker, *, port: int | None = None, **changes: Any) -> dict[str, str]:
    """The functions' settings for a broker, or for a ``port`` in front of it."""
    host, tcp_port = broker.control.host, broker.control.tcp_port
    settings = {
        "broker_url": f"mqtt://{host}:{port or tcp_port}",
        "public_broker_urls": f"mqtt://{host}:{tcp_port}",
        "signing_key": broker.key.to_pem(),
        "auth_issuer": callers.ISSUER,
        "auth_audience": callers.AUDIENCE,
        "auth_algorithms": "HS256",
        "auth_secret": callers.SECRET,
        **changes,
    }
    return {PREFIX + name.upper(): str(value) for name, value in settings.items()}


class Environment:
    """An environment of one function, or several copies of it.

    It is frozen whenever this says nothing else.
    """

    def __init__(
        self,
        directory: Path,
        handler: str,
        variables: dict[str, str],
        *,
        command: Sequence[str] = (sys.executable, "-m", "awslambdaric"),
        root: Path = ROOT,
    ) -> None:
        """``directory`` gets its logs; ``variables`` are those of its configuration."""
        self.handler = handler
        self.api = RuntimeApi()
        self._serving = threading.Thread(target=self.api.serve_forever, kwargs={"poll_interval": 0.05})
        self._serving.start()
        self._log = directory / "log"
        self._output = directory / "output"
        # Nothing of this process's environment: a proxy or a profiler there is nothing to the function.
        variables = {
            "PATH": os.environ["PATH"],
            "LANG": "C.UTF-8",
            "AWS_LAMBDA_RUNTIME_API": self.api.address,
            "AWS_LAMBDA_FUNCTION_NAME": "the-function",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "512",
            "AWS_REGION": "eu-central-1",
            "LAMBDA_TASK_ROOT": str(root),
            "PYTHONDONTWRITEBYTECODE": "1",
            **variables,
        }
        with self._log.open("w") as log, self._output.open("w") as output:
            self.process = subprocess.Popen(
                [*command, handler],
                cwd=root,
                env=variables,
                stdout=output,
                stderr=log,
                # Copies of it are signalled with it.
                start_new_session=True,
            )
        self._turn: Turn | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.signal(signal.SIGKILL)
        self.process.wait(PATIENCE)
        self.api.dismiss()
        self.api.shutdown()
        self._serving.join()
        self.api.server_close()

    @property
    def log(self) -> str:
        """What it wrote to standard error: its log."""
        return self._log.read_text()

    @property
    def output(self) -> str:
        """What it wrote to standard output: its metrics, and what the runtime says."""
        return self._output.read_text()

    @property
    def metrics(self) -> list[dict[str, Any]]:
        """Its lines of metrics."""
        return [json.loads(line) for line in self.output.splitlines() if '"_aws"' in line]

    def count(self, name: str) -> int:
        """The sum of a metric over all invocations so far."""
        return sum(line[name] for line in self.metrics)

    def invoke(self, event: Any, *, left: float = TIMEOUT, grace: float = 0.0) -> Answer:
        """Thaw it, let it answer an event of HTTP, and freeze it again as soon as it asks for the next.

        It has ``left`` seconds; ``grace`` more are for a machine that is busy with other things. Raises
        TimedOutError and FunctionError.
        """
        invocation = self.begin(event, left=left)
        result = self.result_of(invocation, grace=grace)
        self._turn = self.until_waiting()
        self.freeze()
        return Answer.of(result)

    def begin(self, event: Any, *, left: float = TIMEOUT) -> Invocation:
        """Thaw it with an event in hand."""
        turn, self._turn = self._turn or self.until_waiting(), None
        self.thaw()
        return self.api.invoke(turn, event, left=left)

    def result_of(self, invocation: Invocation, *, grace: float = 0.0) -> Result:
        """Wait for it until the invocation's time is over. Raises TimedOutError."""
        try:
            return invocation.result.get(timeout=max(0.0, invocation.deadline + grace - time.time()))
        except queue.Empty:
            self.signal(signal.SIGKILL)
            raise TimedOutError(f"no answer in time; the log:\n{self.log}") from None

    def until_waiting(self) -> Turn:
        """Wait until it asks for its next invocation."""
        end = time.monotonic() + PATIENCE
        while True:
            try:
                return self.api.turns.get(timeout=0.1)
            except queue.Empty:
                assert self.process.poll() is None, f"it ended by itself; its log:\n{self.log}{self.output}"
                assert time.monotonic() < end, f"it does not come back; its log:\n{self.log}{self.output}"

    def freeze(self) -> None:
        """Stop it, and come back when it stands still."""
        self.signal(signal.SIGSTOP)
        os.waitid(os.P_PID, self.process.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)

    def thaw(self) -> None:
        """Let it go on where it was."""
        self.signal(signal.SIGCONT)

    def signal(self, number: int) -> None:
        """Send a signal, unless it is gone."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, number)
