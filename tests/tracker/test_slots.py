"""What a visitor sees in a slot: states, timing of the swap, events, live slots, impressions and clicks."""

from typing import Any

import pytest
from playwright.sync_api import Page

from tests.tracker.conftest import FAILSAFE, document, tag, until, until_connected, until_ready
from tests.tracker.peer import Peer

DEFAULT = "<p>Default</p>"
SLOT = f"<pz-slot name='hero' timeout='20000'>{DEFAULT}</pz-slot>"
HURRIED = f"<pz-slot name='hero'>{DEFAULT}</pz-slot>"
LIVE = f"<pz-slot name='hero' timeout='20000' swap='live'>{DEFAULT}</pz-slot>"
HURRIED_LIVE = f"<pz-slot name='hero' swap='live'>{DEFAULT}</pz-slot>"


def html_block(html: str, slug: str = "banner") -> dict[str, Any]:
    return {
        "reason": "rule_matched",
        "rule": "outdoor",
        "segments": ["likes-outdoor"],
        "block": {"slug": slug, "kind": "html", "html": html},
    }


def settled(page: Page, state: str, selector: str = "pz-slot") -> str:
    """What the slot shows once it has the state."""
    slot = page.locator(f"{selector}[data-state={state}]")
    slot.wait_for()
    assert slot.evaluate("element => getComputedStyle(element).visibility") == "visible"
    return slot.inner_html()


STATES = [
    (html_block("<b>Boots</b>"), "personalized", "<b>Boots</b>"),
    ({"reason": "no_rule_matched", "block": None}, "default", DEFAULT),
    ({**html_block("<b>Slot's own</b>"), "reason": "no_rule_matched"}, "default", "<b>Slot's own</b>"),
    ({"reason": "holdout", "block": None}, "holdout", DEFAULT),
    ({"reason": "timeout", "block": None}, "timeout", DEFAULT),
    ({"reason": "unknown_slot", "block": None}, "error", DEFAULT),
    ({"reason": "render_failed", "block": None}, "error", DEFAULT),
    ({**html_block(""), "block": {"slug": "j", "kind": "json", "json": {"a": 1}}}, "personalized", DEFAULT),
]


@pytest.mark.parametrize(("answer", "state", "shown"), STATES, ids=[f"{a['reason']}-{s}" for a, s, _ in STATES])
def test_state_follows_the_reason(peer: Peer, page: Page, answer: dict[str, Any], state: str, shown: str) -> None:
    peer.behaviour.slots["hero"] = answer
    page.goto(peer.add_page("/", document(SLOT)))
    assert settled(page, state) == shown


def test_one_request_decides_all_slots_of_a_page(peer: Peer, page: Page) -> None:
    for name in ("hero", "side", "foot", "data"):
        peer.behaviour.slots[name] = html_block(f"<b>{name}</b>")
    stub = (
        "<script src='/static/tracker/pz-stub.js'></script>"
        "<script>pz.slot('data', {timeout: 20000}).then(block => window.data = block)</script>"
    )
    slots = "".join(f"<pz-slot name='{name}' timeout='20000'></pz-slot>" for name in ("hero", "side", "hero"))
    existing = "<div data-pz-slot='foot' data-timeout='20000'>Old</div>"
    page.goto(peer.add_page("/", document(slots + existing + tag(), head=stub)))
    assert settled(page, "personalized", "[data-pz-slot]") == "<b>foot</b>"
    assert page.locator("pz-slot").all_inner_texts() == ["hero", "side", "hero"]
    page.wait_for_function("window.data.decision.decisionId")
    # A slow socket's question is repeated by POST, so there may be two of the same.
    assert {tuple(sorted(question["slots"])) for _, question in peer.asks} == {("data", "foot", "hero", "side")}


def test_a_request_names_at_most_fifty_slots(peer: Peer, page: Page) -> None:
    page.goto(peer.add_page("/", document("".join(f"<pz-slot name='s{i}'></pz-slot>" for i in range(60)))))
    until(page, lambda: len({name for _, question in peer.asks for name in question["slots"]}) == 60)
    assert max(len(question["slots"]) for _, question in peer.asks) <= 50


def test_an_answer_after_the_timeout_is_dropped(peer: Peer, page: Page) -> None:
    peer.behaviour.hold = True
    peer.behaviour.slots["hero"] = html_block("<b>Late</b>")
    page.goto(peer.add_page("/", document(HURRIED)))
    assert settled(page, "timeout") == DEFAULT
    peer.release()
    until_connected(peer, page)
    assert settled(page, "timeout") == DEFAULT


