"""`manage.py latency` says where an event's time went, of the last minutes or of a moment that is watched."""

import json
import threading
import uuid
from math import inf
from pathlib import Path

import httpx
import pytest

from personalization.stage_report import History, Look, Report, compare, find_quantile, read_history, say_report
from tests.product import Product, wait_until
from tests.stories.inside import Inside


def look(at: float, *counts: float, total: float) -> Look:
    """Of one stage: up to 0.1 s, up to 1 s, above."""
    return Look(at, {"stored": [*zip((0.1, 1.0, inf), counts, strict=True)]}, {"stored": total})


def test_quantiles_lie_evenly_within_their_bucket() -> None:
    bounds = [(0.1, 50.0), (1.0, 100.0), (inf, 100.0)]
    assert find_quantile(bounds, 0.5) == 0.1
    assert find_quantile(bounds, 0.25) == 0.05
    assert find_quantile(bounds, 0.75) == 0.55
    assert find_quantile([(0.1, 1.0), (1.0, 1.0), (inf, 100.0)], 0.99) == 1.0


def test_only_what_came_between_two_looks_counts() -> None:
    report = compare(look(0, 1_000, 1_000, 1_000, total=10), look(60, 1_010, 1_020, 1_020, total=18))
    [stage] = report.stages
    assert (report.seconds, stage.count, stage.mean, stage.p50, stage.share) == (60, 20, 400, 100, 1)


def test_after_a_new_beginning_all_counts() -> None:
    [stage] = compare(look(0, 1_000, 1_000, 1_000, total=10), look(60, 10, 10, 10, total=1)).stages
    assert stage.count == 10


def test_nothing_measured_is_said_in_words() -> None:
    [line] = say_report(Report(60, []))
    assert line.startswith("Nothing was measured")


def test_history_is_kept_and_read_back(tmp_path: Path) -> None:
    now = 0.0

    def clock() -> float:
        nonlocal now
        now += 10
        return now

    history = History(tmp_path, clock)
    for _ in range(100):
        history.note()
    kept = read_history(tmp_path)
    assert [each.at for each in kept] == [10.0 * number for number in range(11, 101)]
    assert read_history(tmp_path / "nowhere") == []


@pytest.mark.story
def test_on_a_running_product_every_stage_is_told(running_product: Product) -> None:
    inside = Inside(running_product)
    ending = threading.Event()

    def load() -> None:
        with httpx.Client(base_url=running_product.url, timeout=30, trust_env=False) as client:
            while not ending.wait(0.05):
                visitor = uuid.uuid4().hex
                event = {"event": "Looked", "anonymousId": visitor}
                client.post("/v1/track", json=event, auth=(inside.write_key, ""))
                question = {"anonymousId": visitor, "slots": ["home-hero"], "writeKey": inside.write_key}
                client.post("/api/v1/decide", json=question)

    loading = threading.Thread(target=load)
    loading.start()
    try:
        wait_until(lambda: {"stored", "committed", "fresh", "archived", "decide"} <= set(measure(running_product)), 90)
    finally:
        ending.set()
        loading.join()
    told = running_product.manage("latency").stdout
    assert "of an event's time" in told.lower() or "Nothing was measured" in told


def measure(product: Product) -> dict[str, dict[str, float]]:
    done = product.manage("latency", "--watch", "2", "--json")
    assert done.returncode == 0, done.stderr
    found = {stage["name"]: stage for stage in json.loads(done.stdout)["stages"]}
    assert all(0 <= stage["p50"] <= stage["p95"] <= stage["p99"] for stage in found.values())
    return found
