"""The publish function as one first writes it: FastAPI, Mangum, PyJWT, aiomqtt, a connection kept warm."""

import json
import os
import time
import uuid
from typing import Annotated, Literal

import aiomqtt
import jwt
from fastapi import Depends, FastAPI, HTTPException
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from mangum import Mangum
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


app = FastAPI()
bearer = HTTPBearer()
clients: list[aiomqtt.Client] = []


async def connected() -> aiomqtt.Client:
    """The warm connection, made at first use."""
    if not clients:
        client = aiomqtt.Client(
            os.environ["BENCH_MQTT_HOST"],
            int(os.environ["BENCH_MQTT_PORT"]),
            identifier=os.environ["BENCH_MQTT_CLIENT"],
            username=os.environ["BENCH_MQTT_USER"],
            password=os.environ["BENCH_MQTT_TOKEN"],
            protocol=aiomqtt.ProtocolVersion.V5,
        )
        await client.__aenter__()
        clients.append(client)
    return clients[0]


async def current_user(credentials: Annotated[HTTPAuthorizationCredentials, Depends(bearer)]) -> str:
    """The caller. Raises 401."""
    try:
        claims = jwt.decode(
            credentials.credentials,
            os.environ["BENCH_SECRET"],
            algorithms=["HS256"],
            issuer=os.environ["BENCH_ISSUER"],
            audience=os.environ["BENCH_AUDIENCE"],
        )
    except jwt.PyJWTError:
        raise HTTPException(401, "unauthorized") from None
    return str(claims["sub"])


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
    topic = f"sync/v1/users/{user}/events/shoots/{progress.shoot_id}"
    client = await connected()
    await client.publish(topic, json.dumps(message), qos=1)
    return Accepted(id=str(message["id"]))


handler = Mangum(app, lifespan="off")
