"""Secrets from AWS Secrets Manager: one signed request, and every fault by its name."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx
import pytest

from functions import aws_secret
from functions.aws_secret import sign, with_secret
from functions.environment import FromEnvironment
from mqtt_bridge.errors import ConfigurationError

SECRET = {"KULL_SYNC_SIGNING_KEY": "a key", "KULL_SYNC_AUTH_SECRET": "a shared secret"}
ENVIRONMENT = {
    "KULL_SYNC_SECRET_ID": "kull-sync",
    "KULL_SYNC_BROKER_URL": "mqtt://broker",
    "AWS_REGION": "eu-central-1",
    "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE",
    "AWS_SECRET_ACCESS_KEY": "of the environment",
    "AWS_SESSION_TOKEN": "a session",
}


class SecretsManager:
    """Answers as it is told, and remembers what it was asked."""

    def __init__(self) -> None:
        self.answer: tuple[int, Any] = 200, {"SecretString": json.dumps(SECRET)}
        self.asked: list[tuple[str, dict[str, str], bytes]] = []
        manager = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                manager._take(self)

            def do_GET(self) -> None:
                manager._take(self)

            def log_message(self, *_: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"

    def _take(self, request: BaseHTTPRequestHandler) -> None:
        body = request.rfile.read(int(request.headers.get("content-length", 0)))
        headers = {name.lower(): value for name, value in request.headers.items()}
        self.asked.append((request.path, headers, body))
        status, answer = self.answer
        if request.path == "/credentials":
            status = 200
            answer = {"AccessKeyId": "AKIDRESTORED", "SecretAccessKey": "restored", "Token": "restored"}
        request.send_response(status)
        request.end_headers()
        request.wfile.write(answer if isinstance(answer, bytes) else json.dumps(answer).encode())


@pytest.fixture
def manager() -> Iterator[SecretsManager]:
    manager = SecretsManager()
    thread = threading.Thread(target=manager.server.serve_forever, args=(0.05,))
    thread.start()
    yield manager
    manager.server.shutdown()
    thread.join()
    manager.server.server_close()


def environment(manager: SecretsManager, **more: str) -> dict[str, str]:
    return {**ENVIRONMENT, "AWS_ENDPOINT_URL_SECRETS_MANAGER": manager.url, **more}


def test_the_signature_is_aws_s() -> None:
    """`post-vanilla` of AWS's test suite for Signature Version 4."""
    signed = sign(
        {"host": "example.amazonaws.com"},
        b"",
        access_key="AKIDEXAMPLE",
        secret_key="wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
        region="us-east-1",
        service="service",
        when="20150830T123600Z",
    )

    assert signed["authorization"] == (
        "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request,"
        " SignedHeaders=host;x-amz-date,"
        " Signature=5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"
    )


def test_the_secret_joins_the_environment(manager: SecretsManager) -> None:
    """One request, signed by the function's role, brings both keys."""
    environ = environment(manager)
    assert with_secret(environ) == environ | SECRET

    [(path, headers, body)] = manager.asked
    assert path == "/"
    assert json.loads(body) == {"SecretId": "kull-sync"}
    assert headers["x-amz-target"] == "secretsmanager.GetSecretValue"
    assert headers["x-amz-security-token"] == "a session"
    assert "Credential=AKIDEXAMPLE/" in headers["authorization"]
    assert "content-type;host;x-amz-date;x-amz-security-token;x-amz-target" in headers["authorization"]


def test_a_restored_snapshot_asks_for_its_own_credentials(manager: SecretsManager) -> None:
    """Those in the environment of a snapshot have expired."""
    with_secret(
        environment(
            manager,
            AWS_CONTAINER_CREDENTIALS_FULL_URI=f"{manager.url}/credentials",
            AWS_CONTAINER_AUTHORIZATION_TOKEN="may ask",
        )
    )

    (_, asked, _), (_, fetched, _) = manager.asked
    assert asked["authorization"] == "may ask"
    assert "Credential=AKIDRESTORED/" in fetched["authorization"]
    assert fetched["x-amz-security-token"] == "restored"


FAULTS: list[Any] = [
    pytest.param((400, {"__type": "a.b#AccessDeniedException"}), "AccessDeniedException", id="denied"),
    pytest.param((400, {"__type": "ResourceNotFoundException"}), "ResourceNotFoundException", id="unknown"),
    pytest.param((500, {}), "cannot be read: 500", id="their fault"),
    pytest.param((200, b"hush"), "cannot be read: JSONDecodeError", id="no JSON"),
    pytest.param((200, {"SecretBinary": "hush"}), "cannot be read: KeyError", id="binary"),
    pytest.param((200, {"SecretString": "hush"}), "cannot be read: JSONDecodeError", id="text"),
    pytest.param((200, {"SecretString": '["hush"]'}), "must be a JSON object of strings", id="list"),
    pytest.param((200, {"SecretString": '{"KULL_SYNC_SIGNING_KEY": 1}'}), "must be a JSON", id="number"),
    pytest.param((200, {"SecretString": '{"PATH": "hush"}'}), "has a member PATH", id="other member"),
]


@pytest.mark.parametrize(("answer", "fault"), FAULTS)
def test_a_fault_is_told_without_the_secret(
    manager: SecretsManager, answer: tuple[int, Any], fault: str
) -> None:
    """It goes to a log."""
    manager.answer = answer
    with pytest.raises(ConfigurationError) as caught:
        with_secret(environment(manager))

    assert fault in caught.value.faults["KULL_SYNC_SECRET_ID"]
    assert "hush" not in str(caught.value)


def test_nobody_there_is_tried_twice(manager: SecretsManager, monkeypatch: pytest.MonkeyPatch) -> None:
    """A lost packet is no fault of the configuration; an endless wait would be one of ours."""
    tries: list[str] = []

    def lost(name: str, _: Any) -> str:
        tries.append(name)
        raise TimeoutError

    monkeypatch.setattr(aws_secret, "_fetch", lost)
    with pytest.raises(ConfigurationError, match="TimeoutError"):
        with_secret(environment(manager))

    assert len(tries) == 2


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        pytest.param((500, {}), 503, id="their fault"),
        pytest.param((400, {"__type": "ThrottlingException"}), 503, id="too many ask"),
        pytest.param((400, {"__type": "AccessDeniedException"}), 500, id="denied"),
    ],
)
async def test_what_passes_by_itself_is_503(
    manager: SecretsManager, monkeypatch: pytest.MonkeyPatch, answer: tuple[int, Any], status: int
) -> None:
    """Callers retry those, and the next request asks for the secret again; a wrong set-up stays 500."""
    for name, value in environment(manager).items():
        monkeypatch.setenv(name, value)
    app = FromEnvironment(lambda settings, publisher: pytest.fail("it was set up"))
    manager.answer = answer
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://functions") as client:
        answers = [await client.get("/") for _ in range(2)]

    assert [each.status_code for each in answers] == [status] * 2
    assert ("retry-after" in answers[0].headers) == (status == 503)
    assert len(manager.asked) == 2
