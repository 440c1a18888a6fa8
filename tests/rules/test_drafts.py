"""Drafts: checked as a whole, kept as revisions, and never overwritten by who has not seen the newest."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User

from rules.applying import apply_definition
from rules.comparing import Difference
from rules.describe import describe_draft
from rules.drafts import (
    InUse,
    Overtaken,
    compare_revisions,
    list_revisions,
    remove_draft,
    restore_revision,
    save_draft,
)
from rules.models import Block, Offer, Revision, Rule, Slot
from rules.validating import BadDraft
from segments.models import Segment
from tests.admin.operators import condition, make_definitions, only

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)


def save(draft: Any, **options: Any) -> Revision | None:
    return save_draft(draft, **{"by": None, "at": NOW, **options})


def find_problems(draft: Any) -> dict[str, str]:
    with pytest.raises(BadDraft) as refused:
        save(draft)
    return dict(refused.value.problems)


def test_each_edit_is_counted_and_kept_with_who_made_it_and_why() -> None:
    anna = User.objects.create_user("anna")
    block = Block(slug="sale", name="Sale", source="<p>Sale</p>")
    first = save(block, by=anna, note="To begin with")
    assert first is not None
    assert (first.kind, first.slug, first.version, first.by, first.at) == ("block", "sale", 1, anna, NOW)
    assert first.definition == {"name": "Sale", "kind": "html", "source": "<p>Sale</p>"}
    block.source = "<p>Summer sale</p>"
    save(block)
    assert Block.objects.get().version == 2
    assert [each.version for each in list_revisions("block", "sale")] == [2, 1]
    assert list_revisions("block", "sale")[1].note == "To begin with"


def test_what_says_the_same_is_no_edit() -> None:
    _, block, slot, _ = make_definitions()
    rule = Rule(slug="r", name="R", slot=slot, block=block, starts=NOW, caps=[{"most": 1, "per": "day"}])
    save(rule)
    again = Rule.objects.get(slug="r")
    again.caps = [{"per": "day", "of": "person", "most": 1}]
    assert save(again) is None
    assert (again.version, Revision.objects.filter(slug="r").count()) == (1, 1)


def test_what_was_made_elsewhere_can_be_gone_back_to() -> None:
    _, block, *_ = make_definitions()
    block.source = "<p>Thanks!</p>"
    save(block)
    newest, first = list_revisions("block", "thanks")
    assert (newest.version, first.version) == (1, 0)
    restore_revision(first, by=None, at=NOW)
    block.refresh_from_db()
    assert (block.source, block.version) == ("<p>Thank you!</p>", 2)


def test_who_was_overtaken_overwrites_nothing() -> None:
    block = Block(slug="b", name="B", source="one")
    save(block, expected=0)
    annas, bobs = Block.objects.get(), Block.objects.get()
    annas.source = "of Anna"
    save(annas, expected=1)
    bobs.name = "of Bob"
    with pytest.raises(Overtaken, match="version 2") as refused:
        save(bobs, expected=1)
    assert refused.value.current == 2
    with pytest.raises(Overtaken):
        remove_draft(bobs, by=None, at=NOW, expected=1)
    stored = Block.objects.get()
    assert (stored.name, stored.source) == ("B", "of Anna")


def test_what_was_removed_meanwhile_is_not_brought_back_by_an_edit() -> None:
    block = Block(slug="b", name="B", source="one")
    save(block)
    stale = Block.objects.get()
    remove_draft(block, by=None, at=NOW)
    with pytest.raises(Overtaken) as refused:
        save(stale)
    assert refused.value.current == 0
    assert not Block.objects.exists()


def test_what_is_used_is_not_removed_and_it_is_said_by_whom() -> None:
    _, block, _, rule = make_definitions()
    offer = Offer.objects.create(slug="ten", name="Ten percent")
    Rule.objects.filter(pk=rule.pk).update(offer=offer)
    for draft in (block, offer):
        with pytest.raises(InUse) as refused:
            remove_draft(draft, by=None, at=NOW)
        assert refused.value.users == ("rule gold-thanks",)
    assert Revision.objects.count() == 0
    assert Block.objects.exists()


def test_a_slot_takes_its_rules_with_it_and_all_can_be_restored() -> None:
    _, _, slot, rule = make_definitions()
    before = describe_draft(rule)
    remove_draft(slot, by=None, at=NOW)
    assert not Rule.objects.exists()
    gone, first = list_revisions("rule", "gold-thanks")
    assert (gone.definition, gone.version, gone.note) == (None, 1, "With its slot hero")
    with pytest.raises(BadDraft, match="there is no slot hero"):
        restore_revision(first, by=None, at=NOW)
    restore_revision(list_revisions("slot", "hero")[1], by=None, at=NOW)
    again = restore_revision(first, by=None, at=NOW)
    assert again is not None
    assert (again.version, describe_draft(Rule.objects.get())) == (2, before)
    with pytest.raises(BadDraft, match="removed then"):
        restore_revision(gone, by=None, at=NOW)


def test_a_slug_that_is_taken_or_changed_is_refused() -> None:
    _, block, *_ = make_definitions()
    assert "slug" in find_problems(Block(slug="thanks", name="Other", source="x"))
    block.slug = "other"
    assert "stays as it is" in find_problems(block)["slug"]


def test_every_problem_of_a_rule_is_said_at_its_field() -> None:
    _, block, slot, _ = make_definitions()
    Block.objects.filter(pk=block.pk).update(kind="email")
    block.refresh_from_db()
    rule = Rule(
        slug="r",
        name="R",
        slot=slot,
        block=block,
        condition=only(kind="evnt"),
        weight=0,
        starts=NOW,
        ends=NOW - timedelta(hours=1),
        caps=[{"most": 1, "per": "day"}, {"most": 2, "per": "day"}],
    )
    found = find_problems(rule)
    assert "unknown kind 'evnt'" in found.pop("condition")
    assert found == {
        "block": "the block thanks is an e-mail, and the slot hero takes HTML or JSON or recommendations",
        "weight": "it must be a number from 1 to 10,000, or empty",
        "ends": "it must be later than the start",
        "caps": "there are two of the same day for each person; keep the lower one",
    }
    assert not Rule.objects.filter(slug="r").exists()


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("zone", "Mars/Olympus", "there is no time zone Mars/Olympus"),
        ("zone", "../../etc/passwd", "there is no time zone"),
        ("starts", datetime(1, 1, 1, tzinfo=UTC), "a moment of our days"),
        ("caps", [{"most": 0, "per": "day"}], "from 1 to"),
        ("caps", [{"most": 1, "per": "year"}], "year"),
        ("caps", {"most": 1}, "array"),
        ("caps", [{"most": True, "per": "day"}], "bool"),
        ("weight", 10_001, "from 1 to 10,000"),
        ("purpose", "with space", "slug"),
        ("name", "", "blank"),
        ("name", "x" * 121, "120"),
        ("condition", {"v": 2}, '"v" must be 1'),
    ],
)
def test_what_a_rule_cannot_say_is_refused_at_its_field(field: str, value: Any, said: str) -> None:
    *_, rule = make_definitions()
    setattr(rule, field, value)
    assert said in find_problems(rule)[field]


@pytest.mark.parametrize(
    ("draft", "field", "said"),
    [
        (Slot(slug="s", name="S", channel="web", kinds=["email"]), "kinds", "cannot take an e-mail"),
        (Slot(slug="s", name="S", channel="radio"), "channel", "not a valid choice"),
        (Block(slug="b", name="B", source="{% if %}"), "source", "Liquid: line 1"),
        (Block(slug="b", name="B", kind="json", source="{"), "source", "Not JSON"),
        (
            Block(slug="b", name="B", kind="json", source='{"a": 1}', shape={"required": ["headline"]}),
            "source",
            "'headline' is a required property",
        ),
        (Block(slug="b", name="B", kind="json", source="{}", shape={"type": "obj"}), "shape", "'obj' is not valid"),
        (Block(slug="b", name="B", kind="json", source="{}", shape={"$ref": "http://x/"}), "shape", "leads nowhere"),
        (Block(slug="b", name="B", kind="json", source="{}", shape={"pattern": "(a+)+$"}), "shape", "pattern"),
        (Block(slug="b", name="B", kind="recommendation", source="{}"), "fallback", "needs a block to fall back to"),
        (Block(slug="b", name="B\0", source="x"), "name", "cannot be stored"),
        (Block(slug="b", name="B", source="x\0"), "source", "cannot be stored"),
        (Block(slug="b", name="B", source="x" * 64_001), "source", "is the most"),
        (Offer(slug="o", name="O", kind="points"), "points", "more than 0"),
        (Offer(slug="o", name="O", kind="code", points=3), "points", "only an offer of points"),
        (Segment(slug="g", name="G"), "condition", "needs a condition"),
        (Segment(slug="g", name="G", condition=only(kind="segment", segment="g")), "condition", "refers to itself"),
        (Segment(slug="g", name="G", kind="cluster", condition=condition()), "condition", "root of a cluster"),
        (
            Segment(slug="g", name="G", kind="snapshot", condition=condition(), as_of=NOW + timedelta(days=1)),
            "as_of",
            "still to come",
        ),
    ],
)
def test_what_a_draft_cannot_say_is_refused_at_its_field(draft: Any, field: str, said: str) -> None:
    assert said in find_problems(draft)[field]
    assert not type(draft).objects.exists()
    assert not Revision.objects.exists()


def test_a_property_of_a_shape_may_be_called_as_it_likes() -> None:
    shape = {"type": "object", "properties": {"pattern": {"type": "string"}}}
    save(Block(slug="b", name="B", kind="json", source='{"pattern": "dots"}', shape=shape))


def test_what_differs_is_said_in_words() -> None:
    _, block, _, rule = make_definitions()
    rule.condition = condition()
    rule.starts = datetime(2026, 11, 27, 7, tzinfo=UTC)
    rule.zone = "Europe/Berlin"
    rule.caps = [{"most": 3, "per": "day"}]
    rule.live = False
    save(rule)
    newest, first = list_revisions("rule", "gold-thanks")
    assert compare_revisions(first, newest) == [
        Difference("condition", "is in gold", "plan is “gold”"),
        Difference("starts", "nothing", "27 Nov 2026, 08:00:00 (+01:00)"),
        Difference("zone", "nothing", "Europe/Berlin"),
        Difference("caps", "nothing", "at most 3 per day for each person"),
        Difference("live", "yes", "no"),
    ]
    block.source = "<p>\nThank you!\n</p>"
    save(block)
    newest, first = list_revisions("block", "thanks")
    [difference] = compare_revisions(first, newest)
    assert [(line.mark, line.text) for line in difference.lines] == [
        ("-", "<p>Thank you!</p>"),
        ("+", "<p>"),
        ("+", "Thank you!"),
        ("+", "</p>"),
    ]


def test_a_condition_that_says_the_same_in_other_terms_is_told_as_such() -> None:
    segment, *_ = make_definitions()
    segment.condition = condition(id="renamed")
    save(segment)
    newest, first = list_revisions("segment", "gold")
    [difference] = compare_revisions(first, newest)
    assert difference.after == f"{difference.before} (in other terms)"


def test_applying_what_a_draft_says_changes_nothing() -> None:
    segment, block, slot, rule = make_definitions()
    offer = Offer.objects.create(slug="ten", name="Ten", kind="points", points=10)
    rule.offer, rule.ends, rule.zone = offer, NOW, "America/New_York"
    for draft in (segment, block, slot, offer, rule):
        draft.save()
        kind = type(draft).__name__.lower()
        said = describe_draft(draft)
        again = apply_definition(kind, draft.slug, said)
        assert describe_draft(again) == said
        assert again.pk == draft.pk
        assert save(again) is None
