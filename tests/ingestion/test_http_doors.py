"""The HTTP doors as SDKs use them: paths, keys, encodings, answers."""

import base64
import gzip
import json
import zlib

import pytest

from ingestion.api import KINDS
from tests.ingestion.doors import Doors, track

BODIES = {
    "track": track(),
    "identify": {"userId": "u1", "traits": {"country": "FR"}},
    "page": {"anonymousId": "anna", "name": "Home"},
    "screen": {"anonymousId": "anna", "name": "Start"},
    "group": {"userId": "u1", "groupId": "acme", "traits": {"plan": "gold"}},
    "alias": {"userId": "u1", "previousId": "anna"},
    "batch": {"batch": [track()], "sentAt": "2026-11-23T12:00:00.000Z"},
}


def test_all_paths_are_tried() -> None:
    assert len(KINDS) == 16


@pytest.mark.parametrize("slash", ["", "/"])
@pytest.mark.parametrize("path", KINDS)
def test_every_path_takes_its_kind(doors: Doors, path: str, slash: str) -> None:
    kind = KINDS[path]
    answer = doors.post(path + slash, BODIES[kind])
    assert (answer.status_code, answer.json()) == (200, {"success": True})
    assert [event.type for event in doors.log.events()] == ["track" if kind == "batch" else kind]
    assert doors.log.events()[0].source == "shop"


def basic(text: str) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(text.encode()).decode()}


@pytest.mark.parametrize(
    ("query", "headers", "body"),
    [
        ("", basic("WK:"), {}),
        ("", basic("WK"), {}),
        ("", basic("WK:ignored"), {}),
        ("", {"Authorization": "basic V0s6"}, {}),
        ("", {}, {"writeKey": "WK"}),
        ("", {"Authorization": "Bearer token-of-oauth"}, {"writeKey": "WK"}),
        ("?writeKey=WK", {}, {}),
        ("?a=1&writeKey=WK", {}, {}),
    ],
)
def test_the_key_comes_from_basic_body_or_query(
    doors: Doors, query: str, headers: dict[str, str], body: dict[str, str]
) -> None:
    for path, content in (("/v1/track", track(**body)), ("/v1/batch", {"batch": [track()], **body})):
        answer = doors.client.post(path + query, content=json.dumps(content).encode(), headers=headers)
        assert answer.status_code == 200, answer.text
    assert len(doors.log.events()) == 2


def test_a_batch_may_carry_the_key_in_its_messages(doors: Doors) -> None:
    assert doors.post("/v1/b", {"batch": [track(writeKey="WK")]}, key=None).status_code == 200


@pytest.mark.parametrize("key", [None, "WRONG", "", "é", "WK\0"])
def test_an_unknown_key_is_refused_and_counted(doors: Doors, key: str | None) -> None:
    answer = doors.post("/v1/track", track(), key=key)
    assert answer.status_code == 401
    assert answer.json()["code"] == "unknown_key" and answer.json()["message"]
    assert doors.log.events() == []


@pytest.mark.parametrize("value", ["Basic", "Basic %%%", "Basic /////w==", "Digest x", "\xff"])
def test_broken_authorization_is_an_unknown_key(doors: Doors, value: str) -> None:
    headers = {b"Authorization": value.encode("latin-1")}
    assert doors.client.post("/v1/track", content=b"{}", headers=headers).status_code == 401


@pytest.mark.parametrize(
    "kind",
    ["text/plain", "application/x-www-form-urlencoded", "application/json;charset=UTF-8", "multipart/form-data", "x"],
)
def test_the_content_type_does_not_matter(doors: Doors, kind: str) -> None:
    assert doors.post("/v1/track", track(), Content_Type=kind).status_code == 200
    packed = gzip.compress(json.dumps({"batch": [track()]}).encode())
    assert doors.post("/v1/batch", packed, Content_Type=kind).status_code == 200
    assert doors.post("/v1/batch", packed, Content_Type=kind, Content_Encoding="gzip").status_code == 200
    assert len(doors.log.events()) == 3


