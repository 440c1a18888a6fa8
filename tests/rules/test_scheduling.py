"""Scheduled publication: what was live then, at its moment, once, beside what others have published meanwhile."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User

from rules.actions import CannotPublish, publish_book
from rules.models import Block, Book, Offer, Rule, ScheduledPublication, Slot
from rules.scheduling import cancel_publication, list_waiting, publish_due, schedule_publication
from segments.models import Segment
from tests.admin.operators import condition, make_definitions

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
FRIDAY = NOW + timedelta(days=2)
LATER = FRIDAY + timedelta(milliseconds=200)


def schedule(**options: Any) -> ScheduledPublication:
    return schedule_publication(**{"at": FRIDAY, "by": None, "now": NOW, "note": "Black Friday", **options})


def publish() -> Book:
    return publish_book(by=None, at=NOW)


def newest() -> Book:
    return Book.objects.order_by("-number")[0]


def find_rule(book: Book, slug: str) -> Any:
    return next((rule for rule in book.payload["rules"] if rule["slug"] == slug), None)


def test_it_is_published_at_its_moment_and_not_before() -> None:
    make_definitions()
    anna = User.objects.create_user("anna")
    schedule(by=anna)
    assert publish_due(at=FRIDAY - timedelta(milliseconds=1)) == []
    assert not Book.objects.exists()
    [done] = publish_due(at=LATER)
    book = newest()
    assert (done.state, done.book, done.error) == ("published", book, "")
    assert (book.number, book.note, book.published_by, book.published) == (1, "Black Friday", anna, LATER)
    entry = LogEntry.objects.get()
    assert (entry.user, entry.get_change_message()) == (anna, "Published as it was scheduled.")


def test_it_is_published_once_however_often_one_looks() -> None:
    make_definitions()
    schedule()
    assert len(publish_due(at=LATER)) == 1
    assert publish_due(at=LATER + timedelta(seconds=1)) == []
    assert Book.objects.count() == 1


def test_what_is_published_is_what_was_live_when_it_was_scheduled() -> None:
    _, block, *_ = make_definitions()
    schedule()
    Block.objects.filter(pk=block.pk).update(source="<p>Edited later</p>")
    publish_due(at=LATER)
    assert newest().payload["blocks"]["thanks"]["source"] == "<p>Thank you!</p>"


def test_what_others_published_meanwhile_stays() -> None:
    _, block, slot, rule = make_definitions()
    publish()
    Rule.objects.filter(pk=rule.pk).update(priority=9)
    Segment.objects.create(slug="silver", name="Silver", condition=condition(value="silver"))
    schedule()
    Rule.objects.filter(pk=rule.pk).update(priority=0)
    Segment.objects.filter(slug="silver").delete()
    Block.objects.filter(pk=block.pk).update(source="<p>Thanks!</p>")
    other = Block.objects.create(slug="other", name="Other", source="x")
    Rule.objects.create(slug="others", name="Others", slot=slot, block=other)
    publish()
    publish_due(at=LATER)
    book = newest()
    assert book.number == 3
    assert find_rule(book, "gold-thanks")["priority"] == 9
    assert [each["slug"] for each in book.payload["segments"]] == ["gold", "silver"]
    assert book.payload["blocks"]["thanks"]["source"] == "<p>Thanks!</p>"
    assert find_rule(book, "others")["block"] == "other"


def test_what_it_removes_is_removed_and_what_others_removed_stays_away() -> None:
    _, block, slot, rule = make_definitions()
    Rule.objects.create(slug="second", name="Second", slot=slot, block=block)
    publish()
    Rule.objects.filter(pk=rule.pk).update(live=False)
    schedule()
    Rule.objects.filter(pk=rule.pk).update(live=True)
    Rule.objects.filter(slug="second").delete()
    publish()
    publish_due(at=LATER)
    assert newest().payload["rules"] == []
    assert newest().payload["blocks"] == {}


def test_a_block_that_others_use_anew_is_not_taken_away() -> None:
    _, block, slot, rule = make_definitions()
    publish()
    Rule.objects.filter(pk=rule.pk).update(live=False)  # so that nothing shows the block any more
    schedule()
    Rule.objects.filter(pk=rule.pk).update(live=True)
    Rule.objects.create(slug="second", name="Second", slot=slot, block=block)
    publish()
    publish_due(at=LATER)
    assert [each["slug"] for each in newest().payload["rules"]] == ["second"]
    assert list(newest().payload["blocks"]) == ["thanks"]


def test_what_both_changed_is_said_and_nothing_is_published() -> None:
    *_, slot, rule = make_definitions()
    publish()
    Rule.objects.filter(pk=rule.pk).update(priority=9, name="Ours")
    Slot.objects.filter(pk=slot.pk).update(name="Ours")
    schedule()
    Rule.objects.filter(pk=rule.pk).update(priority=4, name="Ours")
    Slot.objects.filter(pk=slot.pk).update(name="Theirs")
    publish()
    [failed] = publish_due(at=LATER)
    assert (failed.state, failed.book, Book.objects.count()) == ("failed", None, 2)
    anew = "schedule it anew"
    assert failed.error.splitlines() == [
        f"Rule gold-thanks: Book 2 has changed it too since this was scheduled, and they differ in priority; {anew}",
        f"Slot hero: Book 2 has changed it too since this was scheduled, and they differ in name; {anew}",
    ]
    assert publish_due(at=LATER) == []


def test_what_one_changes_and_the_other_removes_is_a_conflict() -> None:
    *_, rule = make_definitions()
    publish()
    Rule.objects.filter(pk=rule.pk).update(priority=9)
    schedule()
    Rule.objects.filter(pk=rule.pk).delete()
    publish()
    [failed] = publish_due(at=LATER)
    assert "one of them removes it" in failed.error


def test_the_same_change_of_both_is_no_conflict() -> None:
    *_, rule = make_definitions()
    publish()
    Rule.objects.filter(pk=rule.pk).update(priority=9)
    schedule()
    publish()
    [done] = publish_due(at=LATER)
    assert (done.state, done.book) == ("published", newest())
    assert Book.objects.count() == 2


def test_what_does_not_fit_together_has_failed_with_every_reason() -> None:
    _, block, slot, _ = make_definitions()
    publish()
    Rule.objects.create(slug="late", name="Late", slot=slot, block=block)
    schedule()
    Rule.objects.all().delete()
    slot.delete()
    publish()
    [failed] = publish_due(at=LATER)
    assert failed.error == "Rule late: the slot hero is not there; choose another"
    assert Book.objects.count() == 2


def test_two_of_the_same_moment_are_published_one_after_the_other() -> None:
    *_, slot, rule = make_definitions()
    publish()
    Rule.objects.filter(pk=rule.pk).update(priority=9)
    schedule()
    Rule.objects.filter(pk=rule.pk).update(priority=0)
    Slot.objects.filter(pk=slot.pk).update(name="Hero")
    schedule()
    assert [each.state for each in publish_due(at=LATER)] == ["published", "published"]
    assert newest().number == 3
    assert find_rule(newest(), "gold-thanks")["priority"] == 9
    assert newest().payload["slots"]["hero"]["name"] == "Hero"


def test_a_conflict_does_not_keep_up_the_next_one() -> None:
    *_, slot, rule = make_definitions()
    publish()
    Rule.objects.filter(pk=rule.pk).update(priority=1)
    schedule()
    Rule.objects.filter(pk=rule.pk).update(priority=2)
    schedule()
    Rule.objects.filter(pk=rule.pk).update(priority=1)
    Slot.objects.filter(pk=slot.pk).update(name="Hero")
    schedule()
    assert [each.state for each in publish_due(at=LATER)] == ["published", "failed", "published"]


def test_what_is_cancelled_is_not_published() -> None:
    make_definitions()
    publication = schedule()
    assert [each.pk for each in list_waiting()] == [publication.pk]
    assert cancel_publication(publication)
    assert list_waiting() == publish_due(at=LATER) == []
    assert not Book.objects.exists()


def test_it_is_too_late_to_cancel_what_is_published() -> None:
    make_definitions()
    publication = schedule()
    publish_due(at=LATER)
    assert not cancel_publication(publication)
    assert publication.state == "published"


def test_only_what_could_be_published_now_is_scheduled() -> None:
    with pytest.raises(CannotPublish, match="there is nothing to publish"):
        schedule()
    _, block, *_ = make_definitions()
    with pytest.raises(CannotPublish, match="has passed"):
        schedule(at=NOW)
    Block.objects.filter(pk=block.pk).update(source="{% if %}")
    with pytest.raises(CannotPublish, match="Block thanks: Liquid"):
        schedule()
    Block.objects.filter(pk=block.pk).update(source="x")
    publish()
    with pytest.raises(CannotPublish, match="Book 1 says what is live now"):
        schedule()
    assert not ScheduledPublication.objects.exists()


def test_an_offer_comes_with_the_rule_that_grants_it() -> None:
    *_, rule = make_definitions()
    publish()
    offer = Offer.objects.create(slug="ten", name="Ten", kind="points", points=10)
    Rule.objects.filter(pk=rule.pk).update(offer=offer)
    schedule()
    Rule.objects.filter(pk=rule.pk).update(offer=None)
    Slot.objects.create(slug="footer", name="Footer")
    publish()
    publish_due(at=LATER)
    assert newest().payload["offers"] == {"ten": {"name": "Ten", "kind": "points", "points": 10, "every": "campaign"}}
    assert sorted(newest().payload["slots"]) == ["footer", "hero"]
