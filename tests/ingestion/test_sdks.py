"""Unmodified SDKs of Segment and RudderStack deliver here; bodies that other SDKs were seen to send are understood."""

import gzip
import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
import rudderstack.analytics.client
import segment.analytics.client

from profiles.event import Event
from tests.ingestion.doors import Doors, LogServer, wait_until

KINDS = ["track", "identify", "page", "screen", "group", "alias", "track"]


def call_all(client: Any) -> None:
    """One call of each kind, as an application makes them."""
    moment = datetime(2026, 11, 1, 12, 30, 15, 250_000, tzinfo=UTC)
    client.track("u1", "Order Completed", {"revenue": 12.5}, timestamp=moment)
    client.identify("u1", {"country": "FR"})
    client.page("u1", "Shop", "Home", {"path": "/"})
    client.screen("u1", "Shop", "Start")
    client.group("u1", "acme", {"plan": "gold"})
    client.alias("anna", "u1")
    client.track("u1", "Seen", message_id="my-id-1")
    client.flush()
    client.join()


def check_all(events: list[Event]) -> None:
    assert sorted(event.type for event in events) == sorted(KINDS)
    by_name = {event.name: event for event in events}
    assert all(event.source == "shop" and event.user_id == "u1" for event in events)
    order = by_name["Order Completed"]
    assert order.properties == {"revenue": 12.5}
    # The clocks are the same: the correction moves the event by the milliseconds it was under way.
    assert 0 <= order.at - round(datetime(2026, 11, 1, 12, 30, 15, 250_000, tzinfo=UTC).timestamp() * 1000) < 60_000
    assert by_name["Identified"].traits == {"country": "FR"}
    assert by_name["Page Viewed"].properties == {"path": "/", "name": "Home", "category": "Shop"}
    assert by_name["Group Joined"].properties == {"groupId": "acme"}
    assert by_name["Aliased"].previous_id == "anna"
    assert by_name["Seen"].id == "my-id-1"
    assert by_name["Seen"].context["library"]["name"]


@pytest.mark.parametrize("gzipped", [False, True])
def test_segment_python(doors: Doors, gzipped: bool) -> None:
    errors: list[Any] = []

    def on_error(error: Any, batch: Any) -> None:
        errors.append(error)

    client = segment.analytics.client.Client("WK", host=doors.url, gzip=gzipped, on_error=on_error)
    call_all(client)
    assert errors == []
    check_all(doors.log.events())


@pytest.mark.parametrize("gzipped", [False, True])
def test_rudderstack_python(doors: Doors, gzipped: bool) -> None:
    errors: list[Any] = []

    def on_error(error: Any, batch: Any) -> None:
        errors.append(error)

    client = rudderstack.analytics.client.Client("WK", host=doors.url, gzip=gzipped, on_error=on_error)
    call_all(client)
    assert errors == []
    check_all(doors.log.events())


@pytest.mark.parametrize("make", [segment.analytics.client.Client, rudderstack.analytics.client.Client])
def test_a_wrong_key_is_one_try_and_an_error(doors: Doors, make: Callable[..., Any]) -> None:
    errors: list[Any] = []

    def on_error(error: Any, batch: Any) -> None:
        errors.append(error)

    client = make("WRONG", host=doors.url, on_error=on_error)
    client.track("u1", "Seen")
    client.flush()
    client.join()
    assert len(errors) == 1
    assert errors[0].status == 401
    # A retry would have been counted again.
    doors.post("/v1/batch", {"batch": []})
    assert doors.log.outcomes() == {"-|unknown_key": 1}


def test_segment_python_sends_again_after_a_full_log(shared_log: LogServer) -> None:
    shared_log.client.flushall()

    def attempts() -> int:
        return int(shared_log.client.info("commandstats")["cmdstat_evalsha"]["calls"])

    with Doors(shared_log, max_length=1) as doors:
        doors.post("/v1/identify", {"userId": "u1"})
        before = attempts()
        errors: list[Any] = []
        client = segment.analytics.client.Client("WK", host=doors.url, on_error=lambda *error: errors.append(error))
        client.track("u1", "Seen", message_id="late")
        wait_until(lambda: attempts() > before)
        assert "late" not in [event.id for event in shared_log.events()]
        shared_log.client.flushall()
        client.flush()
        client.join()
    assert errors == []
    assert [event.id for event in shared_log.events()] == ["late"]


def rudder_node() -> bytes:
    message = {
        "userId": "u1",
        "event": "Seen",
        "type": "track",
        "properties": {"price": 3},
        "context": {"library": {"name": "@rudderstack/rudder-sdk-node", "version": "3.0.13"}},
        "channel": "server",
        "_metadata": {"nodeVersion": "22.0.0"},
        "originalTimestamp": "2026-11-23T11:59:58.000Z",
        "sentAt": "2026-11-23T12:00:00.000Z",
        "messageId": "5b6f0c1e-4f0e-4d8e-9d3b-0b8f8f8f8f8f",
    }
    body = {"batch": [message], "timestamp": "2026-11-23T12:00:00.000Z", "sentAt": "2026-11-23T12:00:00.000Z"}
    return gzip.compress(json.dumps(body).encode())


