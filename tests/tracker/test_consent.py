"""What the snippet keeps, sends and asks in each consent state."""

import pytest
from playwright.sync_api import BrowserContext, Page

from tests.tracker.conftest import document, tag, until, until_connected, until_ready
from tests.tracker.peer import Peer

HERO = {"reason": "rule_matched", "rule": "r", "block": {"slug": "b", "kind": "html", "html": "<p>Block</p>"}}
SLOT = "<pz-slot name='hero' swap='live'><p>Default</p></pz-slot>"


def assert_nothing_kept(page: Page) -> None:
    assert page.context.cookies() == []
    assert page.evaluate("localStorage.length + sessionStorage.length") == 0
    assert page.evaluate("indexedDB.databases().then(all => all.length)") == 0


def test_pending_keeps_events_in_memory_only(peer: Peer, page: Page) -> None:
    peer.behaviour.slots["hero"] = HERO
    page.goto(peer.add_page("/", document(SLOT, head=tag(consent="pending"))))
    page.locator("pz-slot[data-state=personalized]").wait_for()
    page.evaluate("pz.identify('u1').track('Early'), 0")
    page.evaluate("dispatchEvent(new Event('online'))")
    page.reload()
    page.locator("pz-slot[data-state=personalized]").wait_for()
    assert_nothing_kept(page)
    assert not peer.hellos and not peer.messages
    assert {door for door, _ in peer.asks} == {"post"}
    assert all(question["consent"] == "pending" and "anonymousId" not in question for _, question in peer.asks)


def test_granting_sends_what_waited(peer: Peer, page: Page) -> None:
    page.goto(peer.add_page("/", document(head=tag(consent="pending"))))
    until_ready(page)
    page.evaluate("pz.identify('u1').track('Early').consent('granted').track('Late'), 0")
    until(page, lambda: peer.events("Late"))
    assert [each.get("event", each["type"]) for each in peer.messages] == ["page", "identify", "Early", "Late"]
    [cookie] = page.context.cookies()
    assert {each["anonymousId"] for each in peer.messages} == {cookie["value"]}
    assert peer.events("Late")[0]["userId"] == "u1"
    assert peer.hellos[0]["consent"] == "granted"


def test_granting_asks_live_slots_again_as_a_known_visitor(peer: Peer, page: Page) -> None:
    page.goto(peer.add_page("/", document(SLOT, head=tag(consent="pending"))))
    until(page, lambda: len(peer.asks) == 1)
    peer.behaviour.slots["hero"] = HERO
    page.evaluate("pz.consent('granted'), 0")
    page.locator("pz-slot[data-state=personalized]").wait_for()


def test_pending_does_not_read_an_identity_kept_earlier(peer: Peer, page: Page, context: BrowserContext) -> None:
    context.add_cookies([{"name": "pz_id", "value": "known-before", "url": peer.url}])
    page.goto(peer.add_page("/", document(head=tag(consent="pending"))))
    until_ready(page)
    assert [cookie["value"] for cookie in context.cookies()] == ["known-before"]
    page.evaluate("pz.consent('granted'), 0")
    until(page, lambda: peer.messages)
    assert peer.messages[0]["anonymousId"] == "known-before"


def test_another_user_who_signs_in_while_pending_gets_another_id(peer: Peer, page: Page) -> None:
    page.goto(peer.add_page("/", document()))
    until_ready(page)
    page.evaluate("pz.identify('anna').track('A'), 0")
    until(page, lambda: peer.events("A"))
    page.goto(peer.add_page("/next", document(head=tag(consent="pending"))))
    until_ready(page)
    page.evaluate("pz.identify('ben').track('B').consent('granted'), 0")
    until(page, lambda: peer.events("B"))
    [a], [b] = peer.events("A"), peer.events("B")
    assert (a["userId"], b["userId"]) == ("anna", "ben") and a["anonymousId"] != b["anonymousId"]


def test_denied_keeps_and_sends_nothing_and_asks_without_identity(peer: Peer, page: Page) -> None:
    peer.behaviour.slots["hero"] = HERO
    page.goto(peer.add_page("/", document(SLOT, head=tag(consent="denied"))))
    page.locator("pz-slot[data-state=personalized]").wait_for()
    page.evaluate("pz.identify('u1').track('X').page().reset().alias('u2').group('g'), 0")
    page.goto(peer.add_page("/next", document(head=tag(consent="denied"))))
    until_ready(page)
    assert_nothing_kept(page)
    assert not peer.hellos and not peer.messages
    [(door, question)] = peer.asks
    assert door == "post" and question["consent"] == "denied" and "anonymousId" not in question
    assert question["context"]["page"]["path"] == "/"


