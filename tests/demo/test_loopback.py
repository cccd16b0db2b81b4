"""The demo signs anyone in, so it serves this machine alone, whatever page a browser has open."""

import httpx
import pytest

from tests.functions.callers import PROGRESS, SHOOT_PROGRESS, service

API = "/demo/api/users"
OWN = "http://127.0.0.1:8080"


@pytest.mark.parametrize("path", ["/", "/tester", "/assets/index-1a2b3c.js", API])
@pytest.mark.parametrize(
    "host",
    [
        pytest.param("rebound.example", id="a name that points here"),
        pytest.param("rebound.example:8080", id="with the right port"),
        pytest.param("127.0.0.1.rebound.example", id="begins like loopback"),
        pytest.param("localhost.rebound.example:8080", id="begins like localhost"),
        pytest.param("rebound.example@127.0.0.1", id="user information"),
        pytest.param("127.0.0.1:8080x", id="no port"),
        pytest.param("192.168.0.7:8080", id="an address in the network"),
        pytest.param("0.0.0.0:8080", id="any address"),
        pytest.param("", id="empty"),
    ],
)
async def test_another_name_is_refused(client: httpx.AsyncClient, path: str, host: str) -> None:
    """DNS rebinding makes a foreign page one of the same origin; its name is what gives it away."""
    answer = await client.get(path, headers={"Host": host})

    assert answer.status_code == 421
    assert answer.json()["type"].endswith(":foreign-host")


async def test_two_hosts_are_refused(client: httpx.AsyncClient) -> None:
    """What one part reads as this machine, another might not."""
    answer = await client.get(API, headers=[("Host", "127.0.0.1:8080"), ("Host", "rebound.example")])

    assert answer.status_code == 421


@pytest.mark.parametrize("host", ["localhost", "LocalHost:9000", "127.0.0.1", "127.0.0.1:1", "[::1]:8080"])
async def test_the_names_of_this_machine_are_served(client: httpx.AsyncClient, host: str) -> None:
    """With any port: a tunnel or a development server may stand in between."""
    assert (await client.get(API, headers={"Host": host})).status_code == 200


FOREIGN = [
    pytest.param({"Origin": "https://evil.example"}, id="another site"),
    pytest.param({"Origin": "null"}, id="a page without origin"),
    pytest.param({"Origin": "http://127.0.0.1:9999"}, id="another port"),
    pytest.param({"Origin": "http://localhost:8080"}, id="another name of this machine"),
    pytest.param({"Origin": "https://127.0.0.1:8080"}, id="another scheme"),
    pytest.param({"Origin": f"{OWN}.evil.example"}, id="begins like ours"),
    pytest.param({"Sec-Fetch-Site": "cross-site"}, id="cross-site"),
    pytest.param({"Sec-Fetch-Site": "same-site"}, id="same-site"),
    pytest.param({"Sec-Fetch-Site": "cross-site", "Origin": OWN}, id="cross-site with our origin"),
    pytest.param({"Sec-Fetch-Site": ""}, id="says nothing"),
    pytest.param({"Origin": "https://app.example"}, id="an origin that the functions allow"),
]


@pytest.mark.parametrize("headers", FOREIGN)
@pytest.mark.parametrize(
    ("method", "path"), [("GET", API), ("POST", "/demo/api/tokens"), ("OPTIONS", "/demo/api/tokens")]
)
async def test_another_page_is_refused(
    client: httpx.AsyncClient, method: str, path: str, headers: dict[str, str]
) -> None:
    """No token, no effect, and nothing that would let the page read the refusal."""
    asked = {"Access-Control-Request-Method": "POST"} if method == "OPTIONS" else {}
    answer = await client.request(method, path, json={"userId": "ada"}, headers=headers | asked)

    assert answer.status_code == 403
    assert answer.json()["type"].endswith(":foreign-origin")
    assert not any(name.startswith("access-control-") for name in answer.headers)
    assert answer.headers["Cross-Origin-Resource-Policy"] == "same-origin"


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param({}, id="no browser"),
        pytest.param({"Origin": OWN}, id="an older browser"),
        pytest.param({"Sec-Fetch-Site": "same-origin", "Origin": OWN}, id="a browser"),
        # It passes the page's requests on under our name.
        pytest.param(
            {"Sec-Fetch-Site": "same-origin", "Origin": "http://localhost:5173"}, id="a development server"
        ),
        pytest.param({"Sec-Fetch-Site": "none"}, id="typed by the user"),
    ],
)
async def test_our_own_pages_are_served(client: httpx.AsyncClient, headers: dict[str, str]) -> None:
    """And no answer is kept: some are tokens."""
    answer = await client.post("/demo/api/tokens", json={"userId": "ada"}, headers=headers)

    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


async def test_a_link_from_elsewhere_opens_the_app(client: httpx.AsyncClient) -> None:
    """The page gives nothing away and does nothing by itself."""
    answer = await client.get("/", headers={"Sec-Fetch-Site": "cross-site"})

    assert answer.status_code == 200


async def test_the_functions_serve_whoever_has_a_token(client: httpx.AsyncClient) -> None:
    """By any name and to the origins that are configured: as without the demo."""
    answer = await client.post(
        SHOOT_PROGRESS,
        json=PROGRESS,
        headers=service() | {"Host": "functions.example", "Origin": "https://app.example"},
    )

    assert answer.status_code == 202
    assert answer.headers["Access-Control-Allow-Origin"] == "https://app.example"
    assert "Content-Security-Policy" not in answer.headers
