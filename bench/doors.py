"""The doors against raw ASGI with the same Redis work, one worker each, in alternating rounds on one server."""

import asyncio
import itertools
import json
import time
import uuid
from base64 import b64encode
from collections.abc import Callable
from typing import Any

import msgspec

from bench.load import Measured, call_http, call_socket, post
from bench.people import CONTEXT, NAMES, roster, segments
from bench.servers import client, own_redis, web_server
from ingestion.directory import Directory, Source
from personalization.snapshot import announce
from profiles import keys

ROUNDS = 3
CONNECTIONS = 32
SOCKETS = 16
SLOTS = ("home-hero", "banner", "email-banner")
VISITOR = "0b5f3c2e-7d1a-4a7e-9c1b-000000000001"
WRITE_KEY = "bench-write-key"
BASIC = "Authorization: Basic " + b64encode(f"{WRITE_KEY}:".encode()).decode() + "\r\n"


def measure_doors() -> dict[str, Any]:
    """Rates (calls or events per second), p99 in milliseconds, and our rate over the baseline's, medians of rounds."""
    with own_redis() as url:
        connection = client(url)
        publish(connection)
        ours = web_server("personalization.asgi:application", url, PZ_LOG_MAX_LENGTH="100000000")
        with ours as port, web_server("bench.baseline:application", url) as baseline:
            time.sleep(1)  # the definitions are looked for every half second
            return {
                "socket_1": _compare_sockets(port, baseline, batch=1, calls=400),
                "socket_50": _compare_sockets(port, baseline, batch=50, calls=60),
                "batch_100": compare(
                    lambda calls: call_http(port, _batch, connections=CONNECTIONS, calls=calls),
                    lambda calls: call_http(
                        baseline, lambda: post("/add", _body(100)), connections=CONNECTIONS, calls=calls
                    ),
                    calls=640,
                ),
            }


def publish(connection: Any) -> None:
    """A directory with one source, and a Book of three slots with fifty rules over ten segments."""
    directory = Directory(
        number=1,
        sources={WRITE_KEY: Source(slug="bench", name="Bench", write_key=WRITE_KEY)},
        secret_keys={},
        indexed=dict.fromkeys(NAMES, ("category", "product_id", "price")),
        schemas={},
        default_indexed=("category",),
    )
    announce(connection, keys.DIRECTORY, 1, msgspec.json.encode(directory))
    announce(connection, keys.BOOK, 1, json.dumps(book()).encode())
    announce(connection, keys.ROSTER, 1, msgspec.json.encode(roster(segments(10))))


def book() -> dict[str, Any]:
    return {
        "v": 1,
        "number": 1,
        "slots": {slot: {"default": None} for slot in SLOTS},
        "blocks": {f"block-{n}": {"kind": "html", "source": f"<h1>Block {n}</h1>", "name": ""} for n in range(50)},
        "rules": [
            {
                "slug": f"rule-{n}",
                "name": f"Rule {n}",
                "slot": SLOTS[n % 3],
                "priority": n,
                "block": f"block-{n}",
                "condition": {"v": 1, "root": {"id": "in", "kind": "segment", "segment": f"segment-{n % 10}"}},
            }
            for n in range(50)
        ],
    }


def _message() -> dict[str, Any]:
    return {
        "type": "track",
        "event": "Product Viewed",
        "messageId": str(uuid.uuid4()),
        "anonymousId": f"visitor-{next(_numbers) % 2_000}",
        "timestamp": "2026-06-01T12:00:00.000Z",
        "properties": {"category": "Outdoor", "product_id": "p1", "price": 12.5, "name": "A product of the shop"},
        "context": CONTEXT,
    }


_numbers = itertools.count()


def _body(size: int) -> bytes:
    return json.dumps({"batch": [_message() for _ in range(size)], "sentAt": "2026-06-01T12:00:00.000Z"}).encode()


def _batch() -> bytes:
    return post("/v1/batch", _body(100), BASIC)


def _compare_sockets(port: int, baseline: int, *, batch: int, calls: int) -> dict[str, Any]:
    hello = json.dumps({"type": "hello", "v": 1, "writeKey": WRITE_KEY, "anonymousId": VISITOR, "consent": "granted"})
    prepared = itertools.cycle(
        [
            json.dumps({"type": "batch", "id": n, "batch": [_message() for _ in range(batch)]}).replace(
                "2026-06-01T12:00:00.000Z", "2026-11-01T12:00:00.000Z"
            )
            for n in range(50)
        ]
    )

    def frame() -> str:
        return next(prepared)

    frames: list[Callable[[], str]] = [frame] * SOCKETS
    return compare(
        lambda calls: call_socket(port, "/ws/v1/", hello, frames, calls=calls),
        lambda calls: call_socket(baseline, "/", None, frames, calls=calls),
        calls=calls,
        events=batch,
    )


def compare(
    ours: Callable[[int], Any], baseline: Callable[[int], Any], *, calls: int, events: int = 1
) -> dict[str, Any]:
    asyncio.run(ours(calls // 4 or 1))  # warm-up
    asyncio.run(baseline(calls // 4 or 1))
    rounds: list[tuple[Measured, Measured]] = []
    for _ in range(ROUNDS):
        rounds.append((asyncio.run(ours(calls)), asyncio.run(baseline(calls))))
    ratios = sorted(us.rate / them.rate for us, them in rounds)
    return {
        "ratio": round(ratios[len(ratios) // 2], 2),
        "ours_per_second": round(_median([us.rate * events for us, _ in rounds])),
        "baseline_per_second": round(_median([them.rate * events for _, them in rounds])),
        "ours_p50_ms": round(1_000 * _median([us.quantile(0.5) for us, _ in rounds]), 2),
        "ours_p99_ms": round(1_000 * _median([us.quantile(0.99) for us, _ in rounds]), 2),
        "baseline_p99_ms": round(1_000 * _median([them.quantile(0.99) for _, them in rounds]), 2),
    }


def _median(values: list[float]) -> float:
    return sorted(values)[len(values) // 2]
