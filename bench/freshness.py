"""How old an answer can be: from sending an event to an answer that knows of it, asked for or pushed, under load."""

import asyncio
import json
import time
import uuid
from typing import Any

import httpx
import msgspec
from websockets.asyncio.client import connect

from bench.doors import BASIC, WRITE_KEY, publish
from bench.people import CONTEXT, roster
from bench.servers import client, own_redis, processor, web_server
from ingestion.steps import Outcome
from personalization.snapshot import announce
from profiles import keys

RATE = 500  # events per second beside the probes
PROBES = 400
GIVE_UP_S = 5.0
HEADERS = {"Authorization": BASIC.split(": ")[1].strip(), "Content-Type": "text/plain"}
PROBED = {"v": 1, "root": {"id": "did", "kind": "event", "event": "Probed", "window": None}}
BOOK = {
    "v": 1,
    "number": 2,
    "slots": {"hero": {"default": None}},
    "blocks": {"seen": {"kind": "html", "source": "<p>seen</p>", "name": ""}},
    "rules": [
        {
            "slug": "probe",
            "name": "Probe",
            "slot": "hero",
            "priority": 1,
            "block": "seen",
            "condition": {"v": 1, "root": {"id": "in", "kind": "segment", "segment": "probe"}},
        }
    ],
}


def measure_freshness() -> dict[str, Any]:
    """Milliseconds from just before the event is sent until an answer shows it: quantiles of PROBES new visitors, who
    ask again and again; and of as many whose open page has the block pushed to it."""
    with own_redis() as url:
        connection = client(url)
        publish(connection)
        announce(connection, keys.BOOK, 2, json.dumps(BOOK).encode())
        announce(connection, keys.ROSTER, 2, msgspec.json.encode(roster({"probe": PROBED})))
        with web_server("personalization.asgi:application", url) as port, processor(url):
            latencies, pushed = map(sorted, asyncio.run(_probe_under_load(port)))
        accepted = sum(
            int(count)
            for name, count in connection.hgetall(keys.OUTCOMES).items()
            if name.decode().endswith(f"|{Outcome.ACCEPTED}")
        )
    return {
        "p50_ms": round(latencies[len(latencies) // 2], 1),
        "p99_ms": round(latencies[int(len(latencies) * 0.99)], 1),
        "max_ms": round(latencies[-1], 1),
        "pushed_p50_ms": round(pushed[len(pushed) // 2], 1),
        "pushed_p99_ms": round(pushed[int(len(pushed) * 0.99)], 1),
        "probes": len(latencies),
        "events_per_second_beside": RATE,
        "events_processed": accepted,
    }


async def _probe_under_load(port: int) -> tuple[list[float], list[float]]:
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", headers=HEADERS, timeout=10) as http:
        await _until_ready(http)
        stream = asyncio.create_task(_stream(port))
        try:
            await asyncio.sleep(2)  # the stream is steady, the processor warm
            asked = [await _probe(http) for _ in range(PROBES)]
            return asked, [await _probe_page(port) for _ in range(PROBES)]
        finally:
            stream.cancel()


async def _until_ready(http: httpx.AsyncClient) -> None:
    deadline = time.monotonic() + 20
    while (await http.post("/v1/track", content=_event("Probed", "first"))).status_code != 200:
        if time.monotonic() > deadline:
            raise RuntimeError("the doors did not open within 20 s")
        await asyncio.sleep(0.2)
    await _wait_for_answer(http, "first", deadline)


async def _stream(port: int) -> None:
    """RATE events per second in fifty small batches, from two thousand visitors."""
    number = 0
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", headers=HEADERS, timeout=10) as http:
        started = time.monotonic()
        while True:
            batch = [json.loads(_event("Product Viewed", f"visitor-{(number + n) % 2_000}")) for n in range(RATE // 50)]
            number += len(batch)
            await http.post("/v1/batch", content=json.dumps({"batch": batch}))
            await asyncio.sleep(max(0.0, started + number / RATE - time.monotonic()))


async def _probe(http: httpx.AsyncClient) -> float:
    visitor = uuid.uuid4().hex
    started = time.perf_counter()
    await http.post("/v1/track", content=_event("Probed", visitor))
    await _wait_for_answer(http, visitor, time.monotonic() + GIVE_UP_S)
    return (time.perf_counter() - started) * 1_000


async def _probe_page(port: int) -> float:
    """A page with a live slot, and an event of its visitor."""
    visitor = uuid.uuid4().hex
    hello = {"type": "hello", "v": 1, "writeKey": WRITE_KEY, "anonymousId": visitor, "consent": "granted"}
    question = {"type": "decide", "id": 1, "slots": ["hero"], "live": ["hero"]}
    async with connect(f"ws://127.0.0.1:{port}/ws/v1/", compression=None) as socket:
        await socket.send(json.dumps(hello))
        await socket.send(json.dumps(question))
        while json.loads(await socket.recv())["type"] != "decision":
            pass
        started = time.perf_counter()
        await socket.send(json.dumps({"type": "batch", "id": 2, "batch": [json.loads(_event("Probed", visitor))]}))
        async with asyncio.timeout(GIVE_UP_S):
            while json.loads(await socket.recv()).get("id", 0) is not None:
                pass
        return (time.perf_counter() - started) * 1_000


async def _wait_for_answer(http: httpx.AsyncClient, visitor: str, deadline: float) -> None:
    question = json.dumps({"anonymousId": visitor, "slots": ["hero"], "writeKey": WRITE_KEY})
    while time.monotonic() < deadline:
        answer = (await http.post("/api/v1/decide", content=question)).json()
        if answer["slots"]["hero"]["reason"] == "rule_matched":
            return
        await asyncio.sleep(0.002)
    raise RuntimeError(f"no answer knew of the event of {visitor} in time")


def _event(name: str, visitor: str) -> str:
    message = {
        "type": "track",
        "event": name,
        "messageId": uuid.uuid4().hex,
        "anonymousId": visitor,
        "properties": {"category": "Outdoor", "price": 12.5},
        "context": CONTEXT,
    }
    return json.dumps(message)
