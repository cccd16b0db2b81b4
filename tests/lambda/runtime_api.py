"""A small Runtime API: what a runtime on AWS Lambda asks for its invocations, and tells what became of them.

https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
"""

import json
import queue
import time
import uuid
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, cast

VERSION = "/2018-06-01/runtime"


@dataclass(frozen=True)
class Result:
    """What a runtime posted: the function's answer, or an error in its place."""

    is_error: bool
    body: Any


@dataclass(frozen=True)
class Invocation:
    """One call of a function."""

    event: Any
    deadline: float
    """Seconds since 1970."""
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    result: "queue.Queue[Result]" = field(default_factory=queue.Queue)


class Turn:
    """A runtime that asks for its next invocation, and waits."""

    def __init__(self) -> None:
        self._given: queue.Queue[Invocation | None] = queue.Queue()

    def give(self, invocation: Invocation | None) -> None:
        """Let it go on; None: there is no other one, and it gets no answer."""
        self._given.put(invocation)

    def take(self) -> Invocation | None:
        """Wait for that."""
        return self._given.get()


class RuntimeApi(ThreadingHTTPServer):
    """Serves on a free port, in threads of its own, as many runtimes as ask."""

    daemon_threads = False

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.turns: queue.Queue[Turn] = queue.Queue()
        """Who waits for an invocation, in the order in which they came."""
        self.init_errors: queue.Queue[Any] = queue.Queue()
        """What runtimes told that could not even start."""
        self._turns_given: list[Turn] = []
        self._invocations: dict[str, Invocation] = {}

    @property
    def address(self) -> str:
        """As in ``AWS_LAMBDA_RUNTIME_API``."""
        return f"127.0.0.1:{self.server_port}"

    def invoke(self, turn: Turn, event: Any, *, left: float) -> Invocation:
        """Let a runtime that waits have this event, and so many seconds."""
        invocation = Invocation(event, time.time() + left)
        self._invocations[invocation.id] = invocation
        turn.give(invocation)
        return invocation

    def next_for(self, turn: Turn) -> Invocation | None:
        """Wait for an invocation."""
        self._turns_given.append(turn)
        self.turns.put(turn)
        return turn.take()

    def posted(self, invocation: str, result: Result) -> None:
        """A runtime has done with an invocation."""
        self._invocations.pop(invocation).result.put(result)

    def dismiss(self) -> None:
        """Wait for nobody any more: who asks has gone."""
        for turn in self._turns_given:
            turn.give(None)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Headers and body go out in two writes, between which Nagle's algorithm would wait 40 ms.
    disable_nagle_algorithm = True

    @property
    def api(self) -> RuntimeApi:
        return cast("RuntimeApi", self.server)

    def do_GET(self) -> None:
        assert self.path == f"{VERSION}/invocation/next", self.path
        invocation = self.api.next_for(Turn())
        if invocation is None:
            self.close_connection = True
            return
        self._answer(
            200,
            invocation.event,
            {
                "Lambda-Runtime-Aws-Request-Id": invocation.id,
                "Lambda-Runtime-Deadline-Ms": str(int(invocation.deadline * 1000)),
                "Lambda-Runtime-Invoked-Function-Arn": "arn:aws:lambda:eu-central-1:123456789012:function:f",
                "Lambda-Runtime-Trace-Id": "Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=0",
            },
        )

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.path == f"{VERSION}/init/error":
            self.api.init_errors.put(body)
        else:
            invocation, _, kind = self.path.removeprefix(f"{VERSION}/invocation/").partition("/")
            assert kind in ("response", "error"), self.path
            self.api.posted(invocation, Result(is_error=kind == "error", body=body))
        self._answer(202, {"status": "OK"}, {})

    def _answer(self, status: int, body: Any, headers: dict[str, str]) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        for name, value in (headers | {"Content-Type": "application/json"}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # the base class calls it so
        """Tests tell what went wrong."""
