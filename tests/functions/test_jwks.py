"""The issuer's published keys: trusted alone, fetched seldom, and their absence is not the caller's fault."""

import asyncio
import base64
import hmac
import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from functions import jwks
from functions.auth import Verifier
from functions.problems import ProblemError
from mqtt_bridge.settings import Settings

from .callers import CLAIMS, PROGRESS, SECRET, SHOOT_PROGRESS, bearer, token, unsigned
from .conftest import Connect, settings_of


class Issuer:
    """A JWK Set on a loopback port, whose fetches are counted."""

    def __init__(self) -> None:
        self.document: Any = {"keys": []}
        self.fetches = 0
        self.delay = 0.0
        self.status = 200
        issuer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                issuer.fetches += 1
                released.wait(issuer.delay)
                body = json.dumps(issuer.document).encode()
                self.send_response(issuer.status)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        released = self._released = threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = False
        self.url = f"http://127.0.0.1:{self._server.server_port}/jwks.json"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})
        self._thread.start()

    def publish(self, **keys: Any) -> None:
        """Publish the public halves of private keys by their key id."""
        self.document = {"keys": [public_jwk(kid, key) for kid, key in keys.items()]}

    def close(self) -> None:
        self._released.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def public_jwk(kid: str, key: Any) -> dict[str, Any]:
    algorithm: Any
    match key:
        case rsa.RSAPrivateKey():
            algorithm = jwt.algorithms.RSAAlgorithm
        case ed25519.Ed25519PrivateKey():
            algorithm = jwt.algorithms.OKPAlgorithm
        case _:
            algorithm = jwt.algorithms.ECAlgorithm
    return {**algorithm.to_jwk(key.public_key(), as_dict=True), "kid": kid, "use": "sig"}


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    server = Issuer()
    yield server
    server.close()


EC_KEY = ec.generate_private_key(ec.SECP256R1())
RSA_KEY = rsa.generate_private_key(65537, 2048)
ED_KEY = ed25519.Ed25519PrivateKey.generate()


def signed_with_public_key() -> str:
    """HS256 with the published key as the secret: the classic confusion of algorithms."""
    text = unsigned({"alg": "HS256", "typ": "JWT", "kid": "e"}, CLAIMS)[:-1]
    secret = EC_KEY.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    digest = hmac.digest(secret, text.encode(), "sha256")
    return f"{text}.{base64.urlsafe_b64encode(digest).rstrip(b'=').decode()}"


def with_jwks(url: str, algorithms: str = "ES256,RS256,EdDSA") -> Settings:
    return settings_of(auth_secret=None, auth_jwks_url=url, auth_algorithms=algorithms)


@pytest.mark.parametrize(
    ("kid", "alg", "key"), [("e", "ES256", EC_KEY), ("r", "RS256", RSA_KEY), ("d", "EdDSA", ED_KEY)]
)
async def test_a_key_of_the_issuer_proves_a_caller(issuer: Issuer, kid: str, alg: str, key: Any) -> None:
    """Tokens are checked with the issuer's published keys, whatever their kind."""
    issuer.publish(e=EC_KEY, r=RSA_KEY, d=ED_KEY)
    caller = await Verifier(with_jwks(issuer.url)).verify(token("ada", key=key, alg=alg, kid=kid))

    assert caller.subject == "ada"