def test_a_slot_may_set_its_own_timeout(peer: Peer, page: Page) -> None:
    peer.behaviour.hold = True
    peer.behaviour.slots["hero"] = html_block("<b>Answer</b>")
    slots = f"<pz-slot name='hero' timeout='10'>{DEFAULT}</pz-slot><p data-pz-slot='hero' data-timeout='60000'></p>"
    page.goto(peer.add_page("/", document(slots)))
    assert settled(page, "timeout") == DEFAULT
    until(page, lambda: peer.asks)
    peer.release()
    assert settled(page, "personalized", "p[data-pz-slot]") == "<b>Answer</b>"


def test_the_stylesheets_failsafe_wins_over_a_slow_answer(peer: Peer, page: Page) -> None:
    peer.behaviour.hold = True
    peer.behaviour.slots["hero"] = html_block("<b>Late</b>")
    page.goto(peer.add_page("/", document(SLOT, styles=FAILSAFE)))
    page.wait_for_function("getComputedStyle(document.querySelector('pz-slot')).visibility === 'visible'")
    peer.release()
    assert settled(page, "timeout") == DEFAULT


def test_the_default_shows_by_css_alone_when_the_script_is_blocked(peer: Peer, page: Page) -> None:
    page.route("**/pz.js", lambda route: route.abort())
    page.goto(peer.add_page("/", document(SLOT, styles=FAILSAFE)))
    page.wait_for_function("getComputedStyle(document.querySelector('pz-slot')).visibility === 'visible'")
    assert page.locator("pz-slot").inner_html() == DEFAULT


def test_a_script_that_comes_after_the_failsafe_leaves_the_default(peer: Peer, page: Page) -> None:
    peer.behaviour.slots["hero"] = html_block("<b>Late</b>")
    page.goto(peer.add_page("/", document(SLOT, head="", styles=FAILSAFE)))
    page.wait_for_function("getComputedStyle(document.querySelector('pz-slot')).visibility === 'visible'")
    page.wait_for_function("performance.getEntriesByType('paint').length")
    page.evaluate(
        "const script = document.createElement('script'); script.src = '/static/tracker/pz.js';"
        "script.dataset.writeKey = 'wk_test'; document.head.append(script)"
    )
    assert settled(page, "timeout") == DEFAULT
    assert not peer.asks


def test_a_slot_added_later_is_decided(peer: Peer, page: Page) -> None:
    peer.behaviour.slots["hero"] = html_block("<b>Added</b>")
    page.goto(peer.add_page("/", document()))
    until_ready(page)
    page.evaluate("document.body.insertAdjacentHTML('beforeend', `" + SLOT + "`)")
    assert settled(page, "personalized") == "<b>Added</b>"


def test_pages_without_the_stylesheet_are_personalised_too(peer: Peer, page: Page) -> None:
    peer.behaviour.slots["hero"] = html_block("<b>Boots</b>")
    page.goto(peer.add_page("/", f"<!doctype html>{tag().replace('async ', '')}<body>{SLOT}"))
    assert settled(page, "personalized") == "<b>Boots</b>"


def test_slot_promise_gives_the_block_or_null(peer: Peer, page: Page) -> None:
    peer.behaviour.slots["data"] = {
        "reason": "rule_matched",
        "rule": "outdoor",
        "block": {"slug": "teaser", "kind": "json", "json": {"headline": "Boots"}},
    }
    peer.behaviour.slots["none"] = {"reason": "no_rule_matched", "block": None}
    page.goto(peer.add_page("/", document()))
    until_ready(page)
    block = page.evaluate("pz.slot('data', {timeout: 20000})")
    assert (block["slug"], block["json"]) == ("teaser", {"headline": "Boots"})
    assert block["decision"]["rule"] == "outdoor" and block["decision"]["slot"] == "data"
    assert page.evaluate("pz.slot('none', {timeout: 20000})") is None
    peer.behaviour.hold = True
    assert page.evaluate("pz.slot('slow', {timeout: 10})") is None
    peer.release()


