"""What docs/explanation/how-segments-come-into-force.md promises, on the running product: a published segment answers
within seconds for exactly the right people, all at once, and whatever is killed meanwhile."""

import json
import os
import signal
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from websockets.sync.client import ClientConnection, connect

from tests.product import Product, open_folder, wait_until
from tests.stories.inside import PATIENCE_S, Inside

pytestmark = pytest.mark.story

CALL = 250  # messages
NAME = "Leaflet Read"
READERS, STRANGERS = "readers", "strangers"
SEGMENTS = (READERS, STRANGERS)
FEW, MANY = 500, 9_000  # people; more than a builder hands out at once
WORKER, PROCESSOR = "celery worker", "run_processor"

DEFINE = """
from django.utils import timezone
from ingestion.actions import create_source
from ingestion.models import Source
from rules.actions import publish_book
from rules.models import Block, Rule, Slot
from segments.models import Segment

READ = {{"id": "read", "kind": "event", "event": "{name}", "op": "at_least", "value": {least}}}
NOT = {{"id": "not", "kind": "not", "children": [{{"id": "in", "kind": "segment", "segment": "readers"}}]}}

if not Source.objects.filter(slug="leaflets").exists():
    create_source(slug="leaflets", name="Leaflets")
block, _ = Block.objects.get_or_create(slug="leaflet", defaults={{"name": "Leaflet", "source": "<p>Read on</p>"}})
for slug, root in (("readers", READ), ("strangers", NOT)):
    Segment.objects.update_or_create(slug=slug, defaults={{"name": slug, "condition": {{"v": 1, "root": root}}}})
    slot, _ = Slot.objects.get_or_create(slug=slug, defaults={{"name": slug}})
    asks = {{"v": 1, "root": {{"id": "in", "kind": "segment", "segment": slug}}}}
    Rule.objects.get_or_create(
        slug=slug, defaults={{"name": slug, "slot": slot, "priority": 1, "block": block, "condition": asks}}
    )
if {least}:
    publish_book(by=None, at=timezone.now())
"""


def name_of(number: int) -> str:
    return f"leaflet-{number}"


def count_of(number: int) -> int:
    """How many leaflets somebody has read: none, one or two, a third of the people each."""
    return number % 3


@dataclass
class Story:
    """The running product, before and after segments are published on it."""

    product: Product
    inside: Inside
    write_key: str = ""
    client: httpx.Client = field(default_factory=httpx.Client)

    def define(self, *, least: int) -> None:
        """Publishes that readers have read so many leaflets, and strangers are the others; with 0 it stays a draft."""
        done = self.product.manage("shell", "-c", DEFINE.format(name=NAME, least=least))
        assert done.returncode == 0, done.stderr
        [(self.write_key,)] = self.inside.ask("SELECT write_key FROM ingestion_source WHERE slug = 'leaflets'")

    def send(self, numbers: Iterable[int]) -> None:
        """Everybody views a page, and reads as many leaflets as they do."""
        now = datetime.now(UTC).isoformat()
        messages = [
            {"type": "track", "event": event, "anonymousId": name_of(number), "timestamp": now}
            for number in numbers
            for event in ("Page Viewed", *[NAME] * count_of(number))
        ]
        url = f"{self.product.url}/v1/batch"
        for start in range(0, len(messages), CALL):
            body = {"batch": messages[start : start + CALL], "sentAt": now}
            wait_until(lambda body=body: self._post(url, body).status_code == 200, PATIENCE_S)  # type: ignore[misc]
        wait_until(self.inside.is_idle, PATIENCE_S)

    def _post(self, url: str, body: dict[str, Any]) -> httpx.Response:
        answer = self.client.post(url, json=body, auth=(self.write_key, ""), timeout=PATIENCE_S)
        assert answer.status_code in (200, 401, 429, 503), answer.text  # 401: the new key is not known yet
        return answer

    def decide(self, number: int) -> frozenset[str]:
        """The segments of the two that this person is in, by what they are shown."""
        body = {"writeKey": self.write_key, "anonymousId": name_of(number), "slots": SEGMENTS}
        slots = self.client.post(f"{self.product.url}/api/v1/decide", json=body, timeout=PATIENCE_S).json()["slots"]
        assert {slot["reason"] for slot in slots.values()} <= {"rule_matched", "no_rule_matched", "unknown_slot"}, slots
        return frozenset(slug for slug in SEGMENTS if slots[slug]["reason"] == "rule_matched")

    def build(self) -> dict[str, Any]:
        """The newest build."""
        names = ("id", "state", "done", "total", "error")
        [row] = self.inside.ask(f"SELECT {', '.join(names)} FROM segments_build ORDER BY id DESC LIMIT 1")
        return dict(zip(names, row, strict=True))

    def is_done(self) -> bool:
        build = self.build()
        assert build["state"] not in ("failed", "cancelled"), build
        return bool(build["state"] == "done")

    @contextmanager
    def visit(self, number: int) -> Iterator[ClientConnection]:
        """The open page of a person."""
        hello = {
            "type": "hello",
            "v": 1,
            "writeKey": self.write_key,
            "anonymousId": name_of(number),
            "consent": "granted",
        }
        with connect(f"{self.product.url.replace('http', 'ws', 1)}/ws/v1/", proxy=None) as socket:
            socket.send(json.dumps(hello))
            assert json.loads(socket.recv(PATIENCE_S))["type"] == "welcome"
            yield socket


