"""What the snippet puts on the wire for each method, in Segment's shape."""

import re

import pytest
from playwright.sync_api import Page

from tests.tracker.conftest import document, tag, until, until_ready
from tests.tracker.peer import TRACKER, Peer

UUID = re.compile(r"^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$")
METHODS = ["identify", "track", "page", "group", "alias", "reset", "consent", "slot", "on"]


def test_first_page_view_is_automatic_and_in_segments_shape(peer: Peer, page: Page) -> None:
    page.goto(peer.add_page("/shop", document()) + "?utm_campaign=winter&utm_source=mail&q=boots#token")
    until(page, lambda: peer.messages)
    [message] = peer.messages
    address = f"{peer.url}/shop?utm_campaign=winter&utm_source=mail&q=boots"
    here = {
        "path": "/shop",
        "search": "?utm_campaign=winter&utm_source=mail&q=boots",
        "url": address,
        "title": "Shop",
        "referrer": "",
    }
    assert message["type"] == "page"
    assert message["properties"] == here
    assert message["context"]["page"] == here
    assert message["context"]["campaign"] == {"name": "winter", "source": "mail"}
    assert message["context"]["locale"] == "en-GB"
    assert message["context"]["timezone"] == "Europe/Vienna"
    assert message["context"]["userAgent"] == page.evaluate("navigator.userAgent")
    assert message["context"]["library"]["name"] == "pz.js"
    assert UUID.match(message["messageId"]) and UUID.match(message["anonymousId"])
    assert "userId" not in message
    assert re.match(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$", message["timestamp"])
    [hello] = peer.hellos
    assert hello["anonymousId"] == message["anonymousId"] and hello["consent"] == "granted" and hello["v"] == 1


def test_another_copy_of_the_script_does_nothing(peer: Peer, page: Page) -> None:
    mistakes: list[str] = []
    page.on("pageerror", lambda error: mistakes.append(str(error)))
    page.goto(peer.add_page("/", document(head=tag() + tag())))  # loaded only when both have run
    page.evaluate("pz.track('Once'), 0")
    until(page, lambda: peer.events("Once"))
    assert [message["type"] for message in peer.messages] == ["page", "track"]
    assert len(peer.hellos) == 1 and mistakes == []


CALLS = [
    (
        "pz.track('Product Viewed', {sku: 'b1'})",
        {"type": "track", "event": "Product Viewed", "properties": {"sku": "b1"}},
    ),
    ("pz.track('Signed Up')", {"type": "track", "event": "Signed Up", "properties": {}}),
    ("pz.identify('u1', {plan: 'pro'})", {"type": "identify", "userId": "u1", "traits": {"plan": "pro"}}),
    ("pz.identify(42)", {"type": "identify", "userId": "42", "traits": {}}),
    ("pz.identify({plan: 'pro'})", {"type": "identify", "traits": {"plan": "pro"}}),
    ("pz.group('g1', {name: 'Acme'})", {"type": "group", "groupId": "g1", "traits": {"name": "Acme"}}),
    ("pz.alias('u2', 'u1')", {"type": "alias", "userId": "u2", "previousId": "u1"}),
    ("pz.page('Home')", {"type": "page", "name": "Home"}),
    ("pz.page('Docs', 'Start')", {"type": "page", "category": "Docs", "name": "Start"}),
    ("pz.track('X', {}, {messageId: 'my-id', context: {app: 'a'}})", {"type": "track", "messageId": "my-id"}),
]


@pytest.mark.parametrize(("call", "expected"), CALLS, ids=[call for call, _ in CALLS])
def test_call_on_the_wire(peer: Peer, page: Page, call: str, expected: dict[str, object]) -> None:
    page.goto(peer.add_page("/", document(head=tag(page="manual"))))
    until_ready(page)
    page.evaluate(call + ", 0")
    until(page, lambda: peer.messages)
    [message] = peer.messages
    assert {**message, **expected} == message
    assert message["context"]["page"]["path"] == "/"


def test_page_properties_carry_name_category_and_the_callers_own(peer: Peer, page: Page) -> None:
    page.goto(peer.add_page("/", document(head=tag(page="manual"))))
    until_ready(page)
    page.evaluate("pz.page('Docs', 'Start', {level: 2}), 0")
    until(page, lambda: peer.messages)
    properties = peer.messages[0]["properties"]
    assert (properties["category"], properties["name"], properties["level"], properties["path"]) == (
        "Docs",
        "Start",
        2,
        "/",
    )


def test_methods_have_segments_names_and_chain(peer: Peer, page: Page) -> None:
    page.goto(peer.add_page("/", document()))
    until_ready(page)
    assert page.evaluate(f"{METHODS}.filter(name => typeof pz[name] === 'function')") == METHODS
    chain = "pz.identify('u').track('a').page().group('g').alias('b').reset().on('changed', () => 0) === pz"
    assert page.evaluate(chain)
    assert page.evaluate("pz.consent()") == "granted"


def test_calls_before_load_are_replayed_in_order(peer: Peer, page: Page) -> None:
    early = (
        "<script src='/static/tracker/pz-stub.js'></script><script>"
        "pz.track('Early'); pz.identify('u1'); pz.track('Later').track('Last'); pz.on('ready', () => window.told = 1);"
        "pz.slot('hero', {timeout: 20000}).then(block => window.block = block.html); const {track} = pz;"
        "</script>"
    )
    peer.behaviour.slots["hero"] = {"reason": "rule_matched", "block": {"slug": "b", "kind": "html", "html": "<p>"}}
    page.goto(peer.add_page("/", document(head=early + tag())))
    until(page, lambda: peer.events("Last"))
    assert [each.get("event", each["type"]) for each in peer.messages] == ["page", "Early", "identify", "Later", "Last"]
    assert [each.get("userId") for each in peer.messages] == [None, None, "u1", "u1", "u1"]
    page.wait_for_function("window.told && window.block === '<p>'")
    page.evaluate("track('Through the old function'), 0")
    until(page, lambda: peer.events("Through the old function"))


def test_queued_page_call_replaces_the_automatic_one(peer: Peer, page: Page) -> None:
    early = "<script src='/static/tracker/pz-stub.js'></script><script>pz.page('Mine').track('End')</script>"
    page.goto(peer.add_page("/", document(head=early + tag())))
    until(page, lambda: peer.events("End"))
    assert [each.get("name") for each in peer.events("page")] == ["Mine"]


def test_slot_promise_settles_when_the_script_never_arrives(peer: Peer, page: Page) -> None:
    page.route("**/pz.js", lambda route: route.abort())
    page.goto(peer.add_page("/", document(head="<script src='/static/tracker/pz-stub.js'></script>" + tag())))
    assert page.evaluate("pz.slot('hero', {timeout: 10})") is None


def test_single_page_navigation(peer: Peer, page: Page) -> None:
    page.goto(peer.add_page("/one", document()))
    until(page, lambda: peer.events("page"))
    page.evaluate("history.pushState({}, '', '/two'); document.title = 'Two'; pz.page(), 0")
    until(page, lambda: len(peer.events("page")) == 2)
    second = peer.events("page")[1]["properties"]
    assert (second["path"], second["title"], second["referrer"]) == ("/two", "Two", peer.url + "/one")


def test_identify_is_remembered_and_reset_forgets(peer: Peer, page: Page) -> None:
    page.goto(peer.add_page("/", document()))
    until_ready(page)
    page.evaluate("pz.identify('u1'), 0")
    page.reload()
    until_ready(page)
    page.evaluate("pz.track('Known').reset().track('Unknown'), 0")
    until(page, lambda: peer.events("Unknown"))
    [known], [unknown] = peer.events("Known"), peer.events("Unknown")
    assert known["userId"] == "u1" and "userId" not in unknown
    assert unknown["anonymousId"] != known["anonymousId"]
    until(page, lambda: peer.hellos[-1]["anonymousId"] == unknown["anonymousId"])


def test_another_user_on_the_same_device_gets_another_anonymous_id(peer: Peer, page: Page) -> None:
    page.goto(peer.add_page("/", document()))
    until_ready(page)
    page.evaluate("pz.identify('anna').track('A').identify('ben').track('B'), 0")
    until(page, lambda: peer.events("B"))
    [a], [b] = peer.events("A"), peer.events("B")
    assert (a["userId"], b["userId"]) == ("anna", "ben")
    assert a["anonymousId"] != b["anonymousId"]


def test_cookie_is_first_party_and_lasts_180_days(peer: Peer, page: Page) -> None:
    page.goto(peer.add_page("/", document()))
    until(page, lambda: peer.messages)
    [cookie] = page.context.cookies()
    assert (cookie["name"], cookie["sameSite"], cookie["path"], cookie["secure"]) == ("pz_id", "Lax", "/", False)
    assert cookie["value"] == peer.messages[0]["anonymousId"]
    days = (cookie["expires"] - page.evaluate("Date.now()") / 1000) / 86400
    assert 179 < days <= 180.01


def test_cookie_is_secure_on_https(peer: Peer, page: Page) -> None:
    """https is answered by the test itself; Chromium then keeps the Secure cookie for that origin."""
    script = (TRACKER / "pz.js").read_text()
    html = document(head=tag(host=peer.url))
    page.route("https://shop.test/*", lambda route: route.fulfill(body=html, content_type="text/html"))
    page.route("https://shop.test/static/**", lambda route: route.fulfill(body=script, content_type="text/javascript"))
    page.goto("https://shop.test/")
    until_ready(page)
    [cookie] = page.context.cookies()
    assert (cookie["name"], cookie["secure"], cookie["sameSite"]) == ("pz_id", True, "Lax")


def test_halves_of_characters_do_not_break_a_batch(peer: Peer, page: Page) -> None:
    page.goto(peer.add_page("/", document()))
    until_ready(page)
    page.evaluate(r"""document.title = '\ud83d'; pz.reset().track('X', {half: 'boots \ud83d', whole: '\ud83d\udc62',
        path: 'c:\\ud83d\\new', ['key\udc62']: 1}), 0""")
    until(page, lambda: peer.events("X"))
    [event] = peer.events("X")
    assert event["properties"] == {"half": "boots \ufffd", "whole": "👢", "path": "c:\\ud83d\\new", "key\ufffd": 1}
    until(page, lambda: peer.hellos[-1]["context"]["page"]["title"] == "\ufffd")


def test_events_that_cannot_be_sent_do_not_hurt_the_page(peer: Peer, page: Page) -> None:
    page.goto(peer.add_page("/", document()))
    until_ready(page)
    page.evaluate(
        "const loop = {}; loop.loop = loop;"
        "pz.track('Loop', loop).track('Huge', {text: 'x'.repeat(40000)}).track('Fine'), 0"
    )
    until(page, lambda: peer.events("Fine"))
    assert not peer.events("Loop") and not peer.events("Huge")
