"""Opens the Studio's pages on the servers in the environment; run by `bench.studio`, prints JSON."""

import json
import statistics
import sys
import time
from collections.abc import Mapping
from typing import NamedTuple

import django

django.setup()

from django.db import connection  # noqa: E402  # models need Django to be set up
from django.test import Client  # noqa: E402
from django.test.utils import CaptureQueriesContext  # noqa: E402

from bench.studio_fill import DEFINITIONS, PEOPLE, fill, prepare  # noqa: E402
from tests.studio.tour import Answer, take_tour  # noqa: E402

ROUNDS = 7
BASELINE = "studio:account"
NO_MARK = "\0"  # in no address
GOAL_MS, PART_GOAL_MS = 100, 300


class Taken(NamedTuple):
    """Medians of one address: by the clock, of this process alone, and how often it asked PostgreSQL."""

    wall_ms: float
    cpu_ms: float
    queries: int


def main() -> None:
    owner = prepare()
    fill(owner)
    client = Client(SERVER_NAME="localhost")
    client.force_login(owner)
    json.dump(measure(client), sys.stdout)


def measure(client: Client) -> dict[str, object]:
    def get(path: str, is_part: bool) -> Answer:
        answer = client.get(path, headers={"HX-Request": "true"} if is_part else {})
        text = "" if answer.streaming else answer.content.decode(errors="replace")
        return Answer(answer.status_code, answer.headers.get("Content-Type", ""), text)

    tour = take_tour(get, mark=NO_MARK, also={})
    pages, parts = tour.pages, tour.parts
    taken = {name: take(client, path) for name, path in pages.items()}
    lazy = {name: take(client, path, part=True) for name, path in parts.items()}
    return {
        "pages": len(pages),
        "parts": len(parts),
        "definitions": DEFINITIONS,
        "people": PEOPLE,
        "baseline_ms": taken[BASELINE].wall_ms,
        "slowest_ms": max(each.wall_ms for each in taken.values()),
        f"over_{GOAL_MS}_ms": sum(each.wall_ms > GOAL_MS for each in taken.values()),
        f"parts_over_{PART_GOAL_MS}_ms": sum(each.wall_ms > PART_GOAL_MS for each in lazy.values()),
        "median_ms": tell(taken, 0),
        "cpu_ms": tell(taken, 1),
        "queries": tell(taken, 2),
        "parts_ms": tell(lazy, 0),
        "parts_cpu_ms": tell(lazy, 1),
        "parts_queries": tell(lazy, 2),
    }


def take(client: Client, path: str, *, part: bool = False) -> Taken:
    headers = {"HX-Request": "true"} if part else {}
    with CaptureQueriesContext(connection) as queries:
        client.get(path, headers=headers)
        count = len(queries)
    walls, cpus = [], []
    for _ in range(ROUNDS):
        started, busy = time.perf_counter(), time.process_time()
        client.get(path, headers=headers)
        walls.append((time.perf_counter() - started) * 1_000)
        cpus.append((time.process_time() - busy) * 1_000)
    return Taken(round(statistics.median(walls), 1), round(statistics.median(cpus), 1), count)


def tell(taken: Mapping[str, Taken], which: int) -> dict[str, float]:
    """One measure of each, the most first."""
    found = {name: each[which] for name, each in taken.items()}
    return dict(sorted(found.items(), key=lambda each: -each[1]))


if __name__ == "__main__":
    main()