@pytest.mark.parametrize("socket", ["refuse", "mute"])
def test_decisions_come_by_post_when_the_socket_does_not(peer: Peer, page: Page, socket: str) -> None:
    peer.behaviour.socket = socket
    peer.behaviour.slots["hero"] = html_block("<b>Boots</b>")
    page.goto(peer.add_page("/", document(SLOT, head=tag(host=peer.other_origin))))
    assert settled(page, "personalized") == "<b>Boots</b>"
    [(door, question)] = peer.asks
    assert door == "post" and question["slots"] == ["hero"]
    assert question["anonymousId"] == page.context.cookies()[0]["value"]
    assert "OPTIONS" not in {method for method, _ in peer.requests}


def test_a_failing_server_means_the_default(peer: Peer, page: Page) -> None:
    peer.behaviour.socket, peer.behaviour.decide_status = "refuse", 500
    page.goto(peer.add_page("/", document(SLOT)))
    assert settled(page, "error") == DEFAULT


def test_events_bubble_through_shadow_roots(peer: Peer, page: Page) -> None:
    peer.behaviour.slots["hero"] = html_block("<b>Boots</b>")
    listen = (
        "<script>window.told = []; for (const name of ['ready', 'decision', 'rendered', 'click'])"
        "document.addEventListener('pz:' + name, event => told.push([name, event.detail]));</script>"
    )
    page.goto(peer.add_page("/", document("<div id='root'></div>", head=listen + tag())))
    until_ready(page)
    page.evaluate("root.attachShadow({mode: 'open'}).innerHTML = `" + SLOT + "`")
    page.locator("pz-slot[data-state=personalized] b").click()
    page.wait_for_function("told.length === 4")
    told = page.evaluate("told")
    assert [name for name, _ in told] == ["ready", "decision", "rendered", "click"]
    assert told[1][1]["decisionId"] and told[1][1]["slot"] == "hero" and told[1][1]["segments"] == ["likes-outdoor"]
    assert told[2][1]["state"] == "personalized"
    assert told[3][1]["block"]["slug"] == "banner"


def test_impressions_and_clicks_are_tracked_with_their_decision(peer: Peer, page: Page) -> None:
    peer.behaviour.slots["hero"] = html_block("<a href='#boots' style='display:block;height:200px'>Boots</a>")
    peer.behaviour.slots["below"] = html_block("<p style='height:200px'>Deep</p>", slug="deep")
    body = f"{SLOT}<div style='height:3000px'></div><pz-slot name='below' timeout='20000'></pz-slot>"
    page.goto(peer.add_page("/", document(body)))
    settled(page, "personalized", "pz-slot[name=hero]")
    page.locator("a").click()
    until(page, lambda: peer.events("Block Viewed") and peer.events("Block Clicked"))
    expected = {"decisionId": "decision-1", "slot": "hero", "rule": "outdoor", "block": "banner"}
    assert [each["properties"] for each in peer.events("Block Viewed")] == [expected]
    assert peer.events("Block Clicked")[0]["properties"] == {**expected, "href": peer.url + "/#boots"}
    page.locator("[name=below]").scroll_into_view_if_needed()
    until(page, lambda: len(peer.events("Block Viewed")) == 2)
    assert peer.events("Block Viewed")[1]["properties"]["block"] == "deep"


def test_live_slots_change_when_the_visitors_segments_do(peer: Peer, page: Page) -> None:
    peer.behaviour.slots["hero"] = {"reason": "no_rule_matched", "block": None}
    page.goto(peer.add_page("/", document(LIVE + SLOT.replace("pz-slot", "pz-slot id='still'", 1))))
    settled(page, "default", "pz-slot[swap]")
    page.evaluate("pz.on('changed', frame => window.frame = frame)")
    peer.behaviour.slots["hero"] = html_block("<b>Now</b>")
    peer.push({"type": "changed", "entered": ["likes-outdoor"], "left": []})
    assert settled(page, "personalized", "pz-slot[swap]") == "<b>Now</b>"
    assert page.evaluate("frame.entered") == ["likes-outdoor"]
    assert settled(page, "default", "#still") == DEFAULT
    peer.behaviour.slots["hero"] = {"reason": "no_rule_matched", "block": None}
    peer.push({"type": "changed", "entered": [], "left": ["likes-outdoor"]})
    assert settled(page, "default", "pz-slot[swap]") == DEFAULT