def test_a_beacon_needs_no_header_at_all(doors: Doors) -> None:
    body = json.dumps({"batch": [track(), track()]}).encode()
    answer = doors.client.post("/beacon/v1/batch?writeKey=WK", content=body, headers={"Content-Type": "text/plain"})
    assert answer.status_code == 200
    assert len(doors.log.events()) == 2


@pytest.mark.parametrize(
    ("body", "headers", "status", "code"),
    [
        (b"", {}, 400, "broken_json"),
        (b"{", {}, 400, "broken_json"),
        (b'{"batch": [', {}, 400, "broken_json"),
        (b'{"batch": [{"a": NaN}]}', {}, 400, "broken_json"),
        (b"hello", {}, 400, "broken_json"),
        (b"[]", {}, 400, "bad_batch"),
        (b"{}", {}, 400, "bad_batch"),
        (b'{"batch": {}}', {}, 400, "bad_batch"),
        (b"null", {}, 400, "bad_batch"),
        (json.dumps({"batch": []}).encode("utf-16"), {}, 400, "broken_json"),
        (gzip.compress(b'{"batch": []}')[:-4], {}, 400, "bad_gzip"),
        (b"\x1f\x8bnot gzip at all", {}, 400, "bad_gzip"),
        (zlib.compress(b'{"batch": []}'), {"Content-Encoding": "gzip"}, 400, "bad_gzip"),
        (b'{"batch": []}', {"Content-Encoding": "br"}, 400, "bad_gzip"),
        (b'{"batch": [' + b"0," * 6_000 + b"0]}", {}, 413, "too_many_events"),
        (b" " * 600_000, {}, 413, "too_large_body"),
        (gzip.compress(b" " * 50_000_000), {}, 413, "too_large_body"),
        (gzip.compress(b"") * 20, {}, 400, "bad_gzip"),
        (b'{"batch":' + b"[" * 10_000 + b"]" * 10_000 + b"}", {}, 200, ""),
        (b"[" * 10_000 + b"]" * 10_000, {}, 400, "bad_batch"),
        (b"{" * 10_000, {}, 400, "broken_json"),
    ],
    ids=lambda value: "body" if isinstance(value, bytes) else None,
)
def test_a_body_that_cannot_be_read(doors: Doors, body: bytes, headers: dict[str, str], status: int, code: str) -> None:
    answer = doors.client.post("/v1/batch", content=body, headers={**headers, "Authorization": "Basic V0s6"})
    assert (answer.status_code, answer.json().get("code", "")) == (status, code)
    assert doors.log.events() == []
    if code:
        assert answer.json()["message"]


def test_an_oversize_event(doors: Doors) -> None:
    large = track(properties={"text": "x" * 33_000})
    answer = doors.post("/v1/track", large)
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large_event")
    assert doors.post("/v1/batch", {"batch": [track(), large, track()]}).status_code == 200
    assert len(doors.log.events()) == 2
    assert doors.log.outcomes()["shop|too_large_event"] >= 1


def test_an_oversize_body_sent_in_pieces_is_answered(doors: Doors) -> None:
    pieces = (b" " * 65_536 for _ in range(40))
    answer = doors.client.post("/v1/batch", content=pieces, auth=("WK", ""))
    assert answer.status_code == 413


def test_bytes_after_gzip_and_a_byte_order_mark_do_no_harm(doors: Doors) -> None:
    body = json.dumps({"batch": [track()]}).encode()
    assert doors.post("/v1/batch", gzip.compress(body) + b"\0\0").status_code == 200
    assert doors.post("/v1/batch", gzip.compress(body[:9]) + gzip.compress(body[9:])).status_code == 200
    assert doors.post("/v1/batch", b"\xef\xbb\xbf" + body).status_code == 200
    assert len(doors.log.events()) == 3


