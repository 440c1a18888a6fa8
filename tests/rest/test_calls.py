"""What every call has in common: keys and scopes, one form of errors, cursors, keys that make a call one call."""

import json
from typing import Any

import httpx
import pytest
from django.contrib.auth.models import User
from django.db import OperationalError, connection
from django.test import Client
from django.utils import timezone

from ingestion.actions import revoke_secret_key
from ingestion.models import SecretKey
from personalization.doors import DOORS
from personalization.rest import pagination
from profiles import keys
from profiles.clients import Client as Redis
from rules.models import Slot
from tests.rest.conftest import ALL_SCOPES, BackEnd, Connect, let_know
from tests.rest.contract import list_operations
from tests.rest.test_profiles import read_log


def make_slots(count: int) -> None:
    for number in range(count):
        Slot.objects.create(slug=f"slot-{number}", name=f"Slot {number}")


def test_nobody_calls_without_a_key(back_end: BackEnd) -> None:
    answer = BackEnd("", back_end.source).get("slots")
    assert (answer.status, answer.code, answer.headers["WWW-Authenticate"]) == (
        *(401, "unknown_key"),
        'Bearer realm="api"',
    )
    assert BackEnd("sk_wrong", back_end.source).get("slots").code == "unknown_key"


def test_the_public_write_key_opens_nothing(back_end: BackEnd) -> None:
    assert BackEnd(back_end.source.write_key, back_end.source).get("slots").code == "unknown_key"
    basic = httpx.BasicAuth(back_end.source.write_key, "")._auth_header
    answer = Client().get("/api/v1/slots", headers={"Authorization": basic})
    assert (answer.status_code, answer.json()["code"]) == (403, "secret_key_needed")


def test_a_revoked_key_is_refused(back_end: BackEnd, redis_client: Redis) -> None:
    assert back_end.get("slots").status == 200
    revoke_secret_key(SecretKey.objects.get(), at=timezone.now())
    let_know(redis_client)
    assert back_end.get("slots").code == "unknown_key"


