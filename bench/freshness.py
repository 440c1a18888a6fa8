"""How old an answer can be: from sending an event to a decide answer that knows of it, under a steady stream."""

import asyncio
import json
import time
import uuid
from typing import Any

import httpx
import msgspec

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
    """Milliseconds from just before the event is sent until an answer shows it: quantiles of PROBES new visitors."""
    with own_redis() as url:
        connection = client(url)
        publish(connection)
        announce(connection, keys.BOOK, 2, json.dumps(BOOK).encode())
        announce(connection, keys.ROSTER, 2, msgspec.json.encode(roster({"probe": PROBED})))
        with web_server("personalization.asgi:application", url) as port, processor(url):
            latencies = sorted(asyncio.run(_probe_under_load(port)))
        accepted = sum(
            int(count)
            for name, count in connection.hgetall(keys.OUTCOMES).items()
            if name.decode().endswith(f"|{Outcome.ACCEPTED}")
        )
    return {
        "p50_ms": round(latencies[len(latencies) // 2], 1),
        "p99_ms": round(latencies[int(len(latencies) * 0.99)], 1),
        "max_ms": round(latencies[-1], 1),
        "probes": len(latencies),
        "events_per_second_beside": RATE,
        "events_processed": accepted,
    }


async def _probe_under_load(port: int) -> list[float]:
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", headers=HEADERS, timeout=10) as http:
        await _until_ready(http)
        stream = asyncio.create_task(_stream(port))
        try:
            await asyncio.sleep(2)  # the stream is steady, the processor warm
            return [await _probe(http) for _ in range(PROBES)]
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
