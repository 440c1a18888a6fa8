"""Strict pages: Content Security Policy, Trusted Types, hostile block HTML, scripting switched off."""

from playwright.sync_api import Browser, Page

from tests.tracker.conftest import document, until
from tests.tracker.peer import Peer
from tests.tracker.test_slots import DEFAULT, SLOT, html_block, settled

STRICT = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "require-trusted-types-for 'script'; trusted-types {policy}"
)


def complaints(page: Page) -> list[str]:
    """Collects what the page's policy refused."""
    texts: list[str] = []
    page.on("console", lambda message: texts.append(message.text) if "policy" in message.text.lower() else None)
    return texts


def test_strict_policy_with_trusted_types(peer: Peer, page: Page) -> None:
    peer.behaviour.slots["hero"] = html_block("<b>Boots</b>")
    refused = complaints(page)
    page.goto(peer.add_page("/", document(SLOT), {"content-security-policy": STRICT.format(policy="pz")}))
    assert settled(page, "personalized") == "<b>Boots</b>"
    until(page, lambda: peer.events("page"))
    assert [text for text in refused if "favicon" not in text] == []


def test_policy_that_does_not_name_pz_keeps_the_default(peer: Peer, page: Page) -> None:
    peer.behaviour.slots["hero"] = html_block("<b>Boots</b>")
    page.goto(peer.add_page("/", document(SLOT), {"content-security-policy": STRICT.format(policy="'none'")}))
    assert settled(page, "error") == DEFAULT


def test_policy_that_forbids_connections_does_not_break_the_page(peer: Peer, page: Page) -> None:
    policy = "default-src 'self'; connect-src 'none'"
    page.goto(peer.add_page("/", document(SLOT), {"content-security-policy": policy}))
    assert settled(page, "error") == DEFAULT


def test_nothing_in_a_block_runs(peer: Peer, page: Page) -> None:
    peer.behaviour.slots["hero"] = html_block(
        "<script>window.ran = 1</script><img src='/missing.png' onerror='window.ran = 2'>"
        "<svg onload='window.ran = 3'><script>window.ran = 4</script></svg>"
        "<iframe srcdoc='<script>parent.ran = 5</script>'></iframe>"
        "<a id='link' href='java\nscript:window.ran = 6'>Boots</a>"
        "<meta http-equiv='refresh' content='0;url=/elsewhere'><b>Safe</b>"
    )
    page.goto(peer.add_page("/", document(SLOT)))
    shown = settled(page, "personalized")
    assert "<b>Safe</b>" in shown
    for forbidden in ("script", "onerror", "onload", "iframe", "meta", "href"):
        assert forbidden not in shown
    until(page, lambda: ("GET", "/missing.png") in peer.requests)
    page.locator("#link").click()
    assert page.evaluate("window.ran") is None


def test_pages_without_scripting_show_the_default(peer: Peer, chromium: Browser) -> None:
    context = chromium.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(peer.add_page("/", document(SLOT)))
    page.get_by_text("Default").wait_for(state="visible")
    context.close()