@pytest.mark.parametrize(
    "value",
    [
        pytest.param(
            token(key=ec.generate_private_key(ec.SECP256R1()), alg="ES256", kid="e"), id="foreign key"
        ),
        pytest.param(token(key=EC_KEY, alg="ES256", kid="x"), id="unknown kid"),
        pytest.param(token(key=EC_KEY, alg="ES256"), id="no kid"),
        pytest.param(token(key=EC_KEY, alg="ES256", kid="r"), id="the kid of another key"),
        pytest.param(token(key=RSA_KEY, alg="RS256", kid="e"), id="the kid of another kind of key"),
        pytest.param(token(key=RSA_KEY, alg="RS512", kid="r"), id="an algorithm that is not listed"),
        pytest.param(token(key=SECRET, alg="HS256", kid="e"), id="HMAC"),
        pytest.param(signed_with_public_key(), id="HMAC with the public key"),
        pytest.param(unsigned({"alg": "none", "kid": "e"}, CLAIMS), id="alg none"),
        pytest.param(unsigned({"alg": "ES256", "kid": ["e"]}, CLAIMS), id="a list of kids"),
        pytest.param(unsigned("[" * 3000), id="a header of brackets"),
        pytest.param("x", id="garbage"),
    ],
)
async def test_no_other_key_does(issuer: Issuer, value: str) -> None:
    """A token must be signed by the key that it names, with an algorithm that is listed."""
    issuer.publish(e=EC_KEY, r=RSA_KEY)

    with pytest.raises(ProblemError) as refusal:
        await Verifier(with_jwks(issuer.url)).verify(value)

    assert refusal.value.problem.status == 401


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The one reading of the clock of keys, to be set."""
    reading = [1000.0]
    monkeypatch.setattr("functions.jwks.seconds", lambda: reading[0])
    monkeypatch.setattr("functions.auth.seconds", lambda: reading[0])
    return reading


@pytest.mark.usefixtures("clock")
async def test_invented_key_ids_do_not_make_fetches(issuer: Issuer) -> None:
    """Anybody can write a key id into a token: that must not let it knock on the issuer's door at will."""
    issuer.publish(e=EC_KEY)
    verifier = Verifier(with_jwks(issuer.url))
    for number in range(20):
        with pytest.raises(ProblemError):
            await verifier.verify(token(key=EC_KEY, alg="ES256", kid=f"invented-{number}"))

    assert issuer.fetches == 1
    assert (await verifier.verify(token(key=EC_KEY, alg="ES256", kid="e"))).subject == "ada"


async def test_a_rotated_key_is_found_after_the_cooldown(issuer: Issuer, clock: list[float]) -> None:
    """A new key of the issuer counts without a restart of the functions."""
    issuer.publish(old=EC_KEY)
    verifier = Verifier(with_jwks(issuer.url))
    await verifier.verify(token(key=EC_KEY, alg="ES256", kid="old"))
    issuer.publish(new=RSA_KEY)
    clock[0] += jwks.COOLDOWN + 1

    assert (await verifier.verify(token("eve", key=RSA_KEY, alg="RS256", kid="new"))).subject == "eve"


@pytest.mark.parametrize("last_seen", [0, jwks.LIFESPAN - 1])
async def test_a_withdrawn_key_stops_counting(issuer: Issuer, clock: list[float], last_seen: int) -> None:
    """Also for a token that was verified before, however late: when the set is out of date, so is it."""
    issuer.publish(e=EC_KEY)
    verifier = Verifier(with_jwks(issuer.url))
    first, second = (
        token(sub, key=EC_KEY, alg="ES256", kid="e", exp=int(time.time()) + 86_400) for sub in ("ada", "eve")
    )
    await verifier.verify(first)
    issuer.publish(r=RSA_KEY)
    clock[0] += last_seen
    await verifier.verify(second)
    clock[0] += jwks.LIFESPAN + 1 - last_seen

    for value in (first, second):
        with pytest.raises(ProblemError) as refusal:
            await verifier.verify(value)
        assert refusal.value.problem.status == 401


async def test_tokens_are_remembered_while_the_issuer_is_down(issuer: Issuer, clock: list[float]) -> None:
    """Its outage must not make each request pay for a signature. When it ends, that is noticed."""
    issuer.publish(e=EC_KEY)
    verifier = Verifier(with_jwks(issuer.url))
    value = token(key=EC_KEY, alg="ES256", kid="e", exp=int(time.time()) + 86_400)
    await verifier.verify(value)
    issuer.status = 500
    clock[0] += jwks.LIFESPAN + 1
    first = await verifier.verify(value)

    assert await verifier.verify(value) is first

    issuer.status = 200
    issuer.publish(r=RSA_KEY)
    clock[0] += jwks.COOLDOWN + 1
    with pytest.raises(ProblemError):
        await verifier.verify(value)