def test_live_slots_show_what_the_server_pushes(peer: Peer, page: Page) -> None:
    peer.behaviour.slots["hero"] = {"reason": "no_rule_matched", "block": None}
    page.goto(peer.add_page("/", document(LIVE + SLOT.replace("pz-slot", "pz-slot id='still'", 1))))
    settled(page, "default", "pz-slot[swap]")
    asked = list(peer.asks)
    assert [question["live"] for _, question in asked] == [["hero"]]
    peer.push({"type": "changed", "entered": ["likes-outdoor"], "left": [], "live": True})
    slots = {"hero": html_block("<b>Now</b>")}
    peer.push({"type": "decision", "id": None, "decisionId": "d2", "book": 3, "slots": slots})
    assert settled(page, "personalized", "pz-slot[swap]") == "<b>Now</b>"
    assert settled(page, "default", "#still") == DEFAULT
    assert peer.asks == asked  # nothing had to be asked


def test_a_debug_frame_without_changes_asks_nothing(peer: Peer, page: Page) -> None:
    peer.behaviour.slots["hero"] = html_block("<b>Boots</b>")
    page.goto(peer.add_page("/", document(LIVE)))
    settled(page, "personalized")
    until_connected(peer, page)  # by a frame of that kind
    asked = len(peer.asks)
    until_connected(peer, page)
    until_connected(peer, page)
    assert len(peer.asks) == asked


def test_a_live_slot_takes_a_late_answer(peer: Peer, page: Page) -> None:
    peer.behaviour.hold = True
    peer.behaviour.slots["hero"] = html_block("<b>Late</b>")
    page.goto(peer.add_page("/", document(HURRIED_LIVE)))
    assert settled(page, "timeout") == DEFAULT
    peer.release()
    assert settled(page, "personalized") == "<b>Late</b>"


def test_live_slots_ask_again_after_a_reconnect_and_a_navigation(peer: Peer, page: Page) -> None:
    page.goto(peer.add_page("/", document(LIVE)))
    settled(page, "error")
    until(page, lambda: peer.hellos)
    peer.stop()
    peer.behaviour.slots["hero"] = html_block("<b>Restarted</b>", slug="one")
    peer.start()
    assert settled(page, "personalized") == "<b>Restarted</b>"
    peer.behaviour.slots["hero"] = html_block("<b>Second page</b>", slug="two")
    page.evaluate("history.pushState({}, '', '/second'); pz.page(), 0")
    page.locator("pz-slot:has-text('Second page')").wait_for()
    assert peer.asks[-1][1]["context"]["page"]["path"] == "/second"


def test_a_live_slot_recovers_from_a_page_that_began_without_a_server(peer: Peer, page: Page) -> None:
    peer.behaviour.socket, peer.behaviour.decide_status = "refuse", 500
    page.goto(peer.add_page("/", document(LIVE)))
    assert settled(page, "error") == DEFAULT
    peer.behaviour.socket = "welcome"
    peer.behaviour.slots["hero"] = html_block("<b>Back</b>")
    assert settled(page, "personalized") == "<b>Back</b>"


def test_server_rendered_slots_are_not_decided_again(peer: Peer, page: Page) -> None:
    decision = '{"decisionId":"d-ssr","slot":"hero","rule":"r","block":{"slug":"banner"}}'
    body = f"<pz-slot name='hero' data-state='personalized' data-decision='{decision}'><p>From the server</p></pz-slot>"
    page.goto(peer.add_page("/", document(body)))
    until(page, lambda: peer.events("Block Viewed"))
    assert peer.events("Block Viewed")[0]["properties"]["decisionId"] == "d-ssr"
    assert not peer.asks and settled(page, "personalized") == "<p>From the server</p>"


def test_a_page_that_is_visited_as_somebody_asks_for_them_and_does_nothing_in_their_name(
    peer: Peer, page: Page
) -> None:
    peer.behaviour.slots["hero"] = html_block("<b>Boots</b>")
    page.goto(peer.add_page("/", document(SLOT)) + "?pz_visit=TOKEN")
    assert settled(page, "personalized") == "<b>Boots</b>"
    page.evaluate("pz.consent('granted'); pz.track('Bought')")
    assert [question["visit"] for _, question in peer.asks] == ["TOKEN"]
    assert "anonymousId" not in peer.asks[0][1]
    bar = page.get_by_role("status")
    assert "as somebody else" in bar.inner_text()
    page.goto(peer.url + "/")  # the visit goes on from page to page
    assert settled(page, "personalized") == "<b>Boots</b>"
    assert [question["visit"] for _, question in peer.asks] == ["TOKEN"] * 2
    assert (peer.hellos, peer.batches, page.context.cookies()) == ([], [], [])
    page.get_by_role("button", name="Stop").click()
    until_connected(peer, page)
    assert "visit" not in peer.asks[-1][1]
