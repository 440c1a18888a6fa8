"""No event is lost between the page and the server: reload, offline, restart, tabs, full storage, blocked sockets."""

import json

from playwright.sync_api import BrowserContext, Page

from tests.tracker.conftest import document, queued, tag, until, until_connected, until_ready
from tests.tracker.peer import Peer


def ids(peer: Peer, event: str) -> list[str]:
    """The messageIds of the event's deliveries, repetitions included."""
    return [message["messageId"] for _, message in peer.deliveries if message.get("event") == event]


def test_acknowledged_events_leave_the_outbox(peer: Peer, page: Page) -> None:
    page.goto(peer.add_page("/", document(head=tag(page="manual"))))
    until_connected(peer, page)
    page.evaluate("for (let i = 0; i < 150; i++) pz.track('Many', {i})")
    until(page, lambda: len(peer.events("Many")) == 150)
    until(page, lambda: queued(page) == 0)
    assert [each["properties"]["i"] for each in peer.events("Many")] == list(range(150))
    assert max(len(envelope["batch"]) for _, envelope in peer.batches) <= 100
    assert all(envelope["sentAt"] for _, envelope in peer.batches)
    assert {door for door, _ in peer.batches} == {"socket"}


def test_refused_events_leave_the_outbox_and_are_told(peer: Peer, page: Page) -> None:
    peer.behaviour.refuse = {"Bad"}
    page.goto(peer.add_page("/", document()))
    until_ready(page)
    page.evaluate("pz.on('refused', detail => window.refused = detail).track('Bad').track('Good'), 0")
    page.wait_for_function("window.refused")
    assert page.evaluate("refused.reason") == "bad_field"
    until(page, lambda: queued(page) == 0)
    assert len(ids(peer, "Good")) == 1


def test_unacknowledged_events_survive_a_reload(peer: Peer, page: Page) -> None:
    peer.behaviour.acks = False
    page.goto(peer.add_page("/", document()))
    until_connected(peer, page)
    page.evaluate("pz.track('Precious'), 0")
    until(page, lambda: peer.events("Precious"))
    first = ids(peer, "Precious")[0]
    peer.behaviour.acks = True
    page.reload()
    until(page, lambda: queued(page) == 0)
    assert len(ids(peer, "Precious")) >= 2 and set(ids(peer, "Precious")) == {first}


def test_events_survive_a_server_restart(peer: Peer, page: Page) -> None:
    page.goto(peer.add_page("/", document()))
    until_connected(peer, page)
    until(page, lambda: queued(page) == 0)
    peer.behaviour.acks = False
    page.evaluate("pz.track('Sent, not acknowledged'), 0")
    until(page, lambda: peer.events("Sent, not acknowledged"))
    peer.stop()
    page.evaluate("pz.track('While down'), 0")
    assert queued(page) == 2
    peer.behaviour.acks = True
    peer.start()
    until(page, lambda: queued(page) == 0)
    assert len(set(ids(peer, "Sent, not acknowledged"))) == 1
    assert len(ids(peer, "Sent, not acknowledged")) >= 2
    assert len(set(ids(peer, "While down"))) == 1


def test_events_survive_a_server_restart_with_a_reload_while_it_is_down(peer: Peer, page: Page) -> None:
    url = peer.add_page("/", document())
    script = page.request.get(peer.url + "/static/tracker/pz.js").text()
    page.route("**/pz.js", lambda route: route.fulfill(body=script, content_type="text/javascript"))
    page.route(url, lambda route: route.fulfill(body=document(), content_type="text/html"))
    peer.stop()
    page.goto(url)
    until_ready(page)
    page.evaluate("pz.track('Before reload'), 0")
    page.reload()
    until_ready(page)
    assert queued(page) == 3
    peer.start()
    until(page, lambda: queued(page) == 0)
    assert len(set(ids(peer, "Before reload"))) == 1
    assert len({message["messageId"] for message in peer.events("page")}) == 2


