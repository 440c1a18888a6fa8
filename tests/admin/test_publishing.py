"""Publishing and going back from the admin: with a permission, whole or not at all, with every reason."""

from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.messages import get_messages
from django.test import Client
from django.utils import timezone

from rules.actions import CannotPublish, publish_book, roll_back
from rules.models import Block, Book, Rule, Slot
from rules.queries import list_draft_changes
from rules.review import Change
from segments.models import Segment
from tests.admin.operators import condition, make_definitions, only, sign_in, sign_in_owner

pytestmark = pytest.mark.django_db

BOOKS = "/admin/rules/book/"
PUBLISH = f"{BOOKS}publish/"
VIEWER = ("rules.view_book", "rules.view_block", "rules.view_rule", "rules.view_slot", "segments.view_segment")


def publish() -> Book:
    return publish_book(by=None, at=timezone.now())


def test_publishing_with_a_note() -> None:
    make_definitions()
    client = sign_in("rules.add_book", "rules.view_book")
    page = client.get(PUBLISH).content.decode()
    assert "Gold plan" in page
    assert "It is the first one" in page
    answer = client.post(PUBLISH, {"note": "Hello"}, follow=True)
    [book] = Book.objects.all()
    assert (book.number, book.note, str(book.published_by)) == (1, "Hello", "operator-0")
    assert "Book 1 is published" in answer.content.decode()
    assert LogEntry.objects.get().get_change_message() == "Published."


def test_the_list_says_which_book_is_in_force() -> None:
    make_definitions()
    publish()
    publish()
    page = sign_in(*VIEWER).get(BOOKS).content.decode()
    assert page.count("in force") == 1
    assert page.index("Book 2") < page.index("in force") < page.index("Book 1")


def test_a_long_list_costs_no_more_queries(django_assert_max_num_queries: Any) -> None:
    make_definitions()
    client = sign_in(*VIEWER)
    for _ in range(12):
        publish()
    with django_assert_max_num_queries(14):
        assert "Book 12" in client.get(BOOKS).content.decode()


def test_nothing_is_published_while_anything_is_wrong_and_every_reason_is_said() -> None:
    segment, block, _, rule = make_definitions()
    publish()
    Segment.objects.filter(pk=segment.pk).update(condition=condition(op="resembles"))
    Segment.objects.create(slug="a", name="A", condition=only(kind="context", field="page.path", op="exists"))
    Block.objects.filter(pk=block.pk).update(source="{% if %}")
    Rule.objects.filter(pk=rule.pk).update(condition={"v": 2})
    client = sign_in_owner()
    page = client.get(PUBLISH).content.decode()
    assert "This cannot be published yet" in page
    answer = client.post(PUBLISH, {"note": "Kept"})
    said = [str(message) for message in get_messages(answer.wsgi_request)]
    assert said[0] == "Nothing was published:"
    for expected in (
        "Segment gold: root: unknown operator 'resembles'",
        "Segment a: a: a segment is about people",
        "Block thanks: Liquid: line 1, column 4: missing expression",
        'Rule gold-thanks: condition: "v" must be 1',
    ):
        assert [line for line in said if line.startswith(expected)], (expected, said)
    assert len(said) == 5
    assert 'value="Kept"' in answer.content.decode()
    assert [book.number for book in Book.objects.all()] == [1]


def test_segments_in_a_circle_are_a_reason() -> None:
    for slug, other in (("a", "b"), ("b", "a")):
        tree = {"v": 1, "root": {"id": "in", "kind": "segment", "segment": other}}
        Segment.objects.create(slug=slug, name=slug, condition=tree)
    with pytest.raises(CannotPublish, match="refer to each other") as refusal:
        publish()
    assert len(refusal.value.reasons) == 1


def test_a_source_nested_without_end_is_a_reason() -> None:
    _, block, _, _ = make_definitions()
    Block.objects.filter(pk=block.pk).update(kind="json", source="[" * 60_000)
    with pytest.raises(CannotPublish, match="nested too deep"):
        publish()


def test_asking_for_a_segment_that_is_not_live_is_said_before() -> None:
    segment, *_ = make_definitions()
    Segment.objects.filter(pk=segment.pk).update(live=False)
    page = sign_in_owner().get(PUBLISH).content.decode()
    assert "Rule gold-thanks asks for the segment gold, which is not live: nobody is in it." in page
    assert "cannot be published" not in page


def test_without_a_change_there_is_nothing_to_publish() -> None:
    make_definitions()
    publish()
    page = sign_in_owner().get(PUBLISH).content.decode()
    assert "there is nothing to publish" in page
    assert 'name="note"' not in page


def test_before_anything_is_defined_there_is_nothing_to_publish() -> None:
    assert "Nothing is live yet" in sign_in_owner().get(PUBLISH).content.decode()