def test_an_operators_name_stays_beside_what_was_changed(admin_user: User, back_end: BackEnd) -> None:
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(admin_user)
    browser.get("/admin/rules/slot/add/")
    token = browser.cookies["csrftoken"].value

    def send(path: str, body: Any, kind: str, **headers: str) -> Any:
        return browser.generic("POST", f"/api/v1/{path}", json.dumps(body), content_type=kind, headers=headers)

    slot = {"slug": "hero", "name": "Hero"}
    for kind in ("application/json", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"):
        forged = send("slots", {**slot, "csrfmiddlewaretoken": token}, kind)
        assert (forged.status_code, forged.json()["code"]) == (403, "forbidden"), kind
        assert send("events", {}, kind, X_CSRFToken=token).json()["code"] == "unknown_key"
    assert send("slots", slot, "application/x-www-form-urlencoded", X_CSRFToken=token).status_code == 201
    [revision] = browser.get("/api/v1/slots/hero/revisions").json()["items"]
    assert (revision["by"], revision["note"]) == (admin_user.get_username(), "")
    assert send("publish", {}, "application/json", X_CSRFToken=token).json()["by"] == admin_user.get_username()


def test_every_operation_says_its_scope_and_its_errors() -> None:
    raw = ("/api/v1/decide", "/api/v1/decide/batch", "/api/v1/email/render")
    operations = [each for each in list_operations() if each[0] not in raw]
    assert len(operations) >= 75
    for path, method, each in operations:
        where = f"{method} {path}"
        assert each["x-scope"] in ALL_SCOPES, where
        assert f"Scope: `{each['x-scope']}`" in each["description"], where
        assert each["summary"] and each["operationId"] and len(each["tags"]) == 1, where
        statuses = each["responses"].keys()
        assert {"401", "403", "405", "429", "500", "503"} <= statuses, where
        assert any(status.startswith("2") for status in statuses), where
        if method in ("post", "put", "patch"):
            assert {"400", "413", "422"} <= statuses, where
        if "{" in path:
            assert "404" in statuses, where
        for status, answer in each["responses"].items():
            assert answer["description"], where
            if status >= "400":
                assert answer["content"].keys() == {"application/problem+json"}, where
                assert "`" in answer["description"], where


def test_operations_have_names_of_their_own() -> None:
    names = [each["operationId"] for _, _, each in list_operations()]
    assert len(names) == len(set(names))


@pytest.mark.parametrize(
    ("call", "status", "code"),
    [
        (("GET", "nowhere"), 404, "not_found"),
        (("GET", ""), 404, "not_found"),
        (("POST", "books"), 405, "method_not_allowed"),
        (("OPTIONS", "books"), 405, "method_not_allowed"),
        (("GET", "books/99999999999999999999"), 404, "not_found"),
        (("GET", "publications/99999999999999999999"), 404, "not_found"),
        (("GET", "slots/hero/revisions/99999999999999999999"), 404, "not_found"),
        (("POST", "slots/hero/revisions/99999999999999999999/restore"), 404, "not_found"),
        (("GET", "slots/a%2Fb"), 404, "not_found"),
        (("GET", "slots/%F0%9F%92%A9"), 404, "not_found"),
        (("GET", "profiles/%FF%00"), 404, "not_found"),
        (("GET", "catalogue/%00"), 404, "not_found"),
        (("GET", "slots?kind=%00&limit=5&slot=%00"), 200, ""),
        (("GET", "blocks?kind=%00"), 400, "bad_parameter"),
        (("GET", "decisions?rule=%00"), 200, ""),
        (("GET", "decisions?profile=%00"), 400, "bad_parameter"),
        (("GET", "profiles?trait=a:%00"), 400, "bad_parameter"),
        (("GET", "profiles?trait=a:1e999"), 200, ""),
        (("GET", "profiles?trait=a:" + "9" * 450), 200, ""),
        (("GET", "profiles?trait=a:[1]"), 200, ""),
        (("GET", "profiles?user_id=%00"), 400, "bad_parameter"),
        (("GET", "books?cursor=Wzk5OTk5OTk5OTk5OTk5OTldCg=="), 200, ""),
        (("POST", "slots", b"{"), 400, "bad_json"),
        (("POST", "slots", b'{"a": 1, "a": 2}'), 400, "bad_json"),
        (("POST", "slots", b'{"a": NaN}'), 400, "bad_json"),
        (("POST", "slots", b'{"a": "\\u0000"}'), 400, "bad_json"),
        (("POST", "slots", b"\xff"), 400, "bad_json"),
        (("POST", "slots", b"[" * 5_000), 400, "bad_json"),
        (("POST", "slots", b" " * 600_000), 413, "too_large"),
        (("GET", "slots?limit=0"), 400, "bad_parameter"),
        (("GET", "slots?limit=201"), 400, "bad_parameter"),
        (("GET", "slots?limit=%C2%B2"), 400, "bad_parameter"),
        (("GET", "slots?cursor=x"), 400, "bad_cursor"),
        (("GET", "slots?cursor=WzFd"), 400, "bad_cursor"),
        (("GET", "slots?cursor=" + "W" * 600), 400, "bad_cursor"),
        (("GET", "books?cursor=WyJhIl0="), 400, "bad_cursor"),
        (("GET", "decisions?since=yesterday"), 400, "bad_parameter"),
    ],
)
def test_what_is_wrong_is_said_in_one_form(back_end: BackEnd, call: Any, status: int, code: str) -> None:
    answer = back_end.call(*call)
    assert (answer.status, answer.code if code else "") == (status, code)


def test_the_content_type_of_a_call_does_not_matter(back_end: BackEnd) -> None:
    headers = {"Authorization": f"Bearer {back_end.secret}", "Accept": "text/html"}
    for number, kind in enumerate(
        ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x")
    ):
        body = json.dumps({"slug": f"s{number}", "name": "Slot"})
        answer = Client().generic("POST", "/api/v1/slots", body, content_type=kind, headers=headers)
        assert (answer.status_code, answer["Content-Type"]) == (201, "application/json")


def test_a_store_that_is_away_is_said(back_end: BackEnd, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*arguments: object) -> None:
        raise OperationalError("gone")

    with monkeypatch.context() as patched:
        patched.setattr(connection, "cursor", fail)
        answer = back_end.get("slots")
    assert (answer.status, answer.code, answer.headers["Retry-After"]) == (503, "unavailable", "1")
    assert "gone" not in answer.body["message"]


def test_a_mistake_of_ours_is_said_in_the_same_form(back_end: BackEnd, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pagination, "LIMIT", "many")
    client = Client(raise_request_exception=False)
    answer = client.get("/api/v1/slots", headers={"Authorization": f"Bearer {back_end.secret}"})
    assert answer.status_code == 500
    assert answer["Content-Type"] == "application/problem+json"
    assert answer.json()["code"] == "internal"


def test_a_list_is_gone_through_without_gap_or_repetition_while_others_write(back_end: BackEnd) -> None:
    make_slots(5)
    first = back_end.get("slots", limit=2)
    assert [each["slug"] for each in first.items] == ["slot-0", "slot-1"]
    Slot.objects.create(slug="slot-00", name="Before the cursor")
    Slot.objects.filter(slug="slot-2").delete()
    second = back_end.get(first.body["next"])
    assert [each["slug"] for each in second.items] == ["slot-3", "slot-4"]
    assert second.body["next"] is None


def test_the_next_page_keeps_the_filters(back_end: BackEnd) -> None:
    from rules.models import Block

    for number in range(3):
        Block.objects.create(slug=f"j{number}", name="J", kind="json", source="{}")
        Block.objects.create(slug=f"h{number}", name="H", source="<p>H</p>")
    first = back_end.get("blocks", kind="json", limit=2)
    second = back_end.get(first.body["next"])
    assert [each["slug"] for each in [*first.items, *second.items]] == ["j0", "j1", "j2"]


def test_a_call_sent_again_with_its_key_is_done_once_and_answered_alike(back_end: BackEnd) -> None:
    body = {"slug": "hero", "name": "Hero"}
    first = back_end.post("slots", body, idempotency_key="k1")
    again = back_end.post("slots", body, idempotency_key="k1")
    assert (first.status, again.status) == (201, 201)
    assert first.body == again.body
    assert (again.etag, again.headers["Location"]) == (first.etag, first.headers["Location"])
    assert again.headers["Idempotency-Replayed"] == "true"
    assert "Idempotency-Replayed" not in first.headers
    assert Slot.objects.count() == 1
    assert back_end.post("slots", body, idempotency_key="k2").code == "exists_already"


def test_what_was_answered_is_read_by_nobody_without_the_key(back_end: BackEnd, redis_client: Redis) -> None:
    call = {"type": "track", "event": "Seen", "userId": "ann@example.com", "messageId": "of-ann@example.com"}
    first = back_end.post("events", call, idempotency_key="k1")
    assert first.body["items"][0]["messageId"] == "of-ann@example.com"
    assert back_end.post("events", call, idempotency_key="k1").body == first.body
    [kept] = [redis_client.get(name) for name in redis_client.scan_iter(keys.answered("*"))]
    assert b"ann@" not in kept and not {b"body", b"status"} & set(kept.split(b'"'))


def test_a_key_is_for_one_call_alone(back_end: BackEnd, connect: Connect) -> None:
    assert back_end.post("slots", {"slug": "hero", "name": "Hero"}, idempotency_key="k1").status == 201
    assert back_end.post("slots", {"slug": "bar", "name": "Bar"}, idempotency_key="k1").code == "key_reused"
    assert back_end.post("offers", {"slug": "hero", "name": "Hero"}, idempotency_key="k1").code == "key_reused"
    other = connect("content:write")
    assert other.post("slots", {"slug": "bar", "name": "Bar"}, idempotency_key="k1").status == 201


def test_what_was_refused_can_be_mended_and_sent_with_the_same_key(back_end: BackEnd) -> None:
    assert back_end.post("slots", {"slug": "hero"}, idempotency_key="k1").code == "invalid"
    assert back_end.post("slots", {"slug": "hero", "name": "Hero"}, idempotency_key="k1").status == 201


def test_while_the_first_call_is_answered_the_second_waits(back_end: BackEnd, redis_client: Redis) -> None:
    body = {"batch": [{"type": "track", "event": "A", "userId": "u1"}]}
    assert back_end.post("events", body, idempotency_key="k1").status == 202
    [name] = redis_client.keys(keys.answered("*"))
    assert 0 < redis_client.ttl(name) <= 86_400
    kept = json.loads(redis_client.get(name))
    redis_client.set(name, json.dumps({"call": kept["call"]}))  # as it is while the call is under way
    assert back_end.post("events", body, idempotency_key="k1").code == "in_progress"
    assert len(read_log(redis_client)) == 1


def test_a_key_that_is_too_long_is_refused(back_end: BackEnd) -> None:
    answer = back_end.post("slots", {"slug": "hero", "name": "Hero"}, idempotency_key="k" * 256)
    assert answer.code == "bad_parameter"


def test_answers_are_for_the_caller_alone(back_end: BackEnd) -> None:
    make_slots(1)
    assert back_end.get("slots").headers["Cache-Control"] == "no-store"
    assert back_end.get("slots/slot-0").headers["Cache-Control"] == "private, no-cache"


def test_the_document_has_every_call_with_what_the_table_asks_for() -> None:
    documented = {f"{method.upper()} {path}": operation for path, method, operation in list_operations()}
    rows = {name: door for name, door in DOORS.items() if name.partition(" ")[2].startswith("/api/")}
    assert documented.keys() == rows.keys()
    for name, door in rows.items():
        if "x-scope" not in documented[name]:
            continue  # raw doors, described by hand
        asked = [each["oauth2"] for each in documented[name]["security"] if "oauth2" in each]
        assert asked == [list(door.scopes)], name
        assert ({"session": []} in documented[name]["security"]) is door.session, name