def test_events_made_offline_arrive_when_online(peer: Peer, page: Page, context: BrowserContext) -> None:
    page.goto(peer.add_page("/", document()))
    until_connected(peer, page)
    until(page, lambda: queued(page) == 0)
    context.set_offline(True)
    page.evaluate("pz.track('In the tunnel'), 0")
    page.wait_for_function("!navigator.onLine")
    until(page, lambda: peer.closed == 1, "the socket is given up when the browser says offline")
    assert not peer.events("In the tunnel") and queued(page) == 1
    context.set_offline(False)
    until(page, lambda: queued(page) == 0)
    assert len(set(ids(peer, "In the tunnel"))) == 1


def test_outbox_keeps_the_newest_200_events(peer: Peer, page: Page, context: BrowserContext) -> None:
    page.goto(peer.add_page("/", document()))
    until(page, lambda: peer.messages)
    until(page, lambda: queued(page) == 0)
    context.set_offline(True)
    page.wait_for_function("!navigator.onLine")
    page.evaluate("for (let i = 0; i < 230; i++) pz.track('Stored', {i})")
    assert queued(page) == 200
    context.set_offline(False)
    until(page, lambda: queued(page) == 0)
    assert {each["properties"]["i"] for each in peer.events("Stored")} == set(range(30, 230))


def test_outbox_is_bounded_in_size(peer: Peer, page: Page, context: BrowserContext) -> None:
    page.goto(peer.add_page("/", document()))
    until(page, lambda: peer.messages)
    context.set_offline(True)
    page.wait_for_function("!navigator.onLine")
    page.evaluate("for (let i = 0; i < 30; i++) pz.track('Big', {text: 'x'.repeat(20000)})")
    size = "Object.entries(localStorage).reduce((sum, [key, text]) => sum + text.length, 0)"
    assert 200_000 < page.evaluate(size) <= 262_144


def test_full_storage_falls_back_to_memory(peer: Peer, page: Page) -> None:
    page.goto(peer.add_page("/", document()))
    until(page, lambda: peer.messages)
    until(page, lambda: queued(page) == 0)
    page.evaluate(
        "let text = 'x'.repeat(2 ** 20), i = 0;"
        "while (text) try { localStorage['site' + i++] = text } catch { text = text.slice(text.length / 2 + 1) }"
    )
    page.evaluate("pz.identify('u1').track('No room', {text: 'x'.repeat(2000)}), 0")
    until(page, lambda: peer.events("No room"))
    assert peer.events("No room")[0]["userId"] == "u1"


def test_broken_entries_in_the_outbox_are_thrown_away(peer: Peer, page: Page) -> None:
    page.goto(peer.add_page("/", document()))
    until(page, lambda: queued(page) == 0)
    page.evaluate("localStorage['pz:q:mockedup000000broken'] = '{\"type\":'")
    page.reload()
    until(page, lambda: len(peer.events("page")) == 2)
    until(page, lambda: queued(page) == 0)


def test_beaconed_events_older_than_the_dedup_window_are_not_sent_twice(peer: Peer, page: Page) -> None:
    page.goto(peer.add_page("/", document()))
    until(page, lambda: queued(page) == 0)
    entry = "(name, mark, hours) => localStorage['pz:q:' + (Date.now() - hours * 36e5).toString(36) + '100000' + name]"
    write = f"{entry.replace('=> ', '=> (')} = mark + JSON.stringify({{type: 'track', event: name, messageId: name}}))"
    page.evaluate(
        f"const put = {write}; put('Beaconed long ago', '~', 30); put('Offline long ago', '', 30);"
        "put('Beaconed just now', '~', 1)"
    )
    page.reload()
    until(page, lambda: peer.events("Offline long ago") and peer.events("Beaconed just now"))
    until(page, lambda: queued(page) == 0)
    assert not peer.events("Beaconed long ago")


