"""What is posted, by whom and to whom: the same for every peer."""

import json
import time

import jwt

SECRET = "bench-secret-of-at-least-thirty-two-bytes"
ISSUER = "bench"
AUDIENCE = "bench"
ALGORITHM = "HS256"

PATH = "/api/sync/shoot-progress"
SHOOT = "wedding-17"

MARKER = "IMG-0000000000"
"""Where the load generator writes the number of the request, and finds it again in what arrives."""


def users(count: int) -> list[str]:
    """So many user ids."""
    return [f"bench-{number}" for number in range(count)]


def device(number: int) -> str:
    """The id of a user's device."""
    return f"device-{number}"


def app_token(user: str) -> str:
    """The user's own token, as the app's login would issue it."""
    now = int(time.time())
    claims = {"iss": ISSUER, "aud": AUDIENCE, "sub": user, "iat": now, "exp": now + 24 * 3600}
    return jwt.encode(claims, SECRET, algorithm=ALGORITHM)


def body(user: str) -> bytes:
    """How far a shoot is: the JSON that is posted."""
    progress = {
        "userId": user,
        "deviceId": "mac-1",
        "shootId": SHOOT,
        "status": "processing",
        "processedCount": 1250,
        "totalCount": 3000,
        "currentImage": MARKER,
        "eta": 340,
    }
    return json.dumps(progress, separators=(",", ":")).encode()


def envelope(user: str) -> bytes:
    """The message that devices get, for where nobody makes it from the body."""
    data = {key: value for key, value in json.loads(body(user)).items() if key not in ("userId", "deviceId")}
    message = {
        "type": "SHOOT_PROGRESS",
        "id": "0123456789abcdef0123456789abcdef",
        "timestamp": time.time_ns() // 1_000_000,
        "userId": user,
        "deviceId": "mac-1",
        "data": data,
    }
    return json.dumps(message, separators=(",", ":")).encode()


def post(user: str, port: int, *, path: str = PATH, token: str | None = None) -> bytes:
    """The whole HTTP request, on a connection that is kept."""
    return http_post(port, path, body(user), {"Authorization": f"Bearer {token or app_token(user)}"})


def http_post(port: int, path: str, payload: bytes, headers: dict[str, str]) -> bytes:
    """An HTTP/1.1 POST of JSON."""
    lines = [
        f"POST {path} HTTP/1.1",
        f"Host: 127.0.0.1:{port}",
        "Content-Type: application/json",
        *(f"{name}: {value}" for name, value in headers.items()),
        f"Content-Length: {len(payload)}",
    ]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + payload


def upgrade(port: int, path: str, *, subprotocol: str | None = None) -> bytes:
    """The request that opens a WebSocket."""
    lines = [
        f"GET {path} HTTP/1.1",
        f"Host: 127.0.0.1:{port}",
        "Upgrade: websocket",
        "Connection: Upgrade",
        "Sec-WebSocket-Key: a3VsbC1zeW5jIGJlbmNoIQ==",
        "Sec-WebSocket-Version: 13",
    ]
    if subprotocol:
        lines.append(f"Sec-WebSocket-Protocol: {subprotocol}")
    return "\r\n".join(lines).encode() + b"\r\n\r\n"