async def test_concurrent_requests_share_a_fetch(issuer: Issuer) -> None:
    """A cold start under load asks the issuer once."""
    issuer.publish(e=EC_KEY)
    issuer.delay = 0.2
    verifier = Verifier(with_jwks(issuer.url))
    callers = await asyncio.gather(
        *(verifier.verify(token(f"user-{n}", key=EC_KEY, alg="ES256", kid="e")) for n in range(10))
    )

    assert len(callers) == 10
    assert issuer.fetches == 1


async def test_a_silent_issuer_does_not_hold_a_request(
    issuer: Issuer, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whether the token is good cannot be told: 503 and not 401, for which clients throw their token away."""
    monkeypatch.setattr(jwks, "TIMEOUT", 0.1)
    issuer.delay = 60
    client = connect(auth_secret=None, auth_jwks_url=issuer.url, auth_algorithms="ES256")
    headers = bearer(token(key=EC_KEY, alg="ES256", kid="e"))
    response = await client.post(SHOOT_PROGRESS, json=PROGRESS, headers=headers)

    assert response.status_code == 503
    assert response.json()["type"] == "urn:problem-type:kull-sync:no-keys"
    assert "Retry-After" in response.headers


@pytest.mark.parametrize("document", [[], {}, {"keys": []}, {"keys": [{"kty": "oct", "k": "AA"}]}, "x"])
async def test_an_issuer_that_answers_nonsense_proves_nobody(
    issuer: Issuer, clock: list[float], document: Any
) -> None:
    """503, with a fetch a second until it knows better."""
    issuer.document = document
    verifier = Verifier(with_jwks(issuer.url))
    for _ in range(3):
        with pytest.raises(ProblemError) as refusal:
            await verifier.verify(token(key=EC_KEY, alg="ES256", kid="e"))
        assert refusal.value.problem.status == 503
    assert issuer.fetches == 1

    issuer.publish(e=EC_KEY)
    clock[0] += jwks.RETRY + 1
    assert (await verifier.verify(token(key=EC_KEY, alg="ES256", kid="e"))).subject == "ada"


async def test_known_keys_outlive_an_outage_of_the_issuer(issuer: Issuer, clock: list[float]) -> None:
    """While the issuer is down, its users can still work."""
    issuer.publish(e=EC_KEY)
    verifier = Verifier(with_jwks(issuer.url))
    await verifier.verify(token(key=EC_KEY, alg="ES256", kid="e"))
    issuer.status = 500
    clock[0] += jwks.LIFESPAN + 1

    assert (await verifier.verify(token("eve", key=EC_KEY, alg="ES256", kid="e"))).subject == "eve"
    assert issuer.fetches == 2


async def test_a_fetch_that_hangs_is_waited_for_once(
    issuer: Issuer, clock: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Requests behind the first go on with the keys that are known, and do not each wait for the time-out."""
    issuer.publish(e=EC_KEY)
    verifier = Verifier(with_jwks(issuer.url))
    await verifier.verify(token(key=EC_KEY, alg="ES256", kid="e"))
    issuer.delay = 60
    clock[0] += jwks.LIFESPAN + 1
    monkeypatch.setattr(jwks, "TIMEOUT", 0.1)
    await verifier.verify(token("first", key=EC_KEY, alg="ES256", kid="e"))
    clock[0] += 0.2
    monkeypatch.setattr("functions.jwks.asyncio.wait", None)

    assert (await verifier.verify(token("second", key=EC_KEY, alg="ES256", kid="e"))).subject == "second"


async def test_a_mounted_key_set_is_read_from_its_file(tmp_path: Path) -> None:
    """`file://` names a key set that is mounted into the container."""
    path = tmp_path / "keys of the app.json"
    path.write_text(json.dumps({"keys": [public_jwk("e", EC_KEY)]}))
    caller = await Verifier(with_jwks(path.as_uri())).verify(token(key=EC_KEY, alg="ES256", kid="e"))

    assert caller.subject == "ada"
