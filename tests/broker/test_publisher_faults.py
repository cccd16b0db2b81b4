"""The publisher's connection when the network, the broker or the process itself stops for a while."""

import asyncio
import logging
import socket
import ssl
import struct
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mqtt_bridge import tokens
from mqtt_bridge.broker_url import BrokerUrl
from mqtt_bridge.errors import PublishError
from mqtt_bridge.local_broker import LocalBroker
from mqtt_bridge.messages import PromptChange, PromptChangeMessage
from mqtt_bridge.publisher import TRUSTED, MqttPublisher
from mqtt_bridge.topics import PromptsTopic, ShootTopic

from .certificates import authority_and_server
from .conftest import TestBroker
from .link import PATIENCE
from .proxy import Proxy, proxied
from .publishing import TIMEOUT, Clock, NewPublisher, about, listen, new_publisher, progress, until

__all__ = ["new_publisher"]


class FewInFlight(LocalBroker):
    """A broker that lets three messages wait for their PUBACK at a time."""

    def command(self) -> list[str]:
        command = super().command()
        configuration = Path(command[-1])
        text = configuration.read_text()
        assert "max_inflight_messages 100\n" in text
        configuration.write_text(text.replace("max_inflight_messages 100\n", "max_inflight_messages 3\n"))
        return command


@pytest.fixture(scope="module")
def strict_broker() -> Iterator[TestBroker]:
    with tempfile.TemporaryDirectory() as directory:
        jwks_file = Path(directory) / "jwks.json"
        key = tokens.SigningKey.generate()
        tokens.write_jwks(jwks_file, key)
        log: list[str] = []
        with FewInFlight(Path(directory) / "data", jwks_file=jwks_file, log=log.append) as control:
            yield TestBroker(control, key, jwks_file, log)


async def test_brokers_receive_maximum_is_kept(
    strict_broker: TestBroker, user: str, new_publisher: NewPublisher
) -> None:
    """While it has not acknowledged, it gets no more than it asked for; then the rest, in order."""
    connection, received = await listen(strict_broker, user)
    topic, messages = ShootTopic(user, "s"), [progress(user, done) for done in range(50)]
    async with proxied(strict_broker.control.tcp_port) as proxy:
        publisher = new_publisher(strict_broker, port=proxy.port)
        await publisher.publish(topic, messages[0])
        proxy.hold()
        publishing = [asyncio.create_task(publisher.publish(topic, message)) for message in messages[1:]]
        await until(lambda: len(about(received, topic)) == 4)
        # What the broker would get beyond its maximum, it would pass on in no time.
        await asyncio.sleep(0.2)
        assert len(about(received, topic)) == 4
        proxy.release()
        await asyncio.gather(*publishing)

        assert proxy.connections == 1
    await until(lambda: len(about(received, topic)) == 50)
    await connection.close()

    assert [each.payload for each in about(received, topic)] == [each.to_json() for each in messages]


async def test_path_that_lost_its_way(broker: TestBroker, user: str, new_publisher: NewPublisher) -> None:
    """A gateway that forgot the old connection without a word: the second attempt takes a new one."""
    connection, received = await listen(broker, user)
    topic, message = ShootTopic(user, "s"), progress(user, 2)
    async with proxied(broker.control.tcp_port) as proxy:
        publisher = new_publisher(broker, port=proxy.port, timeout=2 * TIMEOUT)
        await publisher.publish(topic, progress(user, 1))
        proxy.hold()
        receipt = await publisher.publish(topic, message)

        assert proxy.connections == 2
    # What the metrics of a Lambda function tell.
    assert (publisher.connects, publisher.resends) == (2, 1)
    await until(lambda: len(about(received, topic)) >= 2)
    await connection.close()

    assert receipt.id == message.id
    assert {each.payload for each in about(received, topic)[1:]} == {message.to_json()}


async def test_token_that_ended_while_nobody_published(
    broker: TestBroker, user: str, new_publisher: NewPublisher, caplog: pytest.LogCaptureFixture
) -> None:
    """The connection is gone, which costs the next message no attempt."""
    publisher = new_publisher(broker, token_lifetime=1)
    await publisher.publish(ShootTopic(user, "s"), progress(user))
    assert publisher._link is not None
    lost = await publisher._link.connection.lost

    with caplog.at_level(logging.INFO, "mqtt_bridge.publisher"):
        await publisher.publish(ShootTopic(user, "s"), progress(user))
    assert lost is not None
    assert "Once more" not in caplog.text
    assert (publisher.connects, publisher.resends) == (2, 0)


