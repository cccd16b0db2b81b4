"""A function is frozen between two invocations, for as long as AWS Lambda likes, and the world goes on.

However that ends: what was answered 202 reaches the device, which tells it once, and what cannot be sent is
503 within the invocation's 3 s.
"""

import asyncio
from collections import Counter

import pytest

from mqtt_bridge.events import Event
from mqtt_bridge.messages import PromptChangeMessage
from tests.broker.conftest import StartBroker, TestBroker
from tests.broker.devices import App, Sessions, running, until
from tests.broker.proxy import Proxy, proxied
from tests.functions.callers import STATUS

from .aws_events import prompt_change, request
from .conftest import StartEnvironment
from .environments import TIMEOUT, Answer, Environment

FUNCTION = "functions.prompt_change.handler"
SHORT_LIVED = "tests.lambda.short_lived.handler"


class Poster:
    """Posts to an environment, one invocation after the other, and remembers what came of each."""

    def __init__(self, environment: Environment, user: str) -> None:
        self.environment = environment
        self._user = user
        self._posted = 0
        self.accepted: list[str] = []
        """Titles of what was answered 202, in order."""
        self.refused: list[str] = []
        """Titles of what was answered 503."""

    async def post(self, *, left: float = TIMEOUT, grace: float = 0.0) -> Answer:
        """The next post; afterwards the environment is frozen. Its answer is 202 or 503."""
        self._posted += 1
        title = str(self._posted)
        event = prompt_change(self._user, title)
        answer = await asyncio.to_thread(self.environment.invoke, event, left=left, grace=grace)
        assert answer.status in (202, 503), answer
        if answer.status == 202:
            self.accepted.append(title)
        else:
            assert int(answer.headers["retry-after"]) >= 1
            assert "id" not in answer.body
            self.refused.append(title)
        return answer

    async def all_told_once(self, app: App) -> None:
        """Wait until the device has told the last that was accepted; and all before it by then, once each."""
        last = self.accepted[-1]
        await until(lambda: last in _titles(app), otherwise=self.environment.log)
        titles = _titles(app)
        # What was answered 503 may have gone out all the same.
        assert [title for title in titles if title not in self.refused] == self.accepted
        assert not Counter(titles) - Counter([*self.accepted, *self.refused])


def _titles(app: App) -> list[str | None]:
    return [
        event.message.data.title for event in app.all(Event) if isinstance(event.message, PromptChangeMessage)
    ]


def links(environment: Environment) -> tuple[int, int]:
    """How many connections it made, and how many messages it sent again."""
    return environment.count("Connects"), environment.count("Resends")


async def test_a_connection_outlives_a_freeze(broker: TestBroker, user: str, start: StartEnvironment) -> None:
    """It is why a warm function answers in milliseconds."""
    async with running(Sessions(broker), user) as app:
        poster = Poster(start(broker, FUNCTION), user)
        for _ in range(5):
            assert (await poster.post()).status == 202
        await poster.all_told_once(app)

    assert links(poster.environment) == (1, 0)


@pytest.mark.parametrize("limit", ["KEEPALIVE", "TOKEN_LIFETIME"])
async def test_the_broker_ends_the_connection_meanwhile(
    broker: TestBroker, user: str, start: StartEnvironment, limit: str
) -> None:
    """Because the function said nothing for longer than its keepalive, or because its token has ended: it
    notices before it publishes, and the next connection has a token of its own."""
    seconds = {"KEEPALIVE": 1, "TOKEN_LIFETIME": 2}[limit]
    async with proxied(broker.control.tcp_port) as proxy, running(Sessions(broker), user) as app:
        poster = Poster(start(broker, SHORT_LIVED, port=proxy.port, **{limit: seconds}), user)
        await poster.post()
        await until(lambda: proxy.hung_up == 1)
        assert (await poster.post()).status == 202
        await poster.all_told_once(app)

    assert links(poster.environment) == (2, 0)


@pytest.mark.parametrize(
    ("limit", "seconds"),
    [pytest.param("MAX_IDLE", 1, id="idle"), pytest.param("TOKEN_LIFETIME", 1, id="token")],
)
async def test_the_connection_is_too_old_to_ask_it(
    broker: TestBroker, user: str, start: StartEnvironment, limit: str, seconds: int
) -> None:
    """A gateway forgets without a word who said nothing for long, and with it the broker's word that a token
    has ended: no attempt is wasted on such a connection."""
    async with proxied(broker.control.tcp_port) as proxy, running(Sessions(broker), user) as app:
        poster = Poster(start(broker, SHORT_LIVED, port=proxy.port, **{limit: seconds}), user)
        await poster.post()
        proxy.lose()
        await asyncio.sleep(seconds + 0.1)
        assert (await poster.post()).status == 202
        await poster.all_told_once(app)

    assert links(poster.environment) == (2, 0)