def analytics_node() -> bytes:
    message = {
        "type": "track",
        "userId": "u1",
        "event": "Seen",
        "properties": {"price": 3},
        "timestamp": "2026-11-23T11:59:58.000Z",
        "messageId": "node-" + "a" * 32 + "-1b6f0c1e-4f0e-4d8e-9d3b-0b8f8f8f8f8f",
        "_metadata": {"nodeVersion": "22.0.0"},
        "context": {"library": {"name": "analytics-node", "version": "6.2.0"}},
    }
    body = {"batch": [message], "timestamp": "2026-11-23T12:00:00.000Z", "sentAt": "2026-11-23T12:00:00.000Z"}
    return json.dumps(body).encode()


def analytics_next() -> bytes:
    message = {
        "timestamp": "2026-11-23T11:59:58.000Z",
        "integrations": {},
        "userId": "u1",
        "anonymousId": "2c1f",
        "event": "Seen",
        "type": "track",
        "properties": {"price": 3},
        "context": {
            "page": {"path": "/", "referrer": "", "search": "?utm_source=x", "title": "Shop", "url": "https://shop/"},
            "userAgent": "Mozilla/5.0",
            "userAgentData": {"brands": [{"brand": "Chromium", "version": "140"}], "mobile": False},
            "campaign": {"source": "x"},
            "locale": "en-US",
            "library": {"name": "analytics.js", "version": "npm:next-1.81.0"},
            "timezone": "UTC",
        },
        "messageId": "ajs-next-1732363200000-1b6f0c1e-4f0e-4d8e-9d3b-0b8f8f8f8f8f",
        "writeKey": "WK",
        "sentAt": "2026-11-23T12:00:00.000Z",
        "_metadata": {"bundled": ["Segment.io"], "unbundled": [], "bundledIds": []},
    }
    return json.dumps(message).encode()


def rudder_browser() -> bytes:
    message = {
        "event": "Seen",
        "type": "track",
        "properties": {"price": 3},
        "channel": "web",
        "context": {"traits": {"country": "FR"}, "sessionId": 1732363200, "app": {"name": "RudderLabs"}, "os": None},
        "originalTimestamp": "2026-11-23T11:59:58.000Z",
        "sentAt": "2026-11-23T12:00:00.000Z",
        "messageId": "1b6f0c1e-4f0e-4d8e-9d3b-0b8f8f8f8f8f",
        "userId": "u1",
        "anonymousId": "2c1f",
        "integrations": {"All": True},
    }
    return json.dumps(message).encode()


BASIC = {"Authorization": "Basic V0s6"}
TEXT = {"Content-Type": "text/plain"}
RUDDER = {**BASIC, "Content-Type": "application/json;charset=UTF-8", "AnonymousId": "MmMxZg=="}
GOLDEN: dict[str, tuple[str, dict[str, str], bytes]] = {
    "rudder-sdk-node": ("/v1/batch", {**BASIC, "Content-Type": "application/x-www-form-urlencoded"}, rudder_node()),
    "analytics-node": ("/v1/batch", {**BASIC, "Content-Type": "application/json"}, analytics_node()),
    "analytics-next": ("/v1/t", {**BASIC, **TEXT}, analytics_next()),
    "analytics-next in batches": (
        "/v1/b",
        {**BASIC, **TEXT},
        b'{"writeKey":"WK","batch":[' + analytics_next() + b'],"sentAt":"2026-11-23T12:00:00.000Z"}',
    ),
    "rudder-sdk-js": ("/v1/track", RUDDER, rudder_browser()),
    "rudder-sdk-js by beacon": (
        "/beacon/v1/batch?writeKey=WK",
        TEXT,
        b'{"batch":[' + rudder_browser() + b'],"sentAt":"2026-11-23T12:00:00.000Z"}',
    ),
    "gzip as text/plain, as PostHog sends": ("/v1/t?writeKey=WK", TEXT, gzip.compress(analytics_next())),
}


@pytest.mark.parametrize("name", GOLDEN)
def test_golden_body(doors: Doors, name: str) -> None:
    path, headers, body = GOLDEN[name]
    answer = doors.client.post(path, content=body, headers=headers)
    assert (answer.status_code, answer.json()) == (200, {"success": True})
    (event,) = doors.log.events()
    assert (event.name, event.user_id, event.properties) == ("Seen", "u1", {"price": 3})
    assert event.at == event.received - 2_000
    assert len(event.id) >= 36