@pytest.fixture(scope="module")
def story() -> Iterator[Story]:
    with (
        open_folder() as folder,
        Product(folder / "data", PZ_DECIDE_DEADLINE_MS="30000", PZ_VISITOR_CALLS="0") as product,
    ):
        yield Story(product, Inside(product))


def told(socket: ClientConnection) -> tuple[list[str], list[str]]:
    """What the page is told of next."""
    frame = json.loads(socket.recv(PATIENCE_S))
    assert frame["type"] == "changed", frame
    return frame["entered"], frame["left"]


def is_quiet(socket: ClientConnection) -> bool:
    try:
        socket.recv(0.2)
    except TimeoutError:
        return True
    return False


def test_a_segment_is_in_force_within_seconds_for_exactly_the_right_people(story: Story) -> None:
    story.define(least=0)
    story.send(range(FEW))
    with ExitStack() as pages:
        open_pages = {number: pages.enter_context(story.visit(number)) for number in range(6)}
        story.define(least=2)
        wait_until(story.is_done, PATIENCE_S)
        wait_until(lambda: story.decide(0), PATIENCE_S)
        for number in range(FEW):
            assert story.decide(number) == {READERS if count_of(number) == 2 else STRANGERS}, number
        for number, page in open_pages.items():
            assert told(page) == ([READERS if count_of(number) == 2 else STRANGERS], [])
    health = {
        each["segment"]: each for each in json.loads(story.product.manage("segments", "--json").stdout)["segments"]
    }
    assert {health[slug]["state"] for slug in SEGMENTS} == {"in force"}


class Watcher(threading.Thread):
    """Asks again and again what people are shown, one after the other, until it is told to stop."""

    def __init__(self, decide: Callable[[int], frozenset[str]], numbers: list[int]) -> None:
        super().__init__(daemon=True)
        self.seen: list[tuple[int, frozenset[str]]] = []
        self.failure: BaseException | None = None
        self._decide = decide
        self._numbers = numbers
        self._over = threading.Event()

    def run(self) -> None:
        try:
            while not self._over.is_set():
                for number in self._numbers:
                    self.seen.append((number, self._decide(number)))
        except BaseException as error:
            self.failure = error

    def finish(self) -> None:
        self._over.set()
        self.join(PATIENCE_S)
        assert self.failure is None, self.failure


def test_a_worker_that_is_killed_is_followed_by_another_and_nobody_ever_sees_a_mixture(story: Story) -> None:
    story.define(least=2)
    wait_until(story.is_done, PATIENCE_S)
    story.send(range(FEW, MANY))
    watcher = Watcher(story.decide, list(range(MANY - 60, MANY)))
    # The processor holds still, so that the builder is certain to be in the middle when it is killed.
    [processor] = story.product.find(PROCESSOR)
    [worker] = story.product.find(WORKER)
    with ExitStack() as pages:
        open_pages = {number: pages.enter_context(story.visit(number)) for number in range(MANY - 6, MANY)}
        os.kill(processor, signal.SIGSTOP)
        try:
            story.define(least=1)
            watcher.start()
            wait_until(lambda: story.build()["done"] > 0, PATIENCE_S)
            os.kill(worker, signal.SIGKILL)
            wait_until(lambda: (found := story.product.find(WORKER)) and found != [worker], PATIENCE_S)
            build = story.build()
            assert build["state"] == "filling" and 0 < build["done"] < build["total"], build
        finally:
            os.kill(processor, signal.SIGCONT)
        wait_until(story.is_done, PATIENCE_S)
        watcher.finish()
        for number, page in open_pages.items():
            if count_of(number) == 1:  # these alone are something else than before
                entered, left = told(page)
                while not (entered and left):
                    more, gone = told(page)
                    entered, left = entered + more, left + gone
                assert (entered, left) == ([READERS], [STRANGERS])
            else:
                assert is_quiet(page)

    assert {answer for _, answer in watcher.seen} == {frozenset({READERS}), frozenset({STRANGERS})}
    assert {answer for number, answer in watcher.seen if count_of(number) == 2} == {frozenset({READERS})}
    assert {answer for number, answer in watcher.seen if count_of(number) == 0} == {frozenset({STRANGERS})}
    turned = [answer == {READERS} for number, answer in watcher.seen if count_of(number) == 1]
    assert turned == sorted(turned)  # all as before, then all as it is now
    assert turned[0] is False and turned[-1] is True
    for number in range(0, MANY, 7):
        assert story.decide(number) == {READERS if count_of(number) >= 1 else STRANGERS}, number
