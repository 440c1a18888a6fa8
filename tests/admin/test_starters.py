"""Starting from a template: one page, a whole set of drafts, nothing live."""

import pytest
from django.contrib.admin.models import LogEntry

from rules.models import Block, Offer, Revision, Rule, Slot
from rules.starters import STARTERS
from segments.models import Segment
from tests.admin.operators import sign_in, sign_in_owner

pytestmark = pytest.mark.django_db

START = "/admin/rules/rule/start/"
NEEDED = ("segments.add_segment", "rules.add_block", "rules.add_offer", "rules.add_rule")


@pytest.fixture
def hero() -> Slot:
    return Slot.objects.create(slug="hero", name="Hero")


def test_the_list_of_rules_leads_to_the_templates_and_each_says_who_sees_what(hero: Slot) -> None:
    client = sign_in_owner()
    assert START in client.get("/admin/rules/rule/").content.decode()
    page = client.get(START).content.decode()
    for starter in STARTERS:
        assert starter.title in page
        assert starter.summary in page
    assert "Hero" in page


@pytest.mark.parametrize("name", [starter.name for starter in STARTERS])
def test_a_template_makes_drafts_and_shows_the_rule(hero: Slot, name: str) -> None:
    answer = sign_in_owner().post(START, {"starter": name, "slot": str(hero.pk)}, follow=True)
    rule = Rule.objects.get()
    assert answer.redirect_chain == [(f"/admin/rules/rule/{rule.pk}/change/", 302)]
    assert "are made, and none is live" in answer.content.decode()
    assert (rule.slot, rule.live, Segment.objects.get().live) == (hero, False, False)
    assert Block.objects.get() == rule.block
    assert list(Offer.objects.all()) == ([rule.offer] if rule.offer else [])
    assert Revision.objects.filter(by__username="owner-0").count() == 4 if rule.offer else 3
    assert "Started from the template" in LogEntry.objects.latest("pk").change_message


def test_what_does_not_go_is_said_and_makes_nothing(hero: Slot) -> None:
    picks = Slot.objects.create(slug="picks", name="Picks", kinds=["recommendation"])
    client = sign_in_owner()
    page = client.post(START, {"starter": "first-visit", "slot": str(picks.pk)}).content.decode()
    assert "choose a slot that takes html or json" in page
    assert "checked" in page
    assert "Select a valid choice" in client.post(START, {"starter": "x", "slot": str(hero.pk)}).content.decode()
    assert "This field is required" in client.post(START, {"starter": "first-visit"}).content.decode()
    assert not Rule.objects.exists()


@pytest.mark.parametrize("missing", NEEDED)
def test_it_takes_the_right_to_make_each_of_the_drafts(hero: Slot, missing: str) -> None:
    client = sign_in("rules.view_rule", *(permission for permission in NEEDED if permission != missing))
    assert START not in client.get("/admin/rules/rule/").content.decode()
    assert client.get(START).status_code == 403
    assert client.post(START, {"starter": "first-visit", "slot": str(hero.pk)}).status_code == 403
    assert not Rule.objects.exists()
