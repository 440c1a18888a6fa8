"""Discount codes over REST: a list or a file of them, by chance, counted, taken back."""

from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from personalization import wiring
from rules.models import Offer, OfferCode
from tests.rest.conftest import BackEnd, Connect
from tests.rest.contract import hold_against_document

CODES = "offers/welcome/codes"


@pytest.fixture
def offer(db: None) -> Offer:
    return Offer.objects.create(slug="welcome", name="Welcome", kind=Offer.Kind.CODE)


def list_codes() -> list[str]:
    return list(OfferCode.objects.order_by("pk").values_list("code", flat=True))


def send_file(back_end: BackEnd, text: str | bytes, kind: str = "text/csv", query: str = "") -> Any:
    headers = {"Authorization": f"Bearer {back_end.secret}"}
    answer = Client().generic("POST", f"/api/v1/{CODES}{query}", text, content_type=kind, headers=headers)
    hold_against_document(f"/api/v1/{CODES}", "POST", answer.status_code, answer["Content-Type"], answer.json())
    return answer.json()


def test_codes_come_in_as_a_list(back_end: BackEnd, offer: Offer) -> None:
    answer = back_end.post(CODES, {"codes": ["A,1", 'B"2', "C;3", "A,1", "12345", "{D}"]})
    assert (answer.status, answer.body["codes"], answer.body["added"], answer.body["refused"]) == (200, 6, 5, 0)
    assert list_codes() == ["A,1", 'B"2', "C;3", "12345", "{D}"]
    [twice] = answer.body["problems"]
    assert (twice["line"], twice["said"]) == (4, "A,1")
    assert back_end.get(CODES).body == {"left": 5, "pool": 0, "granted": 0}


@pytest.mark.parametrize(
    ("codes", "errors"),
    [
        ([], [("/codes", "min_length")]),
        (["good", ""], [("/codes/1", "blank")]),
        (["good", "c" * 65], [("/codes/1", "max_length")]),
        (["good", "a\tb"], [("/codes/1", "invalid")]),
        ([{"code": "A"}], [("/codes/0", "invalid")]),
        ("A", [("/codes", "not_a_list")]),
    ],
)
def test_a_list_with_a_mistake_adds_nothing(back_end: BackEnd, offer: Offer, codes: Any, errors: Any) -> None:
    answer = back_end.post(CODES, {"codes": codes})
    assert (answer.code, answer.errors) == ("invalid", errors)
    assert list_codes() == []


@pytest.mark.parametrize(
    ("text", "kind", "query", "codes"),
    [
        ("A1\nB2\n", "text/plain", "", ["A1", "B2"]),
        ("name;code\nx;A1\ny;B2\n", "text/csv; charset=utf-8", "", ["A1", "B2"]),
        ("name,mine\nx,A1\ny,B2\n", "text/csv", "?column=mine", ["A1", "B2"]),
        ("[A1]\n{B2}\n", "TEXT/PLAIN", "?column=1", ["[A1]", "{B2}"]),
    ],
)
def test_codes_come_in_as_a_file(
    back_end: BackEnd, offer: Offer, text: str, kind: str, query: str, codes: list[str]
) -> None:
    said = send_file(back_end, text, kind, query)
    assert (said["codes"], said["added"]) == (2, 2)
    assert list_codes() == codes


def test_lines_that_cannot_be_meant_are_left_out_and_told(back_end: BackEnd, offer: Offer) -> None:
    said = send_file(back_end, f"A1\n{'c' * 65}\nA1\nB2\n")
    assert (said["codes"], said["added"], said["refused"]) == (3, 2, 1)
    assert [each["line"] for each in said["problems"]] == [2, 3]


def test_a_file_without_any_code_is_refused_with_its_lines(back_end: BackEnd, offer: Offer) -> None:
    said = send_file(back_end, f"{'c' * 65}\n", query="?column=1")
    assert (said["code"], [each["code"] for each in said["errors"]]) == ("bad_upload", ["bad_line"])
    assert said["errors"][0]["message"].startswith("line 1: ")
    assert send_file(back_end, "\n")["code"] == "bad_upload"
    assert send_file(back_end, b" " * 16_000_001)["code"] == "too_large"
    assert back_end.post(CODES, b"[" + b" " * 600_000).code == "too_large"
    assert back_end.post(CODES, b"A1").code == "bad_json"


def test_a_call_sent_again_adds_its_codes_once(back_end: BackEnd, offer: Offer) -> None:
    call = {"count": 3, "prefix": "SPRING-"}
    first = back_end.post(f"{CODES}/generate", call, idempotency_key="k1")
    assert (first.status, first.body) == (201, {"added": 3})
    assert back_end.post(f"{CODES}/generate", call, idempotency_key="k1").body == first.body
    codes = list_codes()
    assert len(set(codes)) == 3
    assert all(code.startswith("SPRING-") and len(code) == 17 for code in codes)


def test_codes_that_could_be_guessed_are_not_made(back_end: BackEnd, offer: Offer) -> None:
    assert back_end.post(f"{CODES}/generate", {"count": 1_000, "length": 6}).code == "no_codes"
    assert back_end.post(f"{CODES}/generate", {"count": 0}).errors == [("/count", "min_value")]
    assert back_end.post(f"{CODES}/generate", {}).errors == [("/count", "required")]
    assert list_codes() == []


def test_codes_that_nobody_was_granted_are_taken_back(back_end: BackEnd, offer: Offer) -> None:
    back_end.post(CODES, {"codes": ["A", "B", "C"]})
    OfferCode.objects.filter(code="A").update(handed=timezone.now(), granted=timezone.now())
    OfferCode.objects.filter(code="B").update(handed=timezone.now())
    assert back_end.delete(CODES).body == {"withdrawn": 2}
    assert back_end.get(CODES).body["left"] == 0
    assert back_end.delete(CODES).body == {"withdrawn": 0}


def test_only_offers_of_codes_have_codes(back_end: BackEnd) -> None:
    Offer.objects.create(slug="welcome", name="Welcome", kind=Offer.Kind.POINTS)
    assert back_end.post(CODES, {"codes": ["A"]}).code == "no_codes"
    assert back_end.post("offers/nothing/codes", {"codes": ["A"]}).code == "not_found"
    assert back_end.get("offers/nothing/codes").code == "not_found"


def test_who_reads_codes_does_not_change_them(connect: Connect, offer: Offer) -> None:
    reader = connect("content:read")
    assert reader.get(CODES).status == 200
    assert [reader.post(CODES, {}).code, reader.delete(CODES).code] == ["scope_missing"] * 2


def test_an_operator_stands_in_the_history_of_the_offer(admin_client: Client, admin_user: User, offer: Offer) -> None:
    wiring.gate.cache_clear()
    admin_client.post(f"/api/v1/{CODES}", "A1\n", content_type="text/plain")
    assert LogEntry.objects.get().user == admin_user


def test_questions_to_the_database_do_not_grow_with_codes(
    back_end: BackEnd, offer: Offer, django_assert_num_queries: Any
) -> None:
    for start in (0, 50):
        back_end.post(CODES, {"codes": [f"C{number}" for number in range(start, start + 50)]})
        with django_assert_num_queries(4):
            assert back_end.get(CODES).body["left"] == start + 50
