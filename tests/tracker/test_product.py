"""The snippet against the real engine: web process, processor and Redis; the pages come from another origin."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
from playwright.sync_api import BrowserContext, Page

from ingestion.directory import Directory, Source
from personalization.servers import free_port
from personalization.snapshot import announce
from profiles import keys
from profiles.clients import Client
from rules.definitions import BlockDefinition, BookPayload, RuleDefinition, SlotDefinition
from tests.rosters import announce_segments
from tests.tracker.conftest import document, queued, tag, until, until_ready
from tests.tracker.peer import WRITE_KEY, Peer

pytestmark = pytest.mark.story

ROOT = Path(__file__).parents[2]
OUTDOOR = {
    "id": "outdoor",
    "kind": "event",
    "event": "Product Viewed",
    "did": True,
    "where": [{"property": "category", "op": "is", "value": "Outdoor"}],
    "measure": "count",
    "op": "at_least",
    "value": 3,
    "window": {"last": 30, "unit": "minutes"},
}
BOOK = BookPayload(
    v=1,
    number=1,
    slots={"hero": SlotDefinition(), "welcome": SlotDefinition()},
    blocks={"boots": BlockDefinition("html", "<b>Boots</b>"), "mail": BlockDefinition("html", "<b>From our mail</b>")},
    rules=(
        RuleDefinition(
            slug="outdoor-hero",
            name="Outdoor hero",
            slot="hero",
            priority=1,
            block="boots",
            condition={"v": 1, "root": {"id": "s", "kind": "segment", "segment": "likes-outdoor"}},
        ),
        RuleDefinition(
            slug="from-mail",
            name="From a mail",
            slot="welcome",
            priority=1,
            block="mail",
            condition={
                "v": 1,
                "root": {"id": "c", "kind": "context", "field": "campaign.source", "op": "is", "value": "mail"},
            },
        ),
    ),
)
SLOTS = (
    "<pz-slot name='hero' swap='live' timeout='20000'><p>Default</p></pz-slot>"
    "<pz-slot name='welcome' timeout='20000'><p>Hello</p></pz-slot>"
)
VIEWS = "for (let i = 0; i < 3; i++) pz.track('Product Viewed', {category: 'Outdoor'})"


class Engine:
    """The processes of the engine; the web process keeps its port when it is killed and started again."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.url = f"http://localhost:{free_port()}"
        self._running = [self._spawn("manage.py", "run_processor", "--name", "snippet")]

    def start_web(self) -> None:
        port = self.url.rpartition(":")[2]
        web = self._spawn(
            *("-m", "uvicorn", "personalization.asgi:application", "--host", "127.0.0.1", "--port", port),
            *("--ws", "websockets-sansio", "--log-level", "warning"),
        )
        self._running.append(web)
        ask = {"writeKey": WRITE_KEY, "slots": ["hero"]}
        for _ in range(1200):
            assert web.poll() is None, "the web process ended"
            try:
                if httpx.post(self.url + "/api/v1/decide", json=ask).status_code == 200:
                    return
            except httpx.TransportError:
                pass
            time.sleep(0.05)
        raise AssertionError("the web process does not answer")

    def kill_web(self) -> None:
        web = self._running.pop()
        web.kill()
        web.wait()

    def stop(self) -> None:
        for process in self._running:
            process.kill()
            process.wait()

    def accepted(self) -> int:
        """How many events took effect, each once."""
        counts = self.client.hgetall(keys.OUTCOMES)
        return sum(int(count) for name, count in counts.items() if name.endswith(b"|accepted"))

    def _spawn(self, *arguments: str) -> "subprocess.Popen[bytes]":
        patient = {"PZ_DECIDE_DEADLINE_MS": "20000", "PZ_STORE_TIMEOUT": "20"}  # on a busy machine too
        return subprocess.Popen((sys.executable, *arguments), cwd=ROOT, env={**os.environ, **patient})


@pytest.fixture
def engine(redis_client: Client) -> Iterator[Engine]:
    directory = Directory(
        number=1,
        sources={WRITE_KEY: Source("shop", "Shop", WRITE_KEY, debug=True)},
        default_indexed=("category",),
    )
    announce(redis_client, keys.DIRECTORY, 1, msgspec.json.encode(directory))
    announce(redis_client, keys.BOOK, 1, msgspec.json.encode(BOOK))
    announce_segments(redis_client, {"likes-outdoor": {"v": 1, "root": OUTDOOR}})
    engine = Engine(redis_client)
    try:
        engine.start_web()
        yield engine
    finally:
        engine.stop()


def shop(peer: Peer, engine: Engine, **options: Any) -> str:
    return peer.add_page("/shop", document(SLOTS, head=tag(host=engine.url, **options)))


def shown(page: Page, slot: str, text: str) -> None:
    page.locator(f"pz-slot[name={slot}][data-state]", has_text=text).wait_for()


