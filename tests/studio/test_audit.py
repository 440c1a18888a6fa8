"""The audit trail: every edit and publication is in it, searchable, with what was before and after."""

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from profiles.audit import Act, record_act, trim
from profiles.models import AuditEntry
from rules.actions import publish_book, roll_back
from rules.drafts import remove_draft, restore_revision, save_draft
from rules.models import Block, Book, Revision
from tests.studio.people import make_user, sign_in

pytestmark = pytest.mark.django_db

NOW = timezone.now


def list_acts() -> list[tuple[str, str, str]]:
    return list(AuditEntry.objects.order_by("pk").values_list("act", "kind", "subject"))


def test_the_life_of_a_block_is_in_the_trail() -> None:
    maria = make_user("marketer", name="maria")
    block = Block(slug="thanks", name="Thanks", source="<p>Thank you</p>")
    save_draft(block, by=maria, at=NOW())
    block.source = "<p>Thanks</p>"
    save_draft(block, by=maria, at=NOW())
    save_draft(block, by=maria, at=NOW())  # says what it said
    remove_draft(block, by=maria, at=NOW())
    restore_revision(Revision.objects.get(kind="block", version=1), by=maria, at=NOW())
    assert list_acts() == [(act, "block", "thanks") for act in ("made", "changed", "removed", "made")]
    changed = AuditEntry.objects.get(act="changed")
    assert (changed.before, changed.after) == ({"source": "<p>Thank you</p>"}, {"source": "<p>Thanks</p>"})
    assert (changed.actor, changed.by) == ("maria", maria)


def test_publishing_and_going_back_are_in_the_trail() -> None:
    publisher = make_user("publisher", name="paul")
    publish_book(by=publisher, at=NOW(), note="Spring")
    publish_book(by=publisher, at=NOW())
    roll_back(to=Book.objects.get(number=1), by=publisher, at=NOW())
    assert list_acts() == [("published", "book", "1"), ("published", "book", "2"), ("rolled_back", "book", "3")]


def test_an_act_stays_when_its_login_goes() -> None:
    maria = make_user("marketer", name="maria")
    record_act(Act.EXPORTED, by=maria, at=NOW(), kind="segment", subject="gold")
    maria.delete()
    kept = AuditEntry.objects.get()
    assert kept.actor == "maria" and kept.by is None


def test_what_stayed_the_same_is_left_out() -> None:
    assert trim({"a": 1, "b": 2, "c": None}, {"a": 1, "b": 3, "d": 4}) == ({"b": 2}, {"b": 3, "d": 4})


def test_it_is_searched_filtered_and_read() -> None:
    maria = make_user("marketer", name="maria")
    save_draft(Block(slug="thanks", name="Thanks", source="<p>Thank you</p>"), by=maria, at=NOW())
    record_act(Act.EXPORTED, by=None, at=NOW(), kind="segment", subject="gold", name="Gold plan")
    viewer = sign_in("viewer")
    page = viewer.get("/studio/audit/").content.decode()
    assert "Gold plan" in page and 'href="/studio/content/blocks/thanks/"' in page
    assert "Gold plan" not in viewer.get("/studio/audit/?q=maria").content.decode()
    assert "Thanks" not in viewer.get("/studio/audit/?act=exported").content.decode()
    assert "Nothing like that" in viewer.get("/studio/audit/?q=nobody%00").content.decode()
    entry = AuditEntry.objects.get(subject="thanks")
    assert "Thank you" in viewer.get(f"/studio/audit/{entry.pk}/").content.decode()


@pytest.mark.parametrize(
    ("kind", "place"),
    [("segment", "audiences/removed/"), ("rule", "content/history/rule/it/"), ("block", "content/blocks/it/history/")],
)
def test_what_was_removed_leads_to_where_it_can_be_brought_back(kind: str, place: str) -> None:
    record_act(Act.REMOVED, by=None, at=NOW(), kind=kind, subject="it", name="It")
    for page in ("/studio/audit/", f"/studio/audit/{AuditEntry.objects.get().pk}/"):
        assert f'href="/studio/{place}"' in sign_in("viewer").get(page).content.decode()


def test_texts_of_people_are_escaped() -> None:
    record_act(Act.CHANGED, by=None, at=NOW(), kind="login", subject="<img>", name="<b>x</b>", after={"a": "<i>y</i>"})
    viewer = sign_in("viewer")
    for page in ("/studio/audit/", f"/studio/audit/{AuditEntry.objects.get().pk}/"):
        assert "<b>x" not in viewer.get(page).content.decode() and "<i>y" not in viewer.get(page).content.decode()


def test_the_list_takes_as_many_queries_for_many_as_for_few(django_assert_num_queries: Any) -> None:
    viewer = sign_in("viewer")
    for kind in ("rule", "block"):
        record_act(Act.MADE, by=None, at=NOW(), kind=kind, subject="one")
    viewer.get("/studio/audit/")
    with CaptureQueriesContext(connection) as few:
        viewer.get("/studio/audit/")
    for number in range(30):
        record_act(Act.MADE, by=None, at=NOW(), kind=("rule", "block")[number % 2], subject=f"one-{number}")
    with django_assert_num_queries(len(few.captured_queries)):
        viewer.get("/studio/audit/")


@pytest.mark.parametrize("asked", ["page=9999", "page=x", "sort=-nothing", "act=%27", "since=2026-99-99", "until=x"])
def test_whatever_is_asked_for_it_answers(asked: str) -> None:
    assert sign_in("viewer").get(f"/studio/audit/?{asked}").status_code == 200