def test_tabs_share_the_outbox_without_losing_each_others_events(peer: Peer, context: BrowserContext) -> None:
    peer.behaviour.socket, peer.behaviour.post_status = "refuse", 503
    url = peer.add_page("/", document(head=tag(page="manual")))
    tabs = [context.new_page() for _ in range(3)]
    for tab in tabs:
        tab.goto(url)
        until_ready(tab)
    for number, tab in enumerate(tabs):
        tab.evaluate(f"for (let i = 0; i < 20; i++) pz.track('Tab {number}', {{i}})")
    until(tabs[0], lambda: queued(tabs[0]) == 60)
    tabs[2].close()
    peer.behaviour.socket, peer.behaviour.post_status = "welcome", 200
    until(tabs[0], lambda: queued(tabs[0]) == 0)
    for number in range(3):
        assert len(peer.events(f"Tab {number}")) == 20
    assert len({message["anonymousId"] for message in peer.messages}) == 1


def test_reset_in_one_tab_reaches_the_other(peer: Peer, context: BrowserContext) -> None:
    url = peer.add_page("/", document(head=tag(page="manual")))
    one, two = context.new_page(), context.new_page()
    for tab in (one, two):
        tab.goto(url)
        until_ready(tab)
    stored = "localStorage['pz:user']"  # Chromium brings it from one tab to the other a moment later
    one.evaluate("pz.identify('u1'), 0")
    until(two, lambda: two.evaluate(stored) == "u1")
    two.evaluate("pz.track('Same person'), 0")
    until(two, lambda: peer.events("Same person"))
    one.evaluate("pz.reset(), 0")
    until(two, lambda: two.evaluate(stored) is None)
    two.evaluate("pz.track('Nobody'), 0")
    until(two, lambda: peer.events("Nobody"))
    [known], [nobody] = peer.events("Same person"), peer.events("Nobody")
    assert known["userId"] == "u1" and "userId" not in nobody
    assert nobody["anonymousId"] != known["anonymousId"]
    until(two, lambda: [each["anonymousId"] for each in peer.hellos].count(nobody["anonymousId"]) == 2)


def test_slow_means_the_same_events_later(peer: Peer, page: Page) -> None:
    peer.behaviour.slow = 2
    page.goto(peer.add_page("/", document(head=tag(page="manual"))))
    until_connected(peer, page)
    page.evaluate("pz.track('Patient'), 0")
    until(page, lambda: len(ids(peer, "Patient")) == 3)
    until(page, lambda: queued(page) == 0)
    assert len(set(ids(peer, "Patient"))) == 1
    assert len(peer.hellos) == 1


def test_events_go_by_post_when_the_socket_is_refused(peer: Peer, page: Page) -> None:
    peer.behaviour.socket = "refuse"
    page.goto(peer.add_page("/", document(head=tag(host=peer.other_origin))))
    until(page, lambda: peer.events("page"))
    until(page, lambda: queued(page) == 0)
    assert {door for door, _ in peer.batches} == {"post"}
    assert "OPTIONS" not in {method for method, _ in peer.requests}, "no preflight"


def test_events_go_by_post_when_the_socket_stays_silent(peer: Peer, page: Page) -> None:
    peer.behaviour.socket = "mute"
    page.goto(peer.add_page("/", document()))
    until(page, lambda: peer.events("page"))
    assert peer.batches[0][0] == "post"
    assert peer.closed == 0, "while the socket is still being waited for"


def test_failed_posts_are_repeated(peer: Peer, page: Page) -> None:
    peer.behaviour.socket, peer.behaviour.post_status = "refuse", 503
    page.goto(peer.add_page("/", document()))
    until(page, lambda: ("POST", "/v1/b") in peer.requests)
    assert queued(page) == 1
    peer.behaviour.post_status = 200
    until(page, lambda: queued(page) == 0)
    assert len(peer.events("page")) == 1


