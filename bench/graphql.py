"""The customer query against graphene-django's own view, same types, same data, in alternating rounds."""

import itertools
import json
import tempfile
import time
from pathlib import Path
from typing import Any

from bench.archive import ask_child
from bench.doors import CONNECTIONS, compare
from bench.load import call_http, post
from bench.servers import own_redis, web_server
from personalization.servers import Servers, embedded_settings

PEOPLE = 400
SECRET = "bench-secret-key"
SCOPES = ("profiles:read", "segments:read", "decide")
BEARER = f"Authorization: Bearer {SECRET}\r\n"
HOT = """
  id userId firstSeen lastSeen traits consent { purpose granted at } segments { slug name since } scores { name value }
  events(names: ["Product Viewed", "Order Completed"]) {
    name count total last recent(limit: 5) { at value properties }
  }
"""
COLD = "transactions(first: 5) { orders { id at revenue products } } points { balance } grants(first: 5) { offer code }"
ONE = "query Customer($user: String!) { customer(userId: $user) { %s } }"
QUERIES = {
    "customer": ONE % (HOT + COLD),
    "hot_fields_only": ONE % HOT,
    "one_field": ONE % "traits",
}


def measure_graphql() -> dict[str, Any]:
    """Calls per second, p99 in milliseconds, and our rate over the stock view's, medians of rounds."""
    with tempfile.TemporaryDirectory(prefix="bench-graphql-") as folder, own_redis() as redis_url:
        Path(folder).chmod(0o711)
        servers = Servers(Path(folder), redis=False, durable=False)
        servers.start()
        try:
            ask_child("bench.graphql_people", Path(folder), REDIS_URL=redis_url)
            database = {"DATABASE_URL": embedded_settings(Path(folder))["DATABASE_URL"]}
            ours = web_server("personalization.asgi:application", redis_url, **database)
            with ours as port, web_server("bench.graphql_stock:application", redis_url, **database) as stock:
                time.sleep(1)  # the definitions are looked for every half second
                return {name: _measure(query, port, stock) for name, query in QUERIES.items()}
        finally:
            servers.stop()


def _measure(query: str, port: int, stock: int) -> dict[str, Any]:
    users = itertools.cycle(range(PEOPLE))

    def call() -> bytes:
        body = {"query": query, "variables": {"user": f"user-{next(users)}"}}
        return post("/graphql", json.dumps(body).encode(), BEARER, "application/json")

    return compare(
        lambda calls: call_http(port, call, connections=CONNECTIONS, calls=calls),
        lambda calls: call_http(stock, call, connections=CONNECTIONS, calls=calls),
        calls=960,
    )
