"""Rules and slots in the Studio: what is typed is said in words, saved as a revision, and never overwritten unseen."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.test import Client

from profiles import keys
from profiles.models import AuditEntry, StoredProfile
from profiles.profile import Profile, Trait, pack
from rules.actions import publish_book
from rules.drafts import save_draft
from rules.models import Block, Offer, Rule, Slot
from segments.models import Segment
from studio.rules.caps import say_caps
from studio.rules.words import say_rule
from tests.admin.operators import condition, make_definitions
from tests.studio.drafts import make_rule
from tests.studio.people import sign_in

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("redis_client")]

RULES = "/studio/content/"
NOW = datetime(2027, 6, 1, 12, tzinfo=UTC)


def typed(**more: Any) -> dict[str, Any]:
    """A rule as the form sends it."""
    said = {
        "name": "Summer",
        "slot": "hero",
        "block": "thanks",
        "who": "everybody",
        "priority": "5",
        "live": "on",
        "starts_day": "",
        "starts_time": "",
        "ends_day": "",
        "ends_time": "",
        "zone": "",
        "purpose": "",
    }
    return {**said, **more}


def test_a_rule_is_made_of_what_was_typed() -> None:
    make_definitions()
    client = sign_in("marketer")
    said = typed(
        who="audience",
        audience="gold",
        ends_day="2027-08-31",
        purpose="marketing",
        **{"caps-most": ["3", ""], "caps-per": ["week", "day"], "caps-of": ["person", "person"]},
    )
    answer = client.post(f"{RULES}rules/new/", said)
    assert (answer.status_code, answer["Location"]) == (302, f"{RULES}rules/summer/")
    rule = Rule.objects.get(slug="summer")
    assert rule.condition == {"v": 1, "root": {"id": "who", "kind": "segment", "segment": "gold"}}
    assert rule.ends == datetime(2027, 9, 1, tzinfo=UTC)
    assert rule.caps == [{"most": 3, "per": "week", "of": "person"}]
    assert (rule.version, rule.purpose, rule.live) == (1, "marketing", True)
    entry = AuditEntry.objects.get(kind="rule", subject="summer")
    assert entry.act == "made" and entry.by is not None


def test_the_whole_rule_is_one_sentence() -> None:
    make_definitions()
    offer = Offer.objects.create(slug="code", name="Summer code", kind="code")
    rule = make_rule(
        "summer",
        condition={"v": 1, "root": {"id": "a", "kind": "segment", "segment": "gold"}},
        ends=datetime(2027, 9, 1, tzinfo=UTC),
        caps=[{"most": 3, "per": "week", "of": "person"}],
        offer=offer,
    )
    assert say_rule(rule) == (
        "In <strong>Banner</strong>, people in the audience <strong>Gold plan</strong> see <strong>Thanks</strong>"
        " with a code of their own (Summer code), until <strong>31 August 2027, end of the day</strong>,"
        " at most 3 times a week per person."
    )
    assert say_caps([{"most": 1, "per": "campaign", "of": "everybody"}]) == "at most once in all for all together"


def test_names_cannot_bring_markup_into_the_sentence() -> None:
    make_definitions()
    Block.objects.filter(slug="thanks").update(name="<script>%(slot)s")
    rule = make_rule("summer")
    assert "&lt;script&gt;%(slot)s" in say_rule(rule)


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({"name": ""}, "This field is required."),
        ({"who": "audience", "audience": ""}, "Choose an audience."),
        ({"who": "condition", "condition": ""}, "Say whom it is for"),
        ({"who": "condition", "condition": '{"v": 1'}, "Not JSON"),
        ({"ends_time": "12:00"}, "A time needs its day."),
        ({"starts_day": "2027-03-28", "starts_time": "02:30", "zone": "Europe/Vienna"}, "Clocks are put forward"),
        ({"starts_day": "2027-09-02", "ends_day": "2027-09-01"}, "later than the start"),
        ({"ends_day": "9999-12-31"}, "Choose a day of our time."),
        ({"caps-most": ["0"], "caps-per": ["day"], "caps-of": ["person"]}, "Row 1"),
        ({"caps-most": ["3", "4"], "caps-per": ["day", "day"], "caps-of": ["person", "person"]}, "two of the same day"),
        ({"caps-most": ["3"], "caps-per": ["year"], "caps-of": ["person"]}, "choose a period"),
        ({"purpose": "nothing-like-it"}, "not one of the available choices"),
        ({"slug": "new"}, "address of a page"),
        ({"slug": "gold-thanks"}, "already"),
        ({"slot": "nowhere"}, "not one of the available choices"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_what_cannot_be_saved_is_said_and_kept(more: dict[str, Any], reason: str) -> None:
    make_definitions()
    answer = sign_in("marketer").post(f"{RULES}rules/new/", typed(**{"name": "Kept as typed", **more}))
    page = answer.content.decode()
    assert answer.status_code == 422 and reason in page
    assert "Kept as typed" in page or more.get("name") == ""
    assert not Rule.objects.filter(slug="kept-as-typed").exists()


def test_saving_what_is_shown_changes_nothing() -> None:
    make_definitions()
    rule = make_rule(
        "exact",
        starts=datetime(2027, 10, 31, 0, 30, 5, tzinfo=UTC),  # an hour that clocks in Vienna show twice
        ends=datetime(2027, 12, 1, 17, 45, tzinfo=UTC),
        zone="Europe/Vienna",
        condition=condition(),
        caps=[{"most": 2, "per": "day", "of": "person"}],
        weight=4,
    )
    client = sign_in("marketer")
    form = client.get(f"{RULES}rules/exact/").context["form"]
    sent: dict[str, Any] = {
        "name": rule.name, "slot": "hero", "block": "thanks", "offer": "", "who": form["who"].value(), "audience": "",
        "condition": form["condition"].value(), "zone": "Europe/Vienna", "purpose": "", "priority": "0", "weight": "4",
        "live": "on", "starts_day": "2027-10-31", "starts_time": "02:30:05", "ends_day": "2027-12-01",
        "ends_time": "18:45", "caps-most": "2", "caps-per": "day", "caps-of": "person", "seen_version": "1",
    }  # fmt: skip
    assert client.post(f"{RULES}rules/exact/", sent).status_code == 302
    assert Rule.objects.get(slug="exact").version == 1


def test_the_second_of_two_editors_is_told() -> None:
    make_definitions()
    make_rule("summer")
    client = sign_in("marketer")
    first = client.post(f"{RULES}rules/summer/", typed(name="First", seen_version="1"))
    second = client.post(f"{RULES}rules/summer/", typed(name="Second", seen_version="1"))
    assert (first.status_code, second.status_code) == (302, 422)
    assert "It was changed meanwhile: name" in second.content.decode() and "Second" in second.content.decode()
    assert Rule.objects.get(slug="summer").name == "First"


def test_the_sentence_the_place_and_the_warnings_follow_what_is_typed() -> None:
    make_definitions()
    make_rule("all", name="Everybody first", priority=10)
    client = sign_in("marketer")
    said = client.post(f"{RULES}drafted/", typed(priority="1")).content.decode()
    assert "<strong>everybody</strong> see <strong>Thanks</strong>" in said
    assert "Place 2 of 3." in said and "“Everybody first”" in said
    assert "is always hidden: “Everybody first” comes before it" in said
    higher = client.post(f"{RULES}drafted/", typed(priority="50")).content.decode()
    assert "Place 1 of 3." in higher and "Rule “Everybody first” is always hidden: “Summer”" in higher
    assert client.post(f"{RULES}drafted/", {"name": "x"}).status_code == 200
    assert not Rule.objects.filter(name="Summer").exists()
    assert client.post(f"{RULES}rules/all/live/", typed(name="Other", ends_day="2027-02-31")).status_code == 200


def test_a_rule_begun_from_its_slot_comes_above_the_others() -> None:
    make_definitions()
    make_rule("all", priority=10)
    page = sign_in("marketer").get(f"{RULES}rules/new/?slot=hero").content.decode()
    assert 'name="priority" value="20"' in page and "Place 1 of 3." in page


def test_who_only_looks_changes_nothing() -> None:
    make_definitions()
    for role in ("viewer", "analyst", "developer"):
        client = sign_in(role)
        page = client.get(f"{RULES}rules/gold-thanks/").content.decode()
        assert '<fieldset class="contents" disabled>' in page and 'rule-form">Save' not in page
        for path in ("rules/gold-thanks/", "rules/gold-thanks/remove/", "rules/gold-thanks/copy/", "slots/hero/",
                     "slots/hero/order/", "slots/hero/remove/", "start/", "removed/"):  # fmt: skip
            assert client.post(RULES + path, typed(name="Taken")).status_code == 403, path
    assert Rule.objects.get().name == "Thank gold" and Slot.objects.get().name == "Banner"


def test_a_copy_is_not_live_and_a_removed_rule_comes_back() -> None:
    make_definitions()
    client = sign_in("marketer")
    assert client.post(f"{RULES}rules/gold-thanks/copy/")["Location"] == f"{RULES}rules/gold-thanks-2/"
    copy, original = Rule.objects.get(slug="gold-thanks-2"), Rule.objects.get(slug="gold-thanks")
    assert (copy.name, copy.live, copy.condition) == ("Copy of Thank gold", False, original.condition)
    assert client.post(f"{RULES}rules/gold-thanks-2/remove/", {"seen_version": "1"}).status_code == 302
    assert "Copy of Thank gold" in client.get(f"{RULES}removed/").content.decode()
    back = client.post(f"{RULES}removed/", {"kind": "rule", "slug": "gold-thanks-2"})
    assert back["Location"] == f"{RULES}rules/gold-thanks-2/"
    assert Rule.objects.get(slug="gold-thanks-2").version == 3


def test_who_has_not_seen_the_newest_removes_nothing() -> None:
    make_definitions()
    make_rule("summer")
    client = sign_in("marketer")
    answer = client.post(f"{RULES}rules/summer/remove/", {"seen_version": "0"}, follow=True)
    assert "Nothing was removed" in answer.content.decode() and Rule.objects.filter(slug="summer").exists()


def test_going_back_to_a_version_is_a_version_of_its_own() -> None:
    make_definitions()
    rule = make_rule("summer", name="Before")
    rule.name = "After"
    save_draft(rule, by=None, at=NOW)
    client = sign_in("marketer")
    assert "Before" in client.get(f"{RULES}history/rule/summer/").content.decode()
    assert "After" in client.get(f"{RULES}history/rule/summer/1/").content.decode()
    assert client.post(f"{RULES}history/rule/summer/1/").status_code == 302
    assert (Rule.objects.get(slug="summer").name, Rule.objects.get(slug="summer").version) == ("Before", 3)


@pytest.mark.parametrize(
    "path", ["content/history/rule/gold-thanks/", "content/history/slot/hero/", "content/blocks/thanks/history/"]
)
def test_what_was_never_edited_has_a_history_all_the_same(path: str) -> None:
    make_definitions()
    assert sign_in("viewer").get(f"/studio/{path}").status_code == 200


def test_the_list_says_how_each_rule_stands_and_keeps_to_what_is_asked() -> None:
    make_definitions()
    publish_book(by=None, at=NOW)
    make_rule("draft", name="A draft", live=False)
    make_rule("over", name="Long over", ends=datetime(2020, 1, 1, tzinfo=UTC))
    Rule.objects.filter(slug="gold-thanks").update(priority=3)
    client = sign_in("viewer")

    def names(query: str) -> set[str]:
        return {rule.slug for rule in client.get(RULES + query).context["listing"].rows}

    assert names("") == {"gold-thanks", "draft", "over"}
    assert names("?status=changed") == {"gold-thanks"} and names("?status=draft") == {"draft", "over"}
    assert names("?when=over") == {"over"} and names("?q=long") == {"over"} and names("?slot=hero&q=draft") == {"draft"}
    assert names("?warnings=some") == {"over"}
    parts = client.get(f"{RULES}figures/?rule=over&rule=draft").content.decode()
    assert "cannot be shown" in parts and 'id="seen-draft"' in parts


def test_a_template_makes_drafts_that_are_not_live() -> None:
    make_definitions()
    answer = sign_in("marketer").post(f"{RULES}start/", {"starter": "first-visit", "slot": "hero"})
    assert answer["Location"] == f"{RULES}rules/first-visit/"
    assert not Rule.objects.get(slug="first-visit").live and not Segment.objects.get(slug="first-visit").live
    refused = sign_in("marketer").post(f"{RULES}start/", {"starter": "nothing", "slot": "hero"}, follow=True)
    assert "not one of the available choices" in refused.content.decode()


def test_pages_ask_as_much_for_many_rules_as_for_few(django_assert_max_num_queries: Any) -> None:
    make_definitions()
    Offer.objects.create(slug="points", name="Points", kind="points", points=5)

    def add(first: int, last: int) -> None:
        for number in range(first, last):
            segment = Segment.objects.create(slug=f"s{number}", name=f"S{number}", condition=condition())
            who = {"v": 1, "root": {"id": "a", "kind": "segment", "segment": segment.slug}}
            offer = Offer.objects.get() if number % 2 else None
            make_rule(f"r{number:02}", condition=who, priority=number, offer=offer, ends=NOW + timedelta(days=number))

    def count(client: Client, path: str) -> int:
        with django_assert_max_num_queries(60) as asked:
            assert client.get(RULES + path).status_code == 200
        return len(asked)

    client = sign_in("marketer")
    paths = ("", "slots/", "slots/hero/", "rules/gold-thanks/", "calendar/?month=2027-06", "?status=draft")
    add(0, 3)
    few = [count(client, path) for path in paths]
    add(3, 22)
    assert [count(client, path) for path in paths] == few


def test_a_slot_goes_with_its_rules_and_says_which() -> None:
    make_definitions()
    client = sign_in("marketer")
    assert "with its rules: Thank gold?" in client.get(f"{RULES}slots/hero/").content.decode()
    answer = client.post(f"{RULES}slots/hero/remove/", follow=True)
    assert "is removed, with its rules: Thank gold." in answer.content.decode()
    assert not Rule.objects.exists()
    refused = client.post(f"{RULES}removed/", {"kind": "rule", "slug": "gold-thanks"}, follow=True)
    assert "there is no slot hero" in refused.content.decode()
    for kind, slug in (("slot", "hero"), ("rule", "gold-thanks")):
        client.post(f"{RULES}removed/", {"kind": kind, "slug": slug})
    assert Rule.objects.get().slot.slug == "hero"


def test_a_slot_is_made_and_changed() -> None:
    make_definitions()
    client = sign_in("marketer")
    made = client.post(f"{RULES}slots/new/", {"name": "Shop hero", "channel": "web", "default": "thanks"})
    assert made["Location"] == f"{RULES}slots/shop-hero/"
    page = client.get(f"{RULES}slots/shop-hero/").content.decode()
    assert "&lt;pz-slot name=&quot;shop-hero&quot;&gt;" in page or '&lt;pz-slot name="shop-hero"&gt;' in page
    bad = client.post(
        f"{RULES}slots/shop-hero/", {"name": "X", "channel": "json", "default": "thanks", "seen_version": "1"}
    )
    assert bad.status_code == 422 and "the block thanks is HTML" in bad.content.decode()


def test_the_calendar_shows_what_runs_on_which_days() -> None:
    make_definitions()
    make_rule("june", name="June only", starts=datetime(2027, 6, 3, tzinfo=UTC), ends=datetime(2027, 6, 10, tzinfo=UTC))
    client = sign_in("viewer")
    month = client.get(f"{RULES}calendar/?month=2027-06").context["month"]
    span = month.spans[0]
    assert (span.first.day, span.last.day, len(month.spans)) == (3, 9, 1)
    bars = [(bar.before, bar.length) for week in month.weeks for lane in week.lanes for bar in lane.bars]
    assert bars == [(3, 4), (0, 3)]
    assert [rule.slug for rule in month.always] == ["gold-thanks"]
    assert client.get(f"{RULES}calendar/?month=2027-07").context["month"].spans == ()
    for query in ("?month=never", "?month=0001-01", "?month=9999-12", "?slot=nothing&view=other"):
        assert client.get(f"{RULES}calendar/{query}").status_code == 200


@pytest.fixture
def anna(redis_client: Any) -> Any:
    """A person of the gold plan, who is known by an id."""
    profile = Profile(id=uuid4().hex, traits={"plan": Trait("gold", 0)})
    times = dict.fromkeys(("first_seen", "last_seen", "updated"), NOW)
    StoredProfile.objects.create(pk=UUID(profile.id), state=pack(profile), **times)
    redis_client.set(keys.profile(profile.id), pack(profile))
    return profile


def test_what_somebody_would_get_is_told_with_why(anna: Any) -> None:
    make_definitions()
    make_rule("gold", name="For gold", condition=condition(), priority=10, live=False)
    client = sign_in("marketer")
    path = f"{RULES}rules/gold/preview/"
    assert "Nobody is known by this id." in client.post(path, {"person": "nobody-like-her"}).content.decode()
    said = client.post(path, {"person": anna.id, "url": "https://shop.example/"}).content.decode()
    assert "<strong>Thanks</strong>, by this rule." in said and "(•••)" in said
    assert "Thank you!" not in said and "pz_visit=" not in said
    assert not AuditEntry.objects.filter(act="visited").exists()
    granted = sign_in("marketer", personal=True)
    said = granted.post(path, {"person": anna.id, "url": "https://shop.example/"}).content.decode()
    assert "Thank you!" in said and "pz_visit=" in said
    assert AuditEntry.objects.get(act="visited").kind == "person"
    unknown = client.post(path, {}).content.decode()
    assert "What the page has there itself: no rule matches." in unknown
    for url in ("javascript:alert(1)", "ftp://shop.example/"):
        assert client.post(path, {"url": url}).status_code == 422
    assert sign_in("viewer").get(path).status_code == 403