@pytest.mark.parametrize("crash", [False, True], ids=["restart", "crash"])
async def test_the_broker_is_another_one_meanwhile(
    start_broker: StartBroker, user: str, start: StartEnvironment, *, crash: bool
) -> None:
    """The end of the old connection waits in the socket, and costs no attempt."""
    broker = start_broker()
    async with running(Sessions(broker), user) as app:
        poster = Poster(start(broker, FUNCTION), user)
        await poster.post()
        await poster.all_told_once(app)
        resyncs = len(app.resyncs)
        await asyncio.to_thread(broker.restart, crash=crash)
        # A crash may take the device's session along: what is published before it is back is lost to it.
        await app.until(lambda app: len(app.resyncs) > resyncs)
        assert (await poster.post()).status == 202
        await poster.all_told_once(app)

    assert links(poster.environment) == (2, 0)


@pytest.mark.parametrize("answers_only", [False, True], ids=["both ways", "answers"])
async def test_the_path_is_lost_meanwhile(
    broker: TestBroker, user: str, start: StartEnvironment, *, answers_only: bool
) -> None:
    """The message goes out once more on a fresh connection; a device that got both tells it once."""
    async with proxied(broker.control.tcp_port) as proxy, running(Sessions(broker), user) as app:
        poster = Poster(start(broker, FUNCTION, port=proxy.port), user)
        await poster.post()
        if answers_only:
            proxy.hold()
        else:
            proxy.lose()
        assert (await poster.post()).status == 202
        assert (await poster.post()).status == 202
        await poster.all_told_once(app)

    assert links(poster.environment) == (2, 1)


async def test_nothing_gets_through(broker: TestBroker, user: str, start: StartEnvironment) -> None:
    """Also not on a fresh connection: 503 in time; when the path is back, so is the function."""
    async with proxied(broker.control.tcp_port) as proxy, running(Sessions(broker), user) as app:
        poster = Poster(start(broker, FUNCTION, port=proxy.port), user)
        await poster.post()
        proxy.hold(new_ones_too=True)
        assert (await poster.post()).status == 503
        proxy.cut()
        assert (await poster.post()).status == 202
        await poster.all_told_once(app)


@pytest.mark.parametrize("warm", [False, True], ids=["connecting", "publishing"])
async def test_an_invocation_that_is_almost_over(
    broker: TestBroker, user: str, start: StartEnvironment, *, warm: bool
) -> None:
    """With 300 ms left it answers 503 in these, though an attempt may take half a minute. The connection that
    it was waiting for does not harm the next invocation."""
    async with proxied(broker.control.tcp_port) as proxy, running(Sessions(broker), user) as app:
        poster = Poster(start(broker, FUNCTION, port=proxy.port, publish_timeout=30), user)
        if warm:
            await poster.post()
        proxy.hold(new_ones_too=True)
        # Of the grace, an attempt that does not end with the invocation takes more.
        answer = await poster.post(left=0.3, grace=15)
        assert answer.body["type"].endswith(":not-acknowledged")
        proxy.cut()
        assert (await poster.post()).status == 202
        await poster.all_told_once(app)


async def test_a_connection_is_begun_and_the_freeze_outlasts_it(
    broker: TestBroker, user: str, start: StartEnvironment
) -> None:
    """What waits since before the freeze has run out of time when it thaws: that is no 503."""
    async with proxied(broker.control.tcp_port) as proxy, running(Sessions(broker), user) as app:
        poster = Poster(start(broker, FUNCTION, port=proxy.port, publish_timeout=1), user)
        proxy.hold(new_ones_too=True)
        assert (await poster.post(left=0.3, grace=15)).status == 503
        await asyncio.sleep(1.1)
        proxy.release()
        assert (await poster.post()).status == 202
        await poster.all_told_once(app)


async def test_a_health_check_is_begun_and_the_freeze_outlasts_it(
    broker: TestBroker, start: StartEnvironment
) -> None:
    """A measurement that was frozen tells nothing of the broker: the next one that asks gets another."""
    check = request("GET", STATUS)
    async with proxied(broker.control.tcp_port) as proxy:
        environment = start(broker, "functions.status.handler", port=proxy.port, publish_timeout=0.5)
        proxy.hold(new_ones_too=True)
        answer = await asyncio.to_thread(environment.invoke, check, left=0.3, grace=15)
        assert answer.status == 503
        await asyncio.sleep(1.1)
        proxy.release()
        answer = await asyncio.to_thread(environment.invoke, check)

    assert answer.status == 200, environment.log


async def test_fifty_freezes_in_a_row(start_broker: StartBroker, user: str, start: StartEnvironment) -> None:
    """With whatever happens in a long life of an environment: each 202 is told once, in order."""
    broker = start_broker()
    async with proxied(broker.control.tcp_port) as proxy, running(Sessions(broker), user) as app:
        poster = Poster(start(broker, FUNCTION, port=proxy.port), user)
        for number in range(50):
            await _mishap(number, proxy, broker)
            await poster.post()
            if number == 31:
                await asyncio.to_thread(broker.control.start)
        await poster.all_told_once(app)

    assert poster.refused == ["32"]


async def _mishap(number: int, proxy: Proxy, broker: TestBroker) -> None:
    match number:
        case 5 | 6 | 20 | 45:
            proxy.cut()
        case 10:
            proxy.hold()
        case 40:
            proxy.lose()
        case 25:
            await asyncio.to_thread(broker.restart)
        case 31:
            # A clean end: what the sleeping device has not got yet is kept for it.
            await asyncio.to_thread(broker.control.stop)
