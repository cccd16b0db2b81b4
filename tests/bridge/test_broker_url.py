"""Broker URLs."""

import pytest

from mqtt_bridge.broker_url import BrokerUrl


@pytest.mark.parametrize(
    ("url", "parsed", "transport", "tls"),
    [
        ("mqtt://127.0.0.1", BrokerUrl("mqtt", "127.0.0.1", 1883, ""), "tcp", False),
        ("mqtts://b.example:9000/", BrokerUrl("mqtts", "b.example", 9000, ""), "tcp", True),
        ("ws://b.example:8083", BrokerUrl("ws", "b.example", 8083, "/mqtt"), "websockets", False),
        ("wss://b.example/sync", BrokerUrl("wss", "b.example", 443, "/sync"), "websockets", True),
        ("mqtt://[::1]:1884", BrokerUrl("mqtt", "::1", 1884, ""), "tcp", False),
    ],
)
def test_url_is_read(url: str, parsed: BrokerUrl, transport: str, tls: bool) -> None:
    """Scheme, host, port and path have the defaults that the field expects, and read back."""
    assert BrokerUrl.parse(url) == parsed
    assert BrokerUrl.parse(str(parsed)) == parsed
    assert (parsed.transport, parsed.tls) == (transport, tls)


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("", "must start with"),
        ("http://b.example", "must start with"),
        ("mqtt:b.example", "must name a host"),
        ("mqtt://b.example/path", "must not have a path"),
        ("wss://ada:hunter2@b.example", "must not carry credentials"),
        ("wss://b.example/mqtt?key=hunter2", "must not have a query"),
        ("mqtt://b.example:99999", "Port"),
        ("mqtt://b.example:x", "Port"),
    ],
)
def test_wrong_url_is_refused(url: str, reason: str) -> None:
    """A wrong URL is refused with the reason, without repeating what may be a secret."""
    with pytest.raises(ValueError, match=reason) as refusal:
        BrokerUrl.parse(url)

    assert "hunter2" not in str(refusal.value)
