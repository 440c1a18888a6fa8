"""What processes count is told by any web process, survives them, names nobody, and is documented to the letter."""

import asyncio
import os
import re
import subprocess
import sys
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from ingestion.meter import NO_METER, Meter, Way
from personalization.metric_catalogue import CATALOGUE, LOOKED_UP, MEASURED, Metric
from personalization.metric_files import PREFIXES, Slots, forget_dead, read
from personalization.metrics import Durations, Metrics
from personalization.metrics_door import MetricsApp, is_from_here
from tests.docs.pages import ROOT, prose
from tests.product import Product, wait_until
from tests.stories.inside import Inside, kill

PAGE = ROOT / "docs/reference/metrics.md"
UNITS = ("_seconds", "_bytes", "_total")
BOUNDED = {"task", "round", "partition"}  # by the schedule, the rounds and PZ_PARTITIONS
PERSONAL = {"id", "user", "user_id", "anonymous_id", "profile", "email", "address", "ip", "key", "session", "path"}


# --- The table -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("metric", CATALOGUE.values(), ids=lambda metric: metric.name)
def test_names_follow_the_conventions(metric: Metric) -> None:
    assert re.fullmatch(r"pz(_[a-z]+)+", metric.name)
    assert metric.name.endswith("_total") == (metric.kind == "counter")
    assert (metric.kind == "histogram") == bool(metric.buckets) and list(metric.buckets) == sorted(metric.buckets)
    if metric.kind == "histogram":
        assert metric.name.endswith(UNITS)
    assert not re.search(r"_(ms|milliseconds|kb|mb|count|sum|bucket|gauge|counter|histogram)(_|$)", metric.name)
    assert metric.says.endswith(".")


@pytest.mark.parametrize("metric", CATALOGUE.values(), ids=lambda metric: metric.name)
def test_labels_are_bounded_and_name_nobody(metric: Metric) -> None:
    assert not PERSONAL & set(metric.labels)
    for label, values in metric.labels.items():
        assert re.fullmatch("[a-z]+", label) and label not in ("le", "quantile", "job", "instance")
        assert (label in BOUNDED) == (values is None)
        assert values is None or 0 < len(set(values)) == len(values) <= 40


def test_every_metric_is_documented_and_no_line_is_stale() -> None:
    rows = [line.strip("|").split("|") for line in prose(PAGE).splitlines() if line.startswith("| `pz_")]
    shown = {row[0].strip().strip("`"): [cell.strip() for cell in row[1:]] for row in rows}
    assert shown == {
        metric.name: [
            metric.kind,
            ", ".join(f"`{label}`" for label in metric.labels) or "–",
            find_unit(metric),
            metric.says,
        ]
        for metric in CATALOGUE.values()
    }


def find_unit(metric: Metric) -> str:
    if "timestamp_seconds" in metric.name:
        return "Unix seconds"
    return next((unit.strip("_") for unit in UNITS[:2] if unit in metric.name), "number")


def test_every_value_of_a_label_is_documented() -> None:
    text = PAGE.read_text()
    values = {value for metric in CATALOGUE.values() for label in metric.labels.values() for value in label or ()}
    elsewhere = (ROOT / "docs/reference/refusals.md").read_text() + (ROOT / "docs/reference/decide.md").read_text()
    assert [value for value in values if f"`{value}`" not in text and f"`{value}`" not in elsewhere] == []


def test_every_measured_metric_has_its_place_in_a_process() -> None:
    made = {family.name for family in Metrics().registry.collect()}
    assert made == {metric.name.removesuffix("_total") for metric in MEASURED}


def test_nobody_has_to_measure() -> None:
    meter: Meter = NO_METER
    meter.took(Way.HTTP, 1, 0.1)
    measured: Meter = Metrics()
    measured.took(Way.HTTP, 1, 0.1)


# --- Counting ------------------------------------------------------------------------------------------------------


def test_many_durations_at_once_are_as_many_one_by_one() -> None:
    one, many = (Durations(name, "x", registry=None, buckets=(0.1, 1.0)) for name in ("a_seconds", "b_seconds"))
    for seconds in (0.0, 0.1, 0.1, 0.5, 7.0):
        one.observe(seconds)
    many.observe_many({0.0: 1, 0.1: 2, 0.5: 1, 7.0: 1})
    samples = [
        [(each.name[2:], each.labels, each.value) for each in next(iter(of.collect())).samples] for of in (one, many)
    ]
    assert [row for row in samples[0] if row[0] != "seconds_created"] == [
        row for row in samples[1] if row[0] != "seconds_created"
    ]


