"""Decide against raw ASGI with one `GET` of the same profile: its peak, and how long it takes at half of that."""

import asyncio
import json
import time
from typing import Any

from bench.doors import BASIC, CONNECTIONS, SLOTS, VISITOR, compare, publish
from bench.load import call_http, get, pace_http, post
from bench.people import CONTEXT, profile
from bench.servers import client, own_redis, web_server
from profiles import keys
from profiles.profile import pack

EVENTS = 200  # behind the visitor
CALLS = 12_000
PACED_S = 10


def measure_decisions() -> dict[str, Any]:
    """Three slots of a Book with fifty rules, asked for somebody with 200 events; each decision is recorded. Rates are
    calls per second, latencies milliseconds; those at half of the peak count from when a call was due."""
    with own_redis() as url:
        connection = client(url)
        publish(connection)
        visitor = profile(VISITOR, EVENTS)
        connection.set(keys.profile(visitor.id), pack(visitor))
        ours = web_server("personalization.asgi:application", url)
        with ours as port, web_server("bench.baseline:application", url) as baseline:
            time.sleep(1)  # the definitions are looked for every half second
            found = compare(
                lambda calls: call_http(port, _decide, connections=CONNECTIONS, calls=calls),
                lambda calls: call_http(
                    baseline, lambda: get(f"/get/{visitor.id}"), connections=CONNECTIONS, calls=calls
                ),
                calls=CALLS,
            )
            half = found["ours_per_second"] / 2
            paced = asyncio.run(pace_http(port, _decide, connections=CONNECTIONS, rate=half, seconds=PACED_S))
            return {
                **found,
                "half_peak_per_second": round(paced.rate),
                "half_peak_p50_ms": round(1_000 * paced.quantile(0.5), 2),
                "half_peak_p99_ms": round(1_000 * paced.quantile(0.99), 2),
            }


def _decide() -> bytes:
    body = {"anonymousId": VISITOR, "slots": SLOTS, "context": {"page": CONTEXT["page"]}}
    return post("/api/v1/decide", json.dumps(body).encode(), BASIC)
