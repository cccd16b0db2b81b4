"""Whatever is sent, the answer is a documented one: never a 500, and nothing goes out by accident."""

import json
from typing import Any

import httpx
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from functions.app import create_app, openapi
from mqtt_bridge.recording import RecordingPublisher

from .callers import BATCH_ROUTE, POSTS, service
from .conftest import settings_of

PAGE = openapi()
HEADERS = service("sync:publish sync:session sync:bridge sync:operator") | {
    "Content-Type": "application/json"
}

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats()
    | st.text(max_size=200)
    | st.sampled_from(
        ["ada", "processing", "updated", "mac", "bridge", "SHOOT_PROGRESS", "0/1", "a/b", "$x", "#"]
    )
)
FIELDS = st.sampled_from(
    sorted(
        {"type", "role", "worker", "instance", "nonsense"}.union(*(body.keys() for body in POSTS.values()))
    )
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(FIELDS | st.text(max_size=5), inner, max_size=4)
    ),
    max_leaves=8,
)


@st.composite
def bodies(draw: st.DrawFn) -> tuple[str, Any]:
    """A good body of a route, some of whose fields are something else."""
    path = draw(st.sampled_from(sorted(POSTS)))
    return path, POSTS[path] | draw(st.dictionaries(FIELDS, VALUES, max_size=3))


async def post(path: str, content: bytes) -> tuple[httpx.Response, RecordingPublisher]:
    publisher = RecordingPublisher()
    transport = httpx.ASGITransport(create_app(settings_of(), publisher))
    async with httpx.AsyncClient(transport=transport, base_url="http://functions") as client:
        return await client.post(path, content=content, headers=HEADERS), publisher


def check(path: str, response: httpx.Response, publisher: RecordingPublisher) -> None:
    documented = {int(status) for status in PAGE["paths"][path]["post"]["responses"]} - {500, 503}
    assert response.status_code in documented, response.text
    if not response.is_success:
        assert response.json()["status"] == response.status_code
        assert publisher.sent == []
    elif path == BATCH_ROUTE:
        accepted = [item for item in response.json()["items"] if item["status"] == 202]
        assert {item["status"] for item in response.json()["items"]} <= {202, 403, 422}
        assert [item["id"] for item in accepted] == [message.id for _, message in publisher.sent]
    for topic, message in publisher.sent:
        # It can be published: its topic builds, and its JSON is JSON.
        assert str(topic).startswith("sync/v1/")
        json.loads(message.to_json(), parse_constant=pytest.fail)


@given(bodies())
@example((BATCH_ROUTE, {"items": [{"type": {}}, {"type": "SHOOT_PROGRESS", "userId": float("nan")}]}))
async def test_no_json_breaks_the_functions(posted: tuple[str, Any]) -> None:
    """Fields of every kind in every place."""
    path, body = posted
    check(path, *await post(path, json.dumps(body).encode()))


@given(st.sampled_from(sorted(POSTS)), st.binary(max_size=300))
async def test_no_bytes_break_the_functions(path: str, content: bytes) -> None:
    """Bytes of every kind."""
    check(path, *await post(path, content))


@given(
    st.lists(VALUES | st.just({"type": "SHOOT_PROGRESS", **POSTS["/api/sync/shoot-progress"]}), max_size=6)
)
async def test_no_item_breaks_a_batch(items: list[Any]) -> None:
    """Good and bad items in every order."""
    response, publisher = await post(BATCH_ROUTE, json.dumps({"items": items}).encode())
    check(BATCH_ROUTE, response, publisher)
    if items:
        assert len(response.json()["items"]) == len(items)
