"""What the doors are measured against: raw ASGI with the same Redis work and nothing else."""

import os
from typing import Any

import msgspec
import redis.asyncio

from profiles import keys


class Frame(msgspec.Struct):
    """A batch of which only the borders of its events are looked for: no baseline could do with less."""

    batch: list[msgspec.Raw]


decode = msgspec.json.Decoder(Frame).decode
client = redis.asyncio.Redis.from_url(os.environ["REDIS_URL"], max_connections=64)


async def application(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] == "lifespan":
        while (message := await receive())["type"] != "lifespan.shutdown":
            await send({"type": message["type"] + ".complete"})
        await send({"type": "lifespan.shutdown.complete"})
    elif scope["type"] == "http":
        await read_body(receive)
        if scope["path"].startswith("/get/"):
            await client.get(keys.profile(scope["path"][5:]))
        else:
            await add([scope["path"].encode()] * 100)
        headers = [(b"content-type", b"application/json"), (b"content-length", b"2")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b"{}"})
    else:
        await receive()
        await send({"type": "websocket.accept"})
        while (message := await receive())["type"] == "websocket.receive":
            await add([bytes(event) for event in decode(message["text"]).batch])
            await send({"type": "websocket.send", "text": '{"type":"ack"}'})


async def read_body(receive: Any) -> bytes:
    body: bytes = b""
    while True:
        message = await receive()
        body += message.get("body", b"")
        if not message.get("more_body"):
            return body


async def add(records: list[bytes]) -> None:
    pipeline = client.pipeline(transaction=False)
    for record in records:
        pipeline.xadd("baseline:log", {"r": record}, maxlen=100_000, approximate=True)
    await pipeline.execute()
