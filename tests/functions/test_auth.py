"""Who calls: only a token of the configured issuer, audience and algorithms proves it."""

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

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from functions import auth, jwks
from functions.auth import Verifier
from functions.problems import ProblemError
from mqtt_bridge.recording import RecordingPublisher
from mqtt_bridge.settings import Settings

from .callers import CREDIT_UPDATE, CREDITS, PROGRESS, SECRET, SHOOT_PROGRESS, bearer, token
from .conftest import Connect, settings_of

NOW = int(time.time())


def unsigned(header: dict[str, Any] | str, payload: dict[str, Any] | str = "{}", signature: str = "") -> str:
    """A token out of parts that nobody signed."""

    def part(value: dict[str, Any] | str) -> str:
        text = value if isinstance(value, str) else json.dumps(value)
        return base64.urlsafe_b64encode(text.encode()).rstrip(b"=").decode()

    return f"{part(header)}.{part(payload)}.{signature}"


def tampered() -> str:
    """A user's token whose scope was edited afterwards."""
    header, payload, signature = token("ada").split(".")
    claims = json.loads(base64.urlsafe_b64decode(payload + "=="))
    edited = base64.urlsafe_b64encode(json.dumps(claims | {"scope": "sync:publish"}).encode()).rstrip(b"=")
    return f"{header}.{edited.decode()}.{signature}"


CLAIMS = {"iss": "https://app.example", "aud": "kull-sync", "sub": "ada", "exp": NOW + 86_400}

REFUSED = [
    pytest.param("x", id="garbage"),
    pytest.param("a.b.c", id="three garbage parts"),
    pytest.param("..", id="three empty parts"),
    pytest.param(token("ada")[:-3], id="cut off"),
    pytest.param(token("ada") + ".x", id="four parts"),
    pytest.param(token("ada") + "é", id="not ASCII"),
    pytest.param(tampered(), id="tampered"),
    pytest.param(unsigned({"alg": "none"}, CLAIMS), id="alg none"),
    pytest.param(unsigned({"alg": "None"}, CLAIMS, "AA"), id="alg None"),
    pytest.param(unsigned({"alg": "HS256"}, CLAIMS), id="no signature"),
    pytest.param(unsigned({}, CLAIMS), id="no alg"),
    pytest.param(unsigned({"alg": ["HS256"]}, CLAIMS), id="a list of algs"),
    pytest.param(unsigned("[" * 3000), id="a header of brackets"),
    pytest.param(unsigned('{"alg":"HS256","a":' * 250 + "1" + "}" * 250), id="a nested header"),
    pytest.param(unsigned('"text"'), id="a header that is text"),
    pytest.param(token(key="another secret, just as long as ours is"), id="foreign secret"),
    pytest.param(token(key=SECRET * 2, alg="HS512"), id="another algorithm"),
    pytest.param(token(exp=NOW - 1), id="expired"),
    pytest.param(token(exp=NOW - 86_400), id="expired yesterday"),
    pytest.param(token(exp=None), id="without exp"),
    pytest.param(token(exp="soon"), id="exp is text"),
    pytest.param(token(exp=float("inf")), id="exp is infinite"),
    pytest.param(token(nbf=NOW + 86_400), id="not yet valid"),
    pytest.param(token(iat=NOW + 86_400), id="issued in the future"),
    pytest.param(token(iss="https://evil.example"), id="another issuer"),
    pytest.param(token(iss=None), id="without iss"),
    pytest.param(token(iss=["https://app.example"]), id="a list of issuers"),
    pytest.param(token(aud="another-api"), id="another audience"),
    pytest.param(token(aud=None), id="without aud"),
    pytest.param(token(sub=None), id="without sub"),
    pytest.param(token(sub=""), id="an empty sub"),
    pytest.param(token(pad="x" * 8192), id="8 KiB"),
]


@pytest.mark.parametrize("value", REFUSED)
async def test_an_untrusted_token_is_refused(
    client: httpx.AsyncClient, publisher: RecordingPublisher, value: str
) -> None:
    """Whatever is wrong with a token, the answer is 401 with a challenge, and nothing is published."""
    headers = [(b"Authorization", b"Bearer " + value.encode())]
    response = await client.post(SHOOT_PROGRESS, json=PROGRESS, headers=headers)

    assert response.status_code == 401
    assert response.json()["type"] == "urn:problem-type:kull-sync:invalid-token"
    assert 'error="invalid_token"' in response.headers["WWW-Authenticate"]
    assert value not in response.text
    assert publisher.sent == []


