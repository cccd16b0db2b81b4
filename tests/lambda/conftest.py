"""Functions in their environments on AWS Lambda, and a real broker."""

import tempfile
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.broker.conftest import StartBroker, TestBroker, make_broker

from .environments import Environment, settings_of

StartEnvironment = Callable[..., Environment]


@pytest.fixture(scope="session")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestBroker]:
    """The broker that tests share. Who wants to stop one takes ``start_broker``."""
    broker = make_broker(None, tmp_path_factory.mktemp("broker"))
    with broker.control:
        yield broker


@pytest.fixture
def start_broker(tmp_path: Path) -> Iterator[StartBroker]:
    """Starts a broker of the test's own, ended with it."""
    with ExitStack() as started:

        def start(**how: Any) -> TestBroker:
            broker = make_broker(None, Path(tempfile.mkdtemp(dir=tmp_path)), **how)
            started.enter_context(broker.control)
            return broker

        yield start


@pytest.fixture
def start(tmp_path: Path) -> Iterator[StartEnvironment]:
    """Starts an environment of a handler that publishes to a broker; it ends with the test.

    Keywords in capitals are variables of its configuration, the others are settings of the functions.
    """
    with ExitStack() as started:

        def start(broker: TestBroker, handler: str, **settings: Any) -> Environment:
            variables = {name: str(settings.pop(name)) for name in list(settings) if name.isupper()}
            directory = Path(tempfile.mkdtemp(dir=tmp_path))
            environment = Environment(directory, handler, variables | settings_of(broker, **settings))
            return started.enter_context(environment)

        yield start


@pytest.fixture
def user() -> str:
    """A user that no other test knows."""
    return f"user-{uuid.uuid4().hex[:16]}"