def test_denying_later_forgets_everything(peer: Peer, page: Page) -> None:
    peer.behaviour.acks = False
    page.goto(peer.add_page("/", document()))
    until_connected(peer, page)
    page.evaluate("localStorage.site = 'kept'; pz.identify('u1').track('X'), 0")
    until(page, lambda: peer.events("X"))
    page.evaluate("pz.consent('denied').track('After'), 0")
    until(page, lambda: peer.closed == 1)
    assert page.context.cookies() == []
    assert page.evaluate("JSON.stringify(localStorage)") == '{"site":"kept"}'
    assert not peer.events("After")


def test_a_queued_consent_call_counts_from_the_start(peer: Peer, page: Page) -> None:
    spy = "Object.defineProperty(document, 'cookie', {get: () => '', set: text => (window.cookies = text)})"
    early = (
        "<script src='/static/tracker/pz-stub.js'></script><script>"
        + spy
        + "; pz.track('X').consent('denied')</script>"
    )
    page.goto(peer.add_page("/", document(head=early + tag(consent="granted"))))
    until_ready(page)
    assert page.evaluate("pz.consent()") == "denied"
    assert "max-age=0" in page.evaluate("window.cookies")
    assert not peer.hellos


def test_purposes_are_sent_as_the_consent_extension_tells_them(peer: Peer, page: Page) -> None:
    early = "<script src='/static/tracker/pz-stub.js'></script><script>pz.consent({email: false})</script>"
    page.goto(peer.add_page("/", document(head=early + tag(consent="granted"))))
    until_ready(page)
    assert page.evaluate("pz.consent({marketing: true}) === pz && pz.consent()") == "granted"
    until(page, lambda: len(peer.events("Segment Consent Preference Updated")) == 2)
    told = [each["context"]["consent"] for each in peer.events("Segment Consent Preference Updated")]
    assert told == [{"categoryPreferences": {"email": False}}, {"categoryPreferences": {"marketing": True}}]


def test_nothing_is_said_of_purposes_once_consent_is_denied(peer: Peer, page: Page) -> None:
    page.goto(peer.add_page("/", document(head=tag(consent="denied"))))
    until_ready(page)
    page.evaluate("pz.consent({marketing: true}), 0")
    page.reload()
    until_ready(page)
    assert page.evaluate("pz.consent()") == "denied"
    assert_nothing_kept(page)
    assert not peer.messages


SIGNALS = [
    ("globalPrivacyControl: true", {}, "denied"),
    ("globalPrivacyControl: true", {"gpc": "ignore"}, "granted"),
    ("doNotTrack: '1'", {}, "granted"),
    ("doNotTrack: '1'", {"dnt": "respect"}, "denied"),
]


@pytest.mark.parametrize(("signal", "options", "expected"), SIGNALS)
def test_browser_signals(peer: Peer, page: Page, signal: str, options: dict[str, str], expected: str) -> None:
    name, value = signal.split(": ")
    page.add_init_script(f"Object.defineProperty(Navigator.prototype, '{name}', {{get: () => {value}}})")
    page.goto(peer.add_page("/", document(head=tag(consent="granted", **options))))
    until_ready(page)
    page.evaluate("pz.consent('granted').track('X'), 0")
    assert page.evaluate("pz.consent()") == expected
    if expected == "denied":
        assert_nothing_kept(page)
    else:
        until(page, lambda: peer.events("X"))


def test_the_page_works_where_storage_and_cookies_are_refused(peer: Peer, page: Page) -> None:
    page.add_init_script(
        "Object.defineProperty(window, 'localStorage', {get() { throw new DOMException('no', 'SecurityError') }});"
        "Object.defineProperty(document, 'cookie', {get: () => '', set() {}})"
    )
    page.goto(peer.add_page("/", document()))
    until_ready(page)
    page.evaluate("pz.identify('u1').track('X'), 0")
    until(page, lambda: peer.events("X"))
    assert peer.events("X")[0]["userId"] == "u1"
    assert len({message["anonymousId"] for message in peer.messages}) == 1
