"""The built app is served to every address of its own, kept where that is safe, and locked in by its CSP."""

from pathlib import Path

import httpx
import pytest

from functions.demo.pages import content_security_policy

INDEX = "<!doctype html><title>Demo</title>"
ASSET = "/assets/index-1a2b3c.js"


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/shoots",
        "/shoots/wedding-17",
        "/tester",
        "/index.html",
        "/apiary",
        "/demo",
        "/shoots/a.b",
        "/%00",
    ],
)
async def test_an_address_of_the_app_is_its_page(client: httpx.AsyncClient, path: str) -> None:
    """Reloading any address of the app works; the page itself is asked for again each time."""
    answer = await client.get(path)

    assert (answer.status_code, answer.text) == (200, INDEX)
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    assert answer.headers["Cache-Control"] == "no-cache"


async def test_a_page_is_no_asset(client: httpx.AsyncClient) -> None:
    """However it is asked for: kept for ever, it would hide every later build."""
    url = httpx.URL(raw_path=b"/assets/../index.html", scheme="http", host="127.0.0.1", port=8080)
    answer = await client.get(url)

    assert (answer.status_code, answer.headers["Cache-Control"]) == (200, "no-cache")


async def test_a_file_of_the_app(client: httpx.AsyncClient) -> None:
    """What has no content in its name is asked for again."""
    answer = await client.get("/icon.svg")

    assert (answer.status_code, answer.text) == (200, "<svg/>")
    assert answer.headers["Cache-Control"] == "no-cache"


async def test_an_asset_is_kept_for_ever(client: httpx.AsyncClient) -> None:
    """Its name changes with its content. A type that is no script would not run (nosniff)."""
    answer = await client.get(ASSET)

    assert (answer.status_code, answer.text) == (200, "export {}")
    assert answer.headers["Content-Type"].startswith("text/javascript")
    assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"


@pytest.mark.parametrize("path", ["/assets", "/assets/", "/assets/old.js", "/shoots/../assets/old.js"])
async def test_a_missing_asset_is_404(client: httpx.AsyncClient, path: str) -> None:
    """The page in its place would be read as a script; a 404 that is kept would outlive the next build."""
    answer = await client.get(httpx.URL(raw_path=path.encode(), scheme="http", host="127.0.0.1", port=8080))

    assert answer.status_code == 404
    assert answer.json()["type"].endswith(":not-found")
    assert "immutable" not in answer.headers.get("Cache-Control", "")


@pytest.mark.parametrize(
    "path",
    [
        "/../secret.txt",
        "/%2e%2e/secret.txt",
        "/..%2fsecret.txt",
        "/assets/..%2f..%2fsecret.txt",
        "//secret.txt",
    ],
)
async def test_no_file_beside_the_app_is_served(client: httpx.AsyncClient, path: str) -> None:
    """However the way up is written."""
    answer = await client.get(httpx.URL(raw_path=path.encode(), scheme="http", host="127.0.0.1", port=8080))

    assert "not for the web" not in answer.text


@pytest.mark.parametrize("path", ["/api", "/api/sync/no-such", "/demo/api", "/demo/api/no-such"])
async def test_an_unknown_route_of_an_api_is_404(client: httpx.AsyncClient, path: str) -> None:
    """A program that mistyped a URL gets no page."""
    answer = await client.get(path)

    assert answer.status_code == 404
    assert answer.headers["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS"])
@pytest.mark.parametrize("path", ["/", ASSET, "/shoots"])
async def test_pages_are_only_read(client: httpx.AsyncClient, method: str, path: str) -> None:
    """405, with what is allowed (RFC 9110, 15.5.6)."""
    answer = await client.request(method, path)

    assert (answer.status_code, answer.headers["Allow"]) == (405, "GET, HEAD")


async def test_head_and_revalidation(client: httpx.AsyncClient) -> None:
    """HEAD has no body, and who has the newest page already does not get it again."""
    head = await client.head("/shoots")
    again = await client.get("/shoots", headers={"If-None-Match": head.headers["ETag"]})

    assert (head.status_code, head.text) == (200, "")
    assert again.status_code == 304


@pytest.mark.parametrize("path", ["/", ASSET, "/assets/missing.js", "/tester"])
async def test_every_page_is_locked_in(client: httpx.AsyncClient, path: str) -> None:
    """Scripts and styles from here alone; nobody frames it, sniffs its types or reads its addresses."""
    headers = (await client.get(path)).headers

    assert headers["Content-Security-Policy"] == (
        "default-src 'none'; script-src 'self'; worker-src 'self'; style-src 'self'; img-src 'self' data:; "
        "font-src 'self'; connect-src 'self' wss://broker.example; base-uri 'none'; form-action 'self'; "
        "frame-ancestors 'none'"
    )
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "same-origin"


@pytest.mark.parametrize(
    ("urls", "sources"),
    [
        (["ws://127.0.0.1:8083/mqtt", "mqtt://127.0.0.1:1883"], "'self' ws://127.0.0.1:8083"),
        (["wss://a.example/mqtt", "wss://b.example:8443/"], "'self' wss://a.example wss://b.example:8443"),
        (["mqtts://broker.example"], "'self'"),
    ],
)
def test_a_page_may_connect_to_the_brokers(urls: list[str], sources: str) -> None:
    """To those that a browser can reach, by any path."""
    assert f"; connect-src {sources};" in content_security_policy(urls)


async def test_without_the_app(client: httpx.AsyncClient, built: Path) -> None:
    """Not built: the page says how to, and the API works all the same."""
    (built / "index.html").unlink()
    page = await client.get("/")
    users = await client.get("/demo/api/users")

    assert (page.status_code, users.status_code) == (404, 200)
    assert "make demo" in page.text
