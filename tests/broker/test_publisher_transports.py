"""Publishing over each kind of broker URL."""

import ssl
from pathlib import Path

import pytest

from mqtt_bridge.broker_url import BrokerUrl
from mqtt_bridge.errors import PublishError
from mqtt_bridge.messages import PromptChange, PromptChangeMessage
from mqtt_bridge.publisher import MqttPublisher
from mqtt_bridge.topics import PromptsTopic

from .certificates import authority_and_server
from .conftest import TestBroker
from .link import PATIENCE
from .proxy import proxied


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, ssl.SSLContext]:
    return authority_and_server(tmp_path_factory.mktemp("certificates"))


@pytest.mark.parametrize("scheme", ["mqtt", "ws", "mqtts", "wss"])
async def test_every_kind_of_url_works(
    broker: TestBroker, user: str, scheme: str, certificates: tuple[Path, ssl.SSLContext]
) -> None:
    """TCP and WebSocket, in the clear and encrypted: published, acknowledged, heard back and closed."""
    ca_file, context = certificates
    port = broker.control.ws_port if scheme in ("ws", "wss") else broker.control.tcp_port
    async with proxied(port, tls=context if scheme in ("mqtts", "wss") else None) as proxy:
        publisher = MqttPublisher(
            BrokerUrl.parse(f"{scheme}://127.0.0.1:{proxy.port}"),
            key=broker.key,
            timeout=PATIENCE,
            ca_file=ca_file,
        )
        message = PromptChangeMessage(user_id=user, data=PromptChange(action="created"))

        assert (await publisher.publish(PromptsTopic(user), message)).id == message.id
        assert await publisher.round_trip() > 0
        await publisher.aclose()


@pytest.mark.parametrize("scheme", ["mqtts", "wss"])
async def test_server_that_nobody_vouches_for_is_refused(
    broker: TestBroker, user: str, scheme: str, certificates: tuple[Path, ssl.SSLContext]
) -> None:
    """Without its authority the certificate proves nothing, and the token is not sent."""
    _, context = certificates
    async with proxied(broker.control.tcp_port, tls=context) as proxy:
        publisher = MqttPublisher(
            BrokerUrl.parse(f"{scheme}://127.0.0.1:{proxy.port}"), key=broker.key, timeout=PATIENCE
        )
        message = PromptChangeMessage(user_id=user, data=PromptChange(action="created"))

        with pytest.raises(PublishError, match="CERTIFICATE_VERIFY_FAILED"):
            await publisher.publish(PromptsTopic(user), message)


async def test_missing_authority_file_is_named_as_the_cause(
    broker: TestBroker, user: str, tmp_path: Path
) -> None:
    """A setting that points nowhere must not look like a network fault."""
    missing = tmp_path / "missing.pem"
    publisher = MqttPublisher(
        BrokerUrl.parse(f"mqtts://127.0.0.1:{broker.control.tcp_port}"),
        key=broker.key,
        timeout=PATIENCE,
        ca_file=missing,
    )
    message = PromptChangeMessage(user_id=user, data=PromptChange(action="created"))

    with pytest.raises(PublishError, match=str(missing)):
        await publisher.publish(PromptsTopic(user), message)