COUNT = """
import sys
from pathlib import Path
from ingestion.meter import Way
from personalization.metrics import start_process
metrics = start_process(Path(sys.argv[1]), "web")
metrics.took(Way.HTTP, int(sys.argv[2]), 0.02)
metrics.opened(visitors=7, studio=0)
metrics.settle()
print("counted", flush=True)
sys.stdin.read()
"""


class Counting:
    """A process of its own that has counted so many events, and lives until it is killed."""

    def __init__(self, folder: Path, events: int) -> None:
        command = [sys.executable, "-c", COUNT, str(folder), str(events)]
        self.process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert self.process.stdout is not None and self.process.stdout.readline() == b"counted\n"

    def kill(self) -> None:
        self.process.kill()
        self.process.communicate()


def tell(folder: Path) -> dict[str, float]:
    names = ("pz_events_taken_total", "pz_stage_seconds_count", "pz_sockets_open")
    found: dict[str, float] = {}
    for family in read(folder):
        for sample in family.samples:
            if sample.name in names and sample.labels.get("kind") != "studio":
                found[sample.name] = found.get(sample.name, 0) + sample.value
    return found


def test_counts_outlive_processes_and_are_gone_on_with(tmp_path: Path) -> None:
    folder = tmp_path / "metrics"
    first, second = Counting(folder, 3), Counting(folder, 4)
    try:
        assert tell(folder) == {"pz_events_taken_total": 7, "pz_stage_seconds_count": 7, "pz_sockets_open": 14}
        first.kill()
        assert tell(folder) == {"pz_events_taken_total": 7, "pz_stage_seconds_count": 7, "pz_sockets_open": 7}
        first = Counting(folder, 10)
        assert tell(folder)["pz_events_taken_total"] == 17
        assert len([*folder.glob("counter_*.db")]) == 2  # however often they come back
        forget_dead(folder)
        assert tell(folder)["pz_events_taken_total"] == 17
        first.kill()
        forget_dead(folder)
        assert tell(folder)["pz_events_taken_total"] == 4
    finally:
        first.kill()
        second.kill()


def test_a_file_that_was_torn_is_begun_anew(tmp_path: Path) -> None:
    Slots(tmp_path, "web")()
    [torn] = list(tmp_path.glob("counter_*.db"))
    torn.write_bytes(b"\xff\xff\x00\x00" + os.urandom(5_000))
    assert [*read(tmp_path)] == []
    counting = Counting(tmp_path, 1)
    counting.kill()
    assert tell(tmp_path)["pz_events_taken_total"] == 1


def test_room_is_taken_before_anything_is_counted(tmp_path: Path) -> None:
    """A page of a mapped file for which the disk has no room would end the process."""
    name = Slots(tmp_path, "web")()
    files = [tmp_path / f"{prefix}_{name}.db" for prefix in PREFIXES]
    assert [path.stat().st_blocks * 512 >= path.stat().st_size > 200_000 for path in files] == [True] * 3


# --- Who may ask ---------------------------------------------------------------------------------------------------


def scope(address: str = "127.0.0.1", method: str = "GET", **headers: str) -> dict[str, Any]:
    raw = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    return {"type": "http", "method": method, "path": "/metrics", "headers": raw, "client": (address, 1)}


@pytest.mark.parametrize(
    ("asked", "is_here"),
    [
        (scope(host="127.0.0.1:8000"), True),
        (scope(host="localhost"), True),
        (scope(address="::1", host="[::1]:8000"), True),
        (scope(address="192.0.2.7", host="127.0.0.1:8000"), False),
        (scope(host="engine.example"), False),  # a proxy on this machine
        (scope(host="127.0.0.1:8000", x_forwarded_for="192.0.2.7"), False),
        (scope(host="127.0.0.1:8000", forwarded="for=192.0.2.7"), False),
        (scope(host="["), False),
        (scope(), False),
    ],
)
def test_without_a_token_only_this_machine_is_told(asked: Mapping[str, Any], is_here: bool) -> None:
    assert is_from_here(asked) is is_here


async def ask(app: MetricsApp, asked: Mapping[str, Any]) -> int:
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    await app(asked, send)
    return int(sent[0]["status"])


async def test_with_a_token_nothing_else_helps(tmp_path: Path) -> None:
    app = MetricsApp(tmp_path, token="let me in", look=list)
    assert await ask(app, scope(host="127.0.0.1")) == 401
    assert await ask(app, scope(host="127.0.0.1", authorization="Bearer let me out")) == 401
    assert await ask(app, scope(address="192.0.2.7", authorization="Bearer let me in")) == 200
    assert await ask(app, scope(authorization="Bearer let me in", method="POST")) == 405