def test_a_visitor_becomes_a_person_with_interests_while_looking(engine: Engine, peer: Peer, page: Page) -> None:
    page.goto(shop(peer, engine) + "?utm_source=mail")
    shown(page, "welcome", "From our mail")
    shown(page, "hero", "Default")
    page.evaluate("pz.on('changed', frame => window.frame = frame)")
    page.evaluate(VIEWS)
    shown(page, "hero", "Boots")
    assert page.evaluate("frame.segments") == ["likes-outdoor"]
    until(page, lambda: queued(page) == 0)
    page.reload()
    shown(page, "hero", "Boots")
    page.evaluate("pz.reset(), 0")
    shown(page, "hero", "Default")


def test_no_event_is_lost_or_counted_twice_when_the_web_process_is_killed(
    engine: Engine, peer: Peer, page: Page
) -> None:
    page.goto(shop(peer, engine, page="manual"))
    shown(page, "hero", "Default")
    page.evaluate("for (let i = 0; i < 50; i++) pz.track('Before', {i})")
    engine.kill_web()
    page.evaluate("for (let i = 0; i < 50; i++) pz.track('While down', {i})")
    assert queued(page) >= 50
    page.reload()
    until_ready(page)
    page.evaluate(VIEWS)
    engine.start_web()
    shown(page, "hero", "Boots")
    page.evaluate("for (const slot of document.querySelectorAll('pz-slot')) slot.remove()")  # no more impressions
    until(page, lambda: queued(page) == 0)
    page.evaluate("pz.on('changed', frame => window.frame = frame).track('Last'), 0")
    page.wait_for_function("window.frame && frame.event && frame.event.name === 'Last'")
    events = page.evaluate("frame.profile.events")
    assert (events["Before"], events["While down"], events["Product Viewed"], events["Last"]) == (50, 50, 3, 1)


def test_an_offline_visitor_is_caught_up_with(engine: Engine, peer: Peer, page: Page, context: BrowserContext) -> None:
    page.goto(shop(peer, engine))
    shown(page, "hero", "Default")
    context.set_offline(True)
    page.wait_for_function("!navigator.onLine")
    page.evaluate(VIEWS)
    context.set_offline(False)
    shown(page, "hero", "Boots")


def test_without_consent_nothing_is_stored_anywhere(engine: Engine, peer: Peer, page: Page) -> None:
    page.goto(shop(peer, engine, consent="denied") + "?utm_source=mail")
    shown(page, "welcome", "From our mail")
    page.evaluate(VIEWS)
    shown(page, "hero", "Default")
    assert page.context.cookies() == [] and page.evaluate("localStorage.length") == 0
    assert engine.accepted() == 0 and not list(engine.client.scan_iter("pz:p:*"))


def test_a_blocked_socket_changes_nothing_but_the_way(engine: Engine, peer: Peer, page: Page) -> None:
    page.add_init_script("window.WebSocket = function () { throw new Error('blocked') }")
    page.goto(shop(peer, engine) + "?utm_source=mail")
    shown(page, "welcome", "From our mail")
    page.evaluate(VIEWS)
    until(page, lambda: queued(page) == 0)
    until(page, lambda: engine.accepted() >= 4)
    page.reload()
    shown(page, "hero", "Boots")


def test_a_page_that_is_left_hands_over_by_beacon(engine: Engine, peer: Peer, page: Page) -> None:
    page.add_init_script("window.WebSocket = function () { throw new Error('blocked') }")
    page.route("**/v1/b", lambda route: route.abort())
    page.goto(shop(peer, engine, page="manual"))
    until_ready(page)
    page.evaluate("pz.track('Leaving'); location.href = '/patient.css'")
    until(page, lambda: engine.accepted() == 1)


def test_broken_events_are_refused_one_by_one(engine: Engine, peer: Peer, page: Page) -> None:
    page.goto(shop(peer, engine, page="manual"))
    until_ready(page)
    page.evaluate(
        "window.refused = []; pz.on('refused', detail => refused.push(detail.reason));"
        r"let deep = {}; for (let i = 0; i < 100; i++) deep = {deep};"
        r"pz.track('Half', {text: 'x\ud83d'}).track('Deep', deep).track('').track('Fine')"
        ".on('changed', frame => window.frame = frame), 0"
    )
    page.wait_for_function("window.frame?.profile?.events.Fine && frame.profile.events.Half")  # the last of many has it
    until(page, lambda: queued(page) == 0)
    assert page.evaluate("refused") == ["too_deep", "missing_event"]


def test_an_unknown_key_is_told(engine: Engine, peer: Peer, page: Page) -> None:
    errors: list[str] = []
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    head = tag(host=engine.url).replace(WRITE_KEY, "wrong")
    page.goto(peer.add_page("/wrong", document(SLOTS, head=head)))
    until(page, lambda: any("the server refuses this page" in error for error in errors))
    shown(page, "hero", "Default")