@pytest.mark.parametrize(
    "authorization",
    [None, "", "Bearer", "Bearer ", "Basic YWRhOnB3", token(), f"Token {token()}"],
    ids=["none", "empty", "scheme alone", "no token", "basic", "no scheme", "another scheme"],
)
async def test_without_a_bearer_token_the_challenge_names_no_error(
    client: httpx.AsyncClient, publisher: RecordingPublisher, authorization: str | None
) -> None:
    """RFC 6750, 3.1: a request without authentication gets the bare challenge."""
    headers = {} if authorization is None else {"Authorization": authorization}
    response = await client.post(SHOOT_PROGRESS, json=PROGRESS, headers=headers)

    assert response.status_code == 401
    assert response.json()["type"] == "urn:problem-type:kull-sync:no-token"
    assert response.headers["WWW-Authenticate"] == 'Bearer realm="kull-sync"'
    assert publisher.sent == []


@pytest.mark.parametrize(
    "claims",
    [
        pytest.param({"aud": ["another-api", "kull-sync"]}, id="one of several audiences"),
        pytest.param({"scope": ["sync:publish"]}, id="a scope that is no string is none"),
        pytest.param({"scope": ""}, id="an empty scope"),
        pytest.param({"exp": NOW + 10**9}, id="a long life"),
    ],
)
async def test_a_trusted_token_is_taken(client: httpx.AsyncClient, claims: dict[str, Any]) -> None:
    """An issuer may add what it likes."""
    response = await client.post(SHOOT_PROGRESS, json=PROGRESS, headers=bearer(token(**claims)))

    assert response.status_code == 202


@pytest.mark.parametrize("claim", ["nbf", "iat"])
async def test_clocks_may_differ_by_half_a_minute(client: httpx.AsyncClient, claim: str) -> None:
    """A token that was just made by a host whose clock is ahead is good at once."""
    claims: dict[str, Any] = {claim: int(time.time()) + auth.LEEWAY - 5}
    made = token(**claims)
    response = await client.post(SHOOT_PROGRESS, json=PROGRESS, headers=bearer(made))

    assert response.status_code == 202


async def test_bearer_is_read_in_any_case(client: httpx.AsyncClient) -> None:
    """The scheme's name is case-insensitive (RFC 9110, 11.1)."""
    response = await client.post(
        SHOOT_PROGRESS, json=PROGRESS, headers={"Authorization": f"bEaReR {token()}"}
    )

    assert response.status_code == 202


async def test_a_list_of_scopes_gives_none(client: httpx.AsyncClient) -> None:
    """A scope claim of a form that we do not read must not be read as something else."""
    response = await client.post(CREDIT_UPDATE, json=CREDITS, headers=bearer(token(scope=["sync:publish"])))

    assert response.status_code == 403


async def test_a_remembered_token_expires_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """Remembering a verified token must not prolong it."""
    verifier = Verifier(settings_of())
    expiry = int(time.time()) + 3600
    value = token(exp=expiry)
    assert (await verifier.verify(value)).subject == "ada"

    monkeypatch.setattr("functions.auth.time", lambda: float(expiry))

    with pytest.raises(ProblemError, match="expired"):
        await verifier.verify(value)


async def test_remembered_tokens_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Memory does not grow with the number of callers."""
    monkeypatch.setattr(auth, "REMEMBERED", 10)
    verifier = Verifier(settings_of())
    for number in range(25):
        assert (await verifier.verify(token(f"user-{number}"))).subject == f"user-{number}"

    assert len(verifier._known) == 10


async def test_a_remembered_token_costs_no_second_check(monkeypatch: pytest.MonkeyPatch) -> None:
    """Checking a signature is a large share of a request's time."""
    verifier = Verifier(settings_of())
    value = token()
    first = await verifier.verify(value)
    monkeypatch.setattr("functions.auth.jwt", None)

    assert await verifier.verify(value) is first


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

    assert refusal.value.status_code == 401


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The one reading of the key set's clock, to be set."""
    reading = [1000.0]
    monkeypatch.setattr("functions.jwks.seconds", lambda: reading[0])
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


async def test_a_withdrawn_key_stops_counting(
    issuer: Issuer, clock: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also for a token that was verified before."""
    issuer.publish(e=EC_KEY)
    verifier = Verifier(with_jwks(issuer.url))
    value = token(key=EC_KEY, alg="ES256", kid="e", exp=NOW + 86_400)
    await verifier.verify(value)
    issuer.publish(r=RSA_KEY)
    passed = jwks.LIFESPAN + 1
    clock[0] += passed
    now = time.time() + passed
    monkeypatch.setattr("functions.auth.time", lambda: now)

    with pytest.raises(ProblemError) as refusal:
        await verifier.verify(value)

    assert refusal.value.status_code == 401


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
        assert refusal.value.status_code == 503
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
