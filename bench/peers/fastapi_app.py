"""The seed's server as one writes it with FastAPI: a dict of WebSockets in memory, a JWT checked per POST."""

import os
import time
import uuid
from typing import Annotated, Any, Literal

import jwt
from fastapi import Depends, FastAPI, HTTPException, WebSocket, WebSocketDisconnect
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel


class Progress(BaseModel):
    """The body of a POST."""

    model_config = ConfigDict(alias_generator=to_camel, extra="forbid")

    user_id: str
    device_id: str | None = None
    shoot_id: str
    status: Literal["queued", "processing", "completed", "failed"]
    processed_count: Annotated[int, Field(ge=0)]
    total_count: Annotated[int, Field(ge=0)]
    current_image: str | None = None
    eta: int | None = None


class Accepted(BaseModel):
    """The answer."""

    id: str
    listeners: int


app = FastAPI()
sockets: dict[str, set[WebSocket]] = {}
bearer = HTTPBearer()


def verify(token: str) -> str:
    """The user that a token proves. Raises jwt.PyJWTError when it proves none."""
    claims: dict[str, Any] = jwt.decode(
        token,
        os.environ["BENCH_SECRET"],
        algorithms=["HS256"],
        issuer=os.environ["BENCH_ISSUER"],
        audience=os.environ["BENCH_AUDIENCE"],
    )
    return str(claims["sub"])


async def current_user(credentials: Annotated[HTTPAuthorizationCredentials, Depends(bearer)]) -> str:
    """The caller. Raises 401."""
    try:
        return verify(credentials.credentials)
    except jwt.PyJWTError:
        raise HTTPException(401, "unauthorized") from None


@app.post("/api/sync/shoot-progress", status_code=202)
async def shoot_progress(progress: Progress, user: Annotated[str, Depends(current_user)]) -> Accepted:
    """Tell a user's devices how far a shoot is."""
    if progress.user_id != user:
        raise HTTPException(403, "forbidden")
    message = {
        "type": "SHOOT_PROGRESS",
        "id": str(uuid.uuid4()),
        "timestamp": time.time_ns() // 1_000_000,
        "userId": user,
        "deviceId": progress.device_id,
        "data": progress.model_dump(by_alias=True, exclude={"user_id", "device_id"}, exclude_none=True),
    }
    sent = 0
    for socket in list(sockets.get(user, ())):
        try:
            await socket.send_json(message)
            sent += 1
        except (WebSocketDisconnect, RuntimeError):
            sockets[user].discard(socket)
    return Accepted(id=message["id"], listeners=sent)


@app.websocket("/ws")
async def devices(socket: WebSocket, token: str) -> None:
    """Hold a device's connection."""
    try:
        user = verify(token)
    except jwt.PyJWTError:
        await socket.close(1008)
        return
    await socket.accept()
    sockets.setdefault(user, set()).add(socket)
    await socket.send_json({"type": "CONNECTED"})
    try:
        while True:
            await socket.receive_text()
    except WebSocketDisconnect:
        sockets[user].discard(socket)