def test_invalid_events_are_a_success_and_counted(doors: Doors) -> None:
    batch = [track(messageId="good"), {"type": "track", "anonymousId": "anna", "messageId": "bad"}, 7]
    answer = doors.post("/v1/batch", {"batch": batch})
    assert (answer.status_code, answer.json()) == (200, {"success": True})
    assert [event.id for event in doors.log.events()] == ["good"]
    assert doors.log.outcomes() == {"shop|missing_event": 1, "shop|bad_field": 1}
    refused = {entry["reason"]: entry for entry in doors.log.refused()}
    assert refused["missing_event"]["messageId"] == "bad"
    assert refused["missing_event"]["source"] == "shop"
    assert json.loads(refused["missing_event"]["sample"])["messageId"] == "bad"


@pytest.mark.parametrize(("key", "headers"), [("WK", {"X_Strict_Mode": "1"}), ("STRICT", {})])
def test_strict_mode_names_every_refusal(doors: Doors, key: str, headers: dict[str, str]) -> None:
    batch = [track(), {"type": "track", "anonymousId": "anna", "messageId": "bad"}, track("Order Completed")]
    answer = doors.post("/v1/batch", {"batch": batch}, key=key, **headers)
    said = answer.json()
    assert (answer.status_code, said["code"], said["stored"]) == (400, "missing_event", 1)
    assert [each["reason"] for each in said["refusals"]] == ["missing_event", "schema_mismatch"]
    assert said["refusals"][0]["messageId"] == "bad"
    assert "properties.revenue" in said["refusals"][1]["message"]
    assert doors.post("/v1/track", track(), key=key, **headers).status_code == 200


def test_an_alias_to_oneself_is_no_mistake_but_visible(doors: Doors) -> None:
    answer = doors.post("/v1/alias", {"userId": "u1", "previousId": "u1"}, X_Strict_Mode="1")
    assert (answer.status_code, answer.json()) == (200, {"success": True})
    assert doors.log.events() == []
    assert doors.log.outcomes() == {"shop|alias_to_self": 1}


def test_preflight_and_headers_let_any_page_send(doors: Doors) -> None:
    for path in [*KINDS, "/v1/projects/WK/settings", "/sourceConfig/", "/v1/whatever"]:
        answer = doors.client.options(path, headers={"Origin": "https://shop.example"})
        assert answer.status_code == 204
        allowed = {name.strip() for name in answer.headers["access-control-allow-headers"].split(",")}
        assert allowed >= {"Authorization", "Content-Type", "AnonymousId", "X-Retry-Count"}
        assert answer.headers["access-control-max-age"] == "7200"
    assert doors.post("/v1/track", track()).headers["access-control-allow-origin"] == "*"
    assert doors.post("/v1/track", b"{").headers["access-control-allow-origin"] == "*"


def test_a_source_may_be_closed_to_other_pages(doors: Doors) -> None:
    def status(**headers: str) -> int:
        return doors.post("/v1/track", track(), key="CLOSED", **headers).status_code

    assert status() == 200
    assert status(Origin="https://shop.example") == 200
    assert status(Origin="https://a.b.shop.example") == 200
    for origin in ("http://shop.example", "https://shop.example:8443", "https://evilshop.example", "null", ""):
        assert status(Origin=origin) == 403, origin
    assert status(Origin="https://evil.example/.shop.example") == 403


def test_other_methods_and_paths(doors: Doors) -> None:
    answer = doors.client.get("/v1/track")
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST, OPTIONS")
    assert doors.post("/v1/unknown", track()).status_code == 404
    assert doors.client.post("/sourceConfig").status_code == 405
    assert doors.client.get("/v1/projects/WK").status_code == 404


def test_browser_sdks_find_their_settings(doors: Doors) -> None:
    settings = doors.client.get("/v1/projects/WK/settings").json()
    segment = settings["integrations"]["Segment.io"]
    assert segment["apiKey"] == "WK"
    assert f"{segment['protocol']}://{segment['apiHost']}" == f"{doors.url}/v1"
    source = doors.client.get("/sourceConfig/?p=npm&writeKey=WK", auth=("WK", "")).json()["source"]
    assert (source["id"], source["enabled"], source["destinations"]) == ("shop", True, [])
    assert isinstance(source["config"], dict)
    assert doors.client.get("/v1/projects/NO/settings").json()["code"] == "unknown_key"
    assert doors.client.get("/sourceConfig/?writeKey=NO").status_code == 401
