"""The evaluator of devices as a page loads it: the example of the manual, and what it refuses."""

from typing import Any

import pytest
from playwright.sync_api import Page

from tests.docs.pages import ROOT, fences
from tests.tracker.peer import Peer

MANUAL = ROOT / "docs" / "reference" / "on-device-conditions.md"
CALENDAR = {"transitions": [[0, 0]]}


@pytest.fixture
def example(peer: Peer) -> str:
    [fence] = [fence for fence in fences(MANUAL) if fence.info == "html on-device"]
    assert "http://127.0.0.1:8000" in fence.body
    script = fence.body.replace("http://127.0.0.1:8000", peer.url)
    return f"<!doctype html><html><head><title>Shop</title></head><body>{script}</body></html>"


def test_the_example_of_the_manual_says_what_it_says(peer: Peer, page: Page, example: str) -> None:
    failures: list[str] = []
    page.on("pageerror", lambda error: failures.append(str(error)))
    page.goto(peer.add_page("/", example))
    page.wait_for_function("document.body.dataset.until")
    assert page.evaluate("({...document.body.dataset})") == {"banner": "true", "until": "1800001800001"}
    assert failures == []


def compiled(page: Page, condition: dict[str, Any], device: dict[str, Any]) -> Any:
    """What `compile` makes of it for somebody unknown: the answer, or the message of its error."""
    return page.evaluate(
        """([condition, device]) => import('/static/tracker/conditions.js').then(({ compile }) => {
            try { return compile(condition, device)(); } catch (error) { return error.message; }
        })""",
        [condition, device],
    )


def test_it_says_what_it_cannot_answer(peer: Peer, page: Page) -> None:
    page.goto(peer.add_page("/", "<!doctype html><title>Shop</title>"))
    trait = {"kind": "trait", "name": "plan", "op": "exists"}
    bought = {"kind": "event", "event": "Order Completed", "measure": "count", "op": "at_most", "value": 0}
    may = {**CALENDAR, "may": {"trait": ["plan"], "event": ["Order Completed"]}}
    refused = 'trait "plan" is not for this device: ask the server'
    for root, device, expected in (
        (trait, may, False),
        ({"kind": "not", "children": [trait]}, may, True),
        (trait, CALENDAR, refused),
        (trait, {**CALENDAR, "may": {"trait": []}}, refused),
        ({"kind": "or", "children": [{"kind": "not", "children": [trait]}]}, CALENDAR, refused),
        (
            {"kind": "score", "name": "churn", "op": "exists"},
            may,
            'score "churn" is not for this device: ask the server',
        ),
        ({**trait, "kind": "aura"}, may, 'conditions.js does not know "aura": load the newest one'),
        ({**trait, "kind": "constructor"}, may, 'conditions.js does not know "constructor": load the newest one'),
        ({**trait, "op": "resembles"}, may, 'conditions.js does not know "resembles": load the newest one'),
        ({**trait, "op": "constructor"}, may, 'conditions.js does not know "constructor": load the newest one'),
        ({**bought, "measure": "median"}, may, 'conditions.js does not know "median": load the newest one'),
        ({**bought, "op": "about"}, may, 'conditions.js does not know "about": load the newest one'),
        (bought, may, True),
        (trait, {"may": may["may"]}, "conditions.js needs the transitions of the time zone, as the server sends them"),
    ):
        assert compiled(page, {"v": 1, "root": root}, device) == expected
    newer = compiled(page, {"v": 2, "root": trait}, may)
    assert newer == "conditions.js reads form 1 of conditions, not 2: load the newest one"