async def test_figures_that_hang_are_asked_for_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = 0

    def fail() -> list[Any]:
        nonlocal asked
        asked += 1
        raise OSError("away")

    app = MetricsApp(tmp_path, token="t", look=fail)
    found = await asyncio.gather(*(ask(app, scope(authorization="Bearer t")) for _ in range(20)))
    assert (set(found), asked) == ({200}, 1)


# --- The running product -------------------------------------------------------------------------------------------

Samples = dict[tuple[str, tuple[tuple[str, str], ...]], float]


@pytest.fixture(scope="module")
def inside(running_product: Product) -> Iterator[Inside]:
    yield Inside(running_product)


def scrape(product: Product) -> Samples:
    text = httpx.get(f"{product.url}/metrics", timeout=30, trust_env=False).raise_for_status().text
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def count(found: Samples, name: str, **labels: str) -> float:
    return sum(value for (each, said), value in found.items() if each == name and labels.items() <= dict(said).items())


def send(product: Product, inside: Inside, events: int) -> None:
    visitor = f"observed-{uuid.uuid4().hex}"
    batch = [
        {"type": "track", "event": "Looked", "anonymousId": visitor, "messageId": uuid.uuid4().hex}
        for _ in range(events)
    ]
    auth = (inside.write_key, "")
    with httpx.Client(base_url=product.url, timeout=30, trust_env=False) as client:
        client.post(
            "/v1/batch", json={"batch": [*batch, {"type": "track", "event": "Nobody"}]}, auth=auth
        ).raise_for_status()
        client.post("/v1/track", json=batch[0], auth=("nobody's", ""))
        question = {"anonymousId": visitor, "slots": ["home-hero"], "writeKey": inside.write_key}
        client.post("/api/v1/decide", json=question).raise_for_status()


@pytest.mark.story
def test_one_scrape_tells_of_every_process(running_product: Product, inside: Inside) -> None:
    before = scrape(running_product)
    send(running_product, inside, 20)

    def grew(name: str, **labels: str) -> float:
        return count(now, name, **labels) - count(before, name, **labels)

    now = before

    def has_come() -> bool:
        nonlocal now
        now = scrape(running_product)
        return grew("pz_stage_seconds_count", stage="archived") >= 20

    wait_until(has_come, 60)
    assert grew("pz_events_taken_total", door="http") >= 20
    assert grew("pz_events_refused_total", door="http", reason="missing_identity") >= 1
    assert grew("pz_events_refused_total", door="http", reason="unknown_key") >= 1
    assert grew("pz_events_processed_total", outcome="accepted") >= 20
    for stage in ("stored", "committed", "fresh"):
        assert grew("pz_stage_seconds_count", stage=stage) >= 20
    assert grew("pz_decide_seconds_count", door="web") >= 1
    assert grew("pz_decide_slots_total") >= 1
    assert count(now, "pz_up") == 2
    assert count(now, "pz_processors") >= 1 and count(now, "pz_archivers") == 1
    assert count(now, "pz_rounds_total", outcome="done") > 0
    wait_until(lambda: count(scrape(running_product), "pz_task_runs_total", outcome="done") > 0, 60)


@pytest.mark.story
def test_every_sample_is_in_the_table(running_product: Product) -> None:
    for (name, labels), _ in scrape(running_product).items():
        metric = CATALOGUE.get(name) or CATALOGUE[re.sub("_(bucket|sum|count)$", "", name)]
        said = {label: value for label, value in labels if label != "le"}
        assert said.keys() == metric.labels.keys()
        for label, value in said.items():
            allowed = metric.labels[label]
            assert re.fullmatch("[a-z_]+|[0-9]+", value) if allowed is None else value in allowed


@pytest.mark.story
def test_what_is_looked_up_is_there(running_product: Product) -> None:
    wait_until(lambda: count(scrape(running_product), "pz_task_last_success_timestamp_seconds") > 0, 60)
    found = {name for name, _ in scrape(running_product)}
    only_when_it_happened = {
        "pz_task_last_failure_timestamp_seconds",
        "pz_drift_profiles",
        "pz_drift_common",
        "pz_drift_last_run_timestamp_seconds",
    }
    assert {metric.name for metric in LOOKED_UP} - found <= only_when_it_happened


@pytest.mark.story
def test_a_process_that_is_killed_takes_no_counts_with_it(running_product: Product, inside: Inside) -> None:
    send(running_product, inside, 5)
    wait_until(inside.is_idle, 60)
    before = count(scrape(running_product), "pz_events_processed_total")
    kill(running_product, "run_processor")
    assert count(scrape(running_product), "pz_events_processed_total") >= before
    send(running_product, inside, 5)
    wait_until(lambda: count(scrape(running_product), "pz_events_processed_total") >= before + 5, 60)