async def test_token_that_ends_sooner_than_our_clock_says(
    broker: TestBroker, user: str, new_publisher: NewPublisher
) -> None:
    """A clock may stand still while a machine is frozen. From the token's end until it cuts the connection
    the broker refuses all that comes on it: that is not the message's fault, and not the last word."""
    connection, received = await listen(broker, user)
    topic = ShootTopic(user, "s")
    publisher = new_publisher(broker, token_lifetime=2, clock=Clock())
    end = time.time() + 2.5
    published = []
    # One after the other, for the broker may cut the connection as soon as it has nothing else to do.
    while time.time() < end:
        published.append((await publisher.publish(topic, progress(user, 1))).id)
    await until(lambda: published[-1].encode() in about(received, topic)[-1].payload)
    await connection.close()

    assert publisher.connects >= 2


class Elsewhere:
    """A proxy in a thread of its own, which goes on while the test's event loop stands still."""

    def __init__(self, target: int, tls: ssl.SSLContext | None) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._proxied = proxied(target, tls=tls)
        self.proxy: Proxy

    def __enter__(self) -> "Elsewhere":
        self._thread.start()
        self.proxy = self._run(self._proxied.__aenter__())
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._run(self._proxied.__aexit__(None, None, None))
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def cut(self, *, reset: bool) -> None:
        """End all connections, and come back when it has happened."""

        async def cut() -> None:
            for writer in self.proxy._open:
                if reset:
                    # Closing then sends RST in place of FIN.
                    raw = writer.get_extra_info("socket")
                    raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.proxy.cut()
            while self.proxy._open:
                await asyncio.sleep(0.01)

        self._run(cut())

    def _run(self, work: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(PATIENCE)


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, ssl.SSLContext]:
    return authority_and_server(tmp_path_factory.mktemp("certificates"))


@pytest.mark.parametrize("reset", [False, True], ids=["FIN", "RST"])
@pytest.mark.parametrize("scheme", ["mqtt", "mqtts", "ws", "wss"])
async def test_end_that_waits_in_the_socket_is_noticed(
    broker: TestBroker,
    user: str,
    scheme: str,
    reset: bool,
    certificates: tuple[Path, ssl.SSLContext],
    caplog: pytest.LogCaptureFixture,
) -> None:
    """After a freeze the first look at the socket tells, however the end came, and no attempt is wasted."""
    ca_file, context = certificates
    port = broker.control.ws_port if scheme in ("ws", "wss") else broker.control.tcp_port
    message = PromptChangeMessage(user_id=user, data=PromptChange(action="created"))
    with Elsewhere(port, context if scheme in ("mqtts", "wss") else None) as elsewhere:
        url = BrokerUrl.parse(f"{scheme}://127.0.0.1:{elsewhere.proxy.port}")
        publisher = MqttPublisher(url, key=broker.key, timeout=PATIENCE, ca_file=ca_file)
        await publisher.publish(PromptsTopic(user), message)

        # This loop does not run meanwhile, as in a process that is frozen.
        elsewhere.cut(reset=reset)
        time.sleep(2 * TRUSTED)  # noqa: ASYNC251  # nothing runs in a frozen process
        with caplog.at_level(logging.INFO, "mqtt_bridge.publisher"):
            await publisher.publish(PromptsTopic(user), message)
        assert "Once more" not in caplog.text
        assert elsewhere.proxy.connections == 2
        await publisher.aclose()


async def test_host_name_is_sent_and_checked(
    broker: TestBroker, user: str, certificates: tuple[Path, ssl.SSLContext]
) -> None:
    """Fronts choose the certificate by SNI; and one that names another host proves nothing."""
    ca_file, context = certificates
    names: list[str | None] = []
    context.sni_callback = lambda _socket, name, _context: names.append(name)
    async with proxied(broker.control.tcp_port, tls=context) as proxy:
        publisher = MqttPublisher(
            BrokerUrl.parse(f"mqtts://localhost:{proxy.port}"),
            key=broker.key,
            timeout=PATIENCE,
            ca_file=ca_file,
        )
        message = PromptChangeMessage(user_id=user, data=PromptChange(action="created"))
        with pytest.raises(PublishError, match="Hostname mismatch"):
            await publisher.publish(PromptsTopic(user), message)
        context.sni_callback = None

    assert names
    assert set(names) == {"localhost"}
    assert proxy.said == b""
