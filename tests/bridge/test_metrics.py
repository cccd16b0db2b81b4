"""The worker's HTTP port: probes, metrics, and what it makes of strange requests."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from mqtt_bridge import health
from mqtt_bridge.health import MAX_HEAD, HealthServer
from mqtt_bridge.metrics import BridgeMetrics


class Port:
    """A server on a free port, whose readiness a test decides."""

    def __init__(self) -> None:
        self.ready = False
        self.metrics = BridgeMetrics()
        self.number = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.number}"


@pytest.fixture
async def port() -> AsyncIterator[Port]:
    port = Port()
    async with HealthServer(exposition=port.metrics.exposition, is_ready=lambda: port.ready) as server:
        port.number = await server.start("127.0.0.1", 0)
        yield port


async def get(port: Port, path: str, method: str = "GET") -> httpx.Response:
    async with httpx.AsyncClient() as http:
        return await http.request(method, port.url + path)


@pytest.mark.parametrize(
    ("path", "ready", "status"),
    [
        ("/healthz", False, 200),
        ("/healthz", True, 200),
        ("/readyz", False, 503),
        ("/readyz", True, 200),
        ("/readyz?verbose", True, 200),
        ("/metrics", False, 200),
        ("/", True, 404),
        ("/healthz/", True, 404),
        ("/metrics/../etc", True, 404),
    ],
)
async def test_probes_tell_alive_from_ready(port: Port, path: str, ready: bool, status: int) -> None:
    """A worker that waits for its broker is alive, must not be restarted, and is not ready."""
    port.ready = ready

    assert (await get(port, path)).status_code == status


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS"])
async def test_only_looking_is_allowed(port: Port, method: str) -> None:
    """The answer says what is."""
    response = await get(port, "/metrics", method)

    assert (response.status_code, response.headers["Allow"]) == (405, "GET, HEAD")


async def test_head_has_no_body(port: Port) -> None:
    """And the length of the one that GET would have."""
    response = await get(port, "/healthz", "HEAD")

    assert (response.status_code, response.content) == (200, b"")
    assert response.headers["Content-Length"] == str(len((await get(port, "/healthz")).content))


async def test_metrics_are_in_prometheus_format(port: Port) -> None:
    """Counters by type and outcome, a histogram, and gauges that are looked up at that moment."""
    port.metrics.watch(in_flight=lambda: 3, is_ready=lambda: True, silence=lambda: None)
    port.metrics.messages.labels("PING", "answered").inc()
    port.metrics.seconds.labels("PING").observe(0.003)
    response = await get(port, "/metrics")
    samples = {
        (sample.name, *(value for _, value in sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(response.text)
        for sample in family.samples
    }

    assert response.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    assert samples["kull_sync_bridge_messages_total", "answered", "PING"] == 1
    assert samples["kull_sync_bridge_message_seconds_bucket", "0.0025", "PING"] == 0
    assert samples["kull_sync_bridge_message_seconds_bucket", "0.005", "PING"] == 1
    assert samples["kull_sync_bridge_in_flight_messages",] == 3
    assert samples["kull_sync_bridge_ready",] == 1
    assert samples["kull_sync_bridge_last_contact_timestamp_seconds",] == 0
    assert samples["process_resident_memory_bytes",] > 0


async def exchange(port: Port, request: bytes) -> bytes:
    """What comes back until the server closes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port.number)
    writer.write(request)
    try:
        return await reader.read()
    except ConnectionResetError:
        return b""
    finally:
        writer.close()


@contextmanager
def in_a_hurry() -> Iterator[None]:
    before, health.REQUEST_TIMEOUT = health.REQUEST_TIMEOUT, 0.1
    yield
    health.REQUEST_TIMEOUT = before


@pytest.mark.parametrize(
    ("request_bytes", "answer"),
    [
        pytest.param(b"\r\n\r\n", b"HTTP/1.1 405", id="nothing"),
        pytest.param(b"GET\r\n\r\n", b"HTTP/1.1 404", id="no path"),
        pytest.param(b"\xff\xfe \x00\r\n\r\n", b"HTTP/1.1 405", id="bytes"),
        pytest.param(b"GET /healthz HTTP/1.1\r\n", b"", id="half a request"),
        pytest.param(b"GET /" + b"a" * 2 * MAX_HEAD, b"", id="a head without end"),
    ],
)
async def test_strange_requests_end(port: Port, request_bytes: bytes, answer: bytes) -> None:
    """Each is answered or hung up on in bounded time and memory, and the next one is served."""
    with in_a_hurry():
        received = await exchange(port, request_bytes)

    assert received.startswith(answer)
    assert answer or not received
    assert (await get(port, "/healthz")).status_code == 200


async def test_a_closed_server_refuses() -> None:
    """It stops with its worker; one that never started has nothing to stop."""
    server = HealthServer(exposition=bytes, is_ready=bool)
    server.close()
    port = await server.start("127.0.0.1", 0)
    server.close()
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection("127.0.0.1", port)