def test_drafts_say_how_they_differ_from_the_book_in_force() -> None:
    _, block, _, rule = make_definitions()
    publish()
    assert list_draft_changes() == (1, [])
    Block.objects.filter(pk=block.pk).update(source="<p>Thanks!</p>")
    Rule.objects.filter(pk=rule.pk).update(priority=5, name="Thank them")
    Slot.objects.create(slug="footer", name="Footer")
    Segment.objects.create(slug="silver", name="Silver", condition=condition(value="silver"))
    Segment.objects.filter(slug="gold").update(live=False)
    assert list_draft_changes() == (
        1,
        [
            Change("block", "Thanks", "changed", ("source",)),
            Change("rule", "Thank them", "changed", ("name", "priority")),
            Change("segment", "Gold plan", "removed"),
            Change("segment", "Silver", "new"),
            Change("slot", "Footer", "new"),
        ],
    )


@pytest.mark.parametrize("page", ["segments/segment", "rules/block", "rules/slot", "rules/rule", "rules/book"])
def test_every_page_of_drafts_says_that_visitors_see_them_after_publishing(page: str) -> None:
    _, block, *_ = make_definitions()
    publish()
    publisher, viewer = sign_in_owner(), sign_in(*VIEWER)
    assert "data-drafts" not in publisher.get(f"/admin/{page}/").content.decode()
    Block.objects.filter(pk=block.pk).update(source="<p>Thanks!</p>")
    for client, link in ((publisher, True), (viewer, False)):
        html = client.get(f"/admin/{page}/").content.decode()
        assert "1 difference from Book 1" in html
        assert "Visitors see it after you publish" in html
        assert (f'<a href="{PUBLISH}">Publish…</a>' in html) is link


def test_going_back_makes_a_new_book_and_leaves_the_drafts() -> None:
    _, block, *_ = make_definitions()
    first = publish()
    Block.objects.filter(pk=block.pk).update(source="<p>Thanks!</p>")
    publish()
    client = sign_in("rules.add_book", "rules.view_book")
    assert f"{BOOKS}1/roll-back/" in client.get(f"{BOOKS}{first.pk}/change/").content.decode()
    assert "changed: source" in client.get(f"{BOOKS}1/roll-back/").content.decode()
    assert Book.objects.count() == 2
    answer = client.post(f"{BOOKS}1/roll-back/", follow=True).content.decode()
    assert "Book 3 is published: it says what Book 1 said" in answer
    book = Book.objects.get(number=3)
    assert book.payload == {**first.payload, "number": 3}
    assert (book.note, str(book.published_by)) == ("Back to Book 1", "operator-0")
    block.refresh_from_db()
    assert block.source == "<p>Thanks!</p>"


def test_the_book_in_force_is_not_gone_back_to() -> None:
    make_definitions()
    book = publish()
    client = sign_in_owner()
    assert "roll-back" not in client.get(f"{BOOKS}{book.pk}/change/").content.decode()
    assert "in force already" in client.post(f"{BOOKS}1/roll-back/", follow=True).content.decode()
    assert client.post(f"{BOOKS}7/roll-back/").status_code == 404
    assert Book.objects.count() == 1


def test_a_book_that_no_longer_works_is_not_gone_back_to() -> None:
    make_definitions()
    old = publish()
    publish()
    Book.objects.filter(pk=old.pk).update(
        payload={**old.payload, "blocks": {"thanks": {"kind": "video", "source": ""}}}
    )
    old.refresh_from_db()
    with pytest.raises(CannotPublish, match="unknown kind"):
        roll_back(to=old, by=None, at=timezone.now())
    answer = sign_in_owner().post(f"{BOOKS}1/roll-back/")
    assert "unknown kind" in answer.content.decode()
    assert Book.objects.count() == 2


def test_who_may_only_look_cannot_publish_or_go_back() -> None:
    make_definitions()
    first = publish()
    publish()
    client = sign_in(*VIEWER, "rules.change_book", "rules.delete_book")
    page = client.get(BOOKS).content.decode()
    assert PUBLISH not in page
    assert "roll-back" not in client.get(f"{BOOKS}{first.pk}/change/").content.decode()
    for method in (client.get, client.post):
        assert method(PUBLISH).status_code == 403
        assert method(f"{BOOKS}1/roll-back/").status_code == 403
    assert Book.objects.count() == 2


def test_strangers_are_sent_to_the_login() -> None:
    make_definitions()
    for address in (PUBLISH, f"{BOOKS}1/roll-back/"):
        answer = Client().post(address)
        assert answer.status_code == 302
        assert answer["Location"].startswith("/admin/login/")
    assert not Book.objects.exists()


def test_publishing_needs_the_forms_token() -> None:
    make_definitions()
    client = sign_in_owner()
    client.handler.enforce_csrf_checks = True
    assert client.post(PUBLISH).status_code == 403
    assert not Book.objects.exists()


def test_books_are_never_edited_or_deleted() -> None:
    make_definitions()
    book = publish()
    client = sign_in_owner()
    assert client.post(f"{BOOKS}{book.pk}/change/", {"note": "other"}).status_code == 403
    assert client.post(f"{BOOKS}{book.pk}/delete/", {"post": "yes"}).status_code == 403
    assert client.get(f"{BOOKS}add/").status_code == 403
    page = client.get(f"{BOOKS}{book.pk}/change/").content.decode()
    assert "is in gold" in page
    assert "plan is “gold”" in page
