"""An environment's life on AWS Lambda besides its freezes: how it starts, how many there are, how it ends."""

import re
import signal
import sys
from pathlib import Path

import pytest

from mqtt_bridge.settings import PREFIX
from tests.broker.conftest import TestBroker
from tests.broker.devices import until
from tests.broker.link import PATIENCE
from tests.broker.proxy import proxied

from .aws_events import prompt_change
from .conftest import StartEnvironment
from .environments import Answer, Environment, FunctionError, settings_of
from .test_freezes import FUNCTION, Poster

COPIES = """
import os, runpy
import functions.prompt_change
for _ in range(2):
    os.fork()
runpy.run_module("awslambdaric", run_name="__main__")
"""
"""Four environments out of one snapshot, taken when the function was imported, as SnapStart does."""


async def test_no_two_environments_share_a_client_id(broker: TestBroker, user: str, tmp_path: Path) -> None:
    """They would push each other off the broker. Not even those that were copied from one snapshot do."""
    async with proxied(broker.control.tcp_port) as proxy:
        variables = settings_of(broker, port=proxy.port)
        command = (sys.executable, "-c", COPIES)
        with Environment(tmp_path, FUNCTION, variables, command=command) as environment:
            turns = [environment.until_waiting() for _ in range(4)]
            invocations = [
                environment.api.invoke(turn, prompt_change(user, str(number)), left=PATIENCE)
                for number, turn in enumerate(turns)
            ]
            await until(lambda: not any(invocation.result.empty() for invocation in invocations))
            answers = [Answer.of(environment.result_of(invocation)) for invocation in invocations]

    assert [answer.status for answer in answers] == [202] * 4
    assert len(set(re.findall(rb"\$functions:\w+", proxy.said))) == proxy.connections == 4


async def test_the_end_of_an_environment_is_no_event(
    broker: TestBroker, user: str, start: StartEnvironment
) -> None:
    """SIGTERM ends it at once, also a busy one: its post is not told as 202, and the broker is rid of it."""
    async with proxied(broker.control.tcp_port) as proxy:
        poster = Poster(start(broker, FUNCTION, port=proxy.port, publish_timeout=30), user)
        assert (await poster.post()).status == 202
        environment = poster.environment
        proxy.hold()
        invocation = environment.begin(prompt_change(user, "on its way"), left=PATIENCE)
        await until(lambda: b"on its way" in proxy.said)
        environment.signal(signal.SIGTERM)

        assert environment.process.wait(PATIENCE) == -signal.SIGTERM
        assert invocation.result.empty()
        proxy.release()
        await until(lambda: proxy.hung_up == 1)


def test_a_function_without_settings_starts_and_answers(broker: TestBroker, start: StartEnvironment) -> None:
    """A failing start would be tried again and again, and told as 502 alone: the log names the fault."""
    environment = start(broker, FUNCTION, broker_url="", signing_key="nonsense")
    answer = environment.invoke(prompt_change("ada", "1"))

    assert answer.status == 500
    assert answer.headers["content-type"] == "application/problem+json"
    for name in ("BROKER_URL: is not set", "SIGNING_KEY: "):
        assert f"{PREFIX}{name}" in environment.output
    assert "nonsense" not in environment.log + environment.output


def test_a_handler_that_is_not_there(broker: TestBroker, start: StartEnvironment) -> None:
    """Then the runtime tells an error of initialisation, and ends: no other test passes on a typo."""
    environment = start(broker, "functions.nowhere.handler")

    assert environment.api.init_errors.get(timeout=PATIENCE)["errorType"] == "Runtime.ImportModuleError"
    assert environment.process.wait(PATIENCE) == 1


def test_what_is_no_request_is_an_error_of_its_invocation(
    broker: TestBroker, start: StartEnvironment
) -> None:
    """A schedule that was pointed at the function, say. The next request finds it as it was."""
    environment = start(broker, FUNCTION)
    with pytest.raises(FunctionError):
        environment.invoke({"source": "aws.events", "detail-type": "Scheduled Event"})

    assert environment.invoke(prompt_change("ada", "1")).status == 202
