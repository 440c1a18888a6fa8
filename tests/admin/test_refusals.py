"""Refused events: counted per reason, and the newest of them to look at, however hostile they are."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from ingestion.models import Outcome, Refusal
from tests.admin.operators import sign_in, sign_in_owner

pytestmark = pytest.mark.django_db
REFUSALS = "/admin/ingestion/refusal/"
HOSTILE = "<script>alert('x')</script>"


def refuse(**fields: Any) -> Refusal:
    whole = {"source": "shop", "reason": "bad_type", "message": "type is no text", "sample": "{}", **fields}
    return Refusal.objects.create(at=timezone.now(), **whole)


def test_reasons_are_counted_over_the_last_days() -> None:
    today = timezone.now().date()
    for days, source, outcome, count in (
        (0, "shop", "bad_type", 5),
        (3, "app", "bad_type", 2),
        (0, "shop", "broken_json", 1),
        (0, "shop", "accepted", 900),
        (40, "shop", "bad_type", 70),
    ):
        Outcome.objects.create(day=today - timedelta(days=days), source=source, outcome=outcome, count=count)
    page = sign_in("ingestion.view_refusal").get(REFUSALS).content.decode()
    assert '<a href="?reason=bad_type">bad_type</a></td><td>7</td>' in page
    assert '<a href="?reason=broken_json">broken_json</a></td><td>1</td>' in page
    assert "accepted" not in page


def test_what_was_sent_is_shown_and_never_run() -> None:
    refusal = refuse(sample=HOSTILE, message=HOSTILE, source="<b>")
    owner = sign_in_owner()
    for page in (REFUSALS, f"{REFUSALS}{refusal.pk}/change/"):
        shown = owner.get(page).content.decode()
        assert HOSTILE not in shown
        assert "&lt;script&gt;alert" in shown


def test_refusals_are_found_by_reason_and_by_what_was_sent() -> None:
    refuse(message_id="m-1")
    refuse(reason="broken_json", message="no JSON", sample="{oops")
    owner = sign_in_owner()
    assert "no JSON" not in owner.get(REFUSALS, {"reason": "bad_type"}).content.decode()
    assert "no JSON" in owner.get(REFUSALS, {"q": "oops"}).content.decode()
    assert "m-1" in owner.get(REFUSALS, {"q": "m-1"}).content.decode()


def test_nobody_changes_what_happened() -> None:
    refusal = refuse()
    owner = sign_in_owner()
    assert owner.get(f"{REFUSALS}add/").status_code == 403
    assert owner.post(f"{REFUSALS}{refusal.pk}/change/", {"reason": "x"}).status_code == 403
    assert owner.post(f"{REFUSALS}{refusal.pk}/delete/", {"post": "yes"}).status_code == 403


def test_a_long_list_costs_no_more(django_assert_max_num_queries: Any) -> None:
    for _ in range(60):
        refuse()
    owner = sign_in_owner()
    with django_assert_max_num_queries(8):
        owner.get(REFUSALS)


def test_counters_and_imports_are_shown() -> None:
    Outcome.objects.create(day=timezone.now().date(), source="shop", outcome="duplicate", count=12)
    owner = sign_in_owner()
    assert "duplicate" in owner.get("/admin/ingestion/outcome/").content.decode()
    assert owner.get("/admin/ingestion/importrun/").status_code == 200