def test_an_unknown_key_ends_the_attempts(peer: Peer, page: Page) -> None:
    peer.behaviour.socket, peer.behaviour.post_status = 4401, 401
    errors: list[str] = []
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    page.goto(peer.add_page("/", document()))
    until(page, lambda: errors)
    page.evaluate("pz.track('Anything'), 0")
    assert any("refuses this page: 4401" in error or "refuses this page: 401" in error for error in errors)
    assert len(peer.hellos) == 1 and not peer.messages


def test_a_frame_that_is_not_understood_is_sorted_out_by_post(peer: Peer, page: Page) -> None:
    page.goto(peer.add_page("/", document()))
    until(page, lambda: queued(page) == 0)
    peer.behaviour.socket = 4400
    page.reload()
    page.evaluate("pz.track('In spite of it'), 0")
    until(page, lambda: queued(page) == 0)
    assert len(ids(peer, "In spite of it")) == 1
    assert len(peer.hellos) == 2


def test_a_refusal_without_an_id_empties_its_batch(peer: Peer, page: Page) -> None:
    peer.behaviour.refuse, peer.behaviour.nameless = {"Unreadable"}, True
    page.goto(peer.add_page("/", document(head=tag(page="manual"))))
    until_connected(peer, page)
    page.evaluate("pz.track('Readable').track('Unreadable'), 0")
    until(page, lambda: queued(page) == 0)
    assert len(ids(peer, "Unreadable")) == 1


def test_the_rest_goes_by_beacon_when_the_page_is_left(peer: Peer, page: Page) -> None:
    peer.behaviour.acks = False
    page.goto(peer.add_page("/", document(head=tag(host=peer.other_origin, page="manual"))))
    until_connected(peer, page)
    page.evaluate("pz.track('Leaving'); location.href = '/static/tracker/pz-slot.css'")
    until(page, lambda: "beacon" in {door for door, _ in peer.batches})
    [beacon] = [envelope for door, envelope in peer.batches if door == "beacon"]
    assert [each["event"] for each in beacon["batch"]] == ["Leaving"]
    assert "OPTIONS" not in {method for method, _ in peer.requests}


def test_a_beacon_stays_below_64_kilobytes(peer: Peer, page: Page) -> None:
    peer.behaviour.acks = False
    page.goto(peer.add_page("/", document()))
    until_connected(peer, page)
    page.evaluate("for (let i = 0; i < 9; i++) pz.track('Big', {text: 'ü'.repeat(6000)})")
    page.goto(peer.add_page("/next", "<p>next"))
    until(page, lambda: "beacon" in {door for door, _ in peer.batches})
    [beacon] = [envelope for door, envelope in peer.batches if door == "beacon"]
    assert len(beacon["batch"]) >= 4
    assert len(json.dumps(beacon, ensure_ascii=False).encode()) < 64_000


def test_nothing_is_beaconed_when_everything_was_acknowledged(peer: Peer, page: Page) -> None:
    page.goto(peer.add_page("/", document()))
    until(page, lambda: peer.messages)
    until(page, lambda: queued(page) == 0)
    page.goto(peer.add_page("/next", document()))
    until(page, lambda: len(peer.events("page")) == 2)
    assert "beacon" not in {door for door, _ in peer.batches}


def test_back_forward_cache_keeps_the_page_and_reopens_the_socket(peer: Peer, page: Page) -> None:
    script = "<script>mark = 'same'; addEventListener('pageshow', event => window.restored = event.persisted)</script>"
    page.goto(peer.add_page("/", document("<h1>First</h1>" + script)))
    until_connected(peer, page)
    until(page, lambda: queued(page) == 0)
    page.goto(peer.add_page("/next", "<p>next"))
    until(page, lambda: peer.closed == 1, "the socket is closed when the page is left")
    page.evaluate("setTimeout(() => history.back())")  # go_back() waits for a load that a cached page never has
    page.wait_for_function("window.restored === true && window.mark === 'same'")
    until(page, lambda: len(peer.hellos) == 2)
    until(page, lambda: len(peer.events("page")) == 2)
    page.evaluate("pz.track('After return'), 0")
    until(page, lambda: peer.events("After return"))
