"""Edits in the admin are kept, compared and gone back to; nobody overwrites what somebody else has changed."""

from datetime import datetime
from threading import Thread
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.db import connection
from django.test import Client
from django.utils import timezone
from django.utils.html import escape

from rules.drafts import list_revisions, remove_draft, save_draft
from rules.models import Block, Offer, Revision, Rule, Slot
from segments.models import Segment
from tests.admin.operators import condition, make_definitions, sign_in, sign_in_owner

pytestmark = pytest.mark.django_db

BLOCKS = "/admin/rules/block/"
RULES = "/admin/rules/rule/"
VIEWER = ("rules.view_block", "rules.view_rule", "segments.view_segment")


def edit_block(client: Client, block: Block, **fields: Any) -> str:
    """The page after the form is sent."""
    form = {"name": block.name, "kind": block.kind, "source": block.source, **fields}
    return client.post(f"{BLOCKS}{block.pk}/change/", form, follow=True).content.decode()


def test_every_edit_is_a_revision_of_who_made_it() -> None:
    _, block, *_ = make_definitions()
    edit_block(sign_in_owner(), block, source="<p>Thanks!</p>")
    newest, _ = list_revisions("block", "thanks")
    assert (newest.version, str(newest.by)) == (1, "owner-0")
    page = sign_in_owner().get(f"{BLOCKS}revisions/thanks/").content.decode()
    assert "Version 1" in page
    assert "As it was before its first edit" in page
    assert f"{BLOCKS}revisions/thanks/" in sign_in_owner().get(f"{BLOCKS}{block.pk}/change/").content.decode()


def test_segments_are_kept_too() -> None:
    segment, *_ = make_definitions()
    form = {"name": "Gold", "description": "", "live": "on", "condition": '{"v": 1, "root": {"id": "a"}}'}
    client = sign_in_owner()
    page = client.post(f"/admin/segments/segment/{segment.pk}/change/", form).content.decode()
    assert page.count(escape('"kind" is missing')) == 1
    assert not Revision.objects.exists()
    form["condition"] = '{"v": 1, "root": {"id": "a", "kind": "trait", "trait": "plan", "op": "exists"}}'
    client.post(f"/admin/segments/segment/{segment.pk}/change/", form)
    page = client.get("/admin/segments/segment/revisions/gold/1/").content.decode()
    assert escape("plan is “gold”") in page
    assert "plan is known" in page
    client.post(f"/admin/segments/segment/{segment.pk}/freeze/", {"name": "Then", "as_of": ""})
    assert list_revisions("segment", "then")[0].version == 1


def test_who_edits_an_older_version_is_told_who_changed_what_and_overwrites_nothing() -> None:
    _, block, *_ = make_definitions()
    client = sign_in_owner()
    page = client.get(f"{BLOCKS}{block.pk}/change/").content.decode()
    assert 'name="seen_version" value="0"' in page
    edit_block(client, block, source="<p>First</p>", seen_version="0")
    page = edit_block(client, block, name="Second", seen_version="0")
    assert "It was changed meanwhile: source, by owner-0 at" in page
    assert 'value="Second"' in page
    block.refresh_from_db()
    assert (block.name, block.source) == ("Thanks", "<p>First</p>")
    edit_block(client, block, name="Second", seen_version="1")
    block.refresh_from_db()
    assert (block.name, block.version) == ("Second", 2)


@pytest.mark.django_db(transaction=True)
def test_who_is_overtaken_between_the_look_and_the_saving_is_told_too(monkeypatch: pytest.MonkeyPatch) -> None:
    _, block, *_ = make_definitions()
    client = sign_in_owner()
    original = save_draft
    others = [Block.objects.get(pk=block.pk)]
    others[0].source = "<p>Faster</p>"

    def save_faster() -> None:
        original(others.pop(), by=None, at=timezone.now())
        connection.close()

    def save_late(draft: Any, **options: Any) -> Any:
        if others:
            faster = Thread(target=save_faster)
            faster.start()
            faster.join()
        return original(draft, **options)

    monkeypatch.setattr("rules.admin_drafts.save_draft", save_late)
    page = edit_block(client, block, name="Slower", seen_version="0")
    assert "It was changed meanwhile: source, by the product at" in page
    block.refresh_from_db()
    assert (block.name, block.source) == ("Thanks", "<p>Faster</p>")


def test_a_difference_is_shown_line_by_line_and_escaped() -> None:
    _, block, *_ = make_definitions()
    edit_block(sign_in_owner(), block, source="<p>Thank you!</p>\n<script>alert(1)</script>")
    page = sign_in(*VIEWER).get(f"{BLOCKS}revisions/thanks/1/").content.decode()
    assert '<tr class="came"><td>+</td><td>&lt;script&gt;alert(1)&lt;/script&gt;</td></tr>' in page
    assert "<script>alert(1)" not in page


def test_restoring_makes_the_draft_say_it_again() -> None:
    _, block, *_ = make_definitions()
    client = sign_in_owner()
    edit_block(client, block, source="<p>Thanks!</p>")
    page = client.get(f"{BLOCKS}revisions/thanks/0/").content.decode()
    assert "What restoring it would change" in page
    answer = client.post(f"{BLOCKS}revisions/thanks/0/", follow=True).content.decode()
    assert "says again what it said in version 0" in answer
    block.refresh_from_db()
    assert (block.source, block.version) == ("<p>Thank you!</p>", 2)
    assert LogEntry.objects.latest("pk").get_change_message() == "Restored version 0."
    assert "This is what it says now" in client.get(f"{BLOCKS}revisions/thanks/2/").content.decode()


def test_what_was_removed_can_be_found_and_restored() -> None:
    *_, rule = make_definitions()
    client = sign_in_owner()
    assert client.post(f"{RULES}{rule.pk}/delete/", {"post": "yes"}).status_code == 302
    assert f"{RULES}revisions/gold-thanks/" in client.get(f"{RULES}removed/").content.decode()
    assert "It was removed" in client.get(f"{RULES}revisions/gold-thanks/").content.decode()
    client.post(f"{RULES}revisions/gold-thanks/0/")
    assert Rule.objects.get().name == "Thank gold"
    assert "Nothing was removed" in client.get(f"{RULES}removed/").content.decode()


def test_what_cannot_be_restored_says_why() -> None:
    *_, slot, rule = make_definitions()
    client = sign_in_owner()
    client.post(f"{RULES}{rule.pk}/delete/", {"post": "yes"})
    remove_draft(slot, by=None, at=timezone.now())
    page = client.post(f"{RULES}revisions/gold-thanks/0/", follow=True).content.decode()
    assert "Nothing was restored:" in page
    assert "Slot: there is no slot hero" in page


def test_many_are_removed_each_with_its_revision() -> None:
    _, block, slot, _ = make_definitions()
    Rule.objects.create(slug="other", name="Other", slot=slot, block=block)
    chosen = [str(rule.pk) for rule in Rule.objects.all()]
    form = {"action": "delete_selected", "_selected_action": chosen, "post": "yes"}
    sign_in_owner().post(RULES, form)
    assert not Rule.objects.exists()
    assert Revision.objects.filter(definition__isnull=True).count() == 2


def test_who_may_only_look_restores_nothing() -> None:
    _, block, *_ = make_definitions()
    edit_block(sign_in_owner(), block, source="<p>Thanks!</p>")
    client = sign_in(*VIEWER)
    page = client.get(f"{BLOCKS}revisions/thanks/0/").content.decode()
    assert "Restore this version" not in page
    assert client.post(f"{BLOCKS}revisions/thanks/0/").status_code == 403
    assert sign_in().get(f"{BLOCKS}revisions/thanks/").status_code == 403
    assert sign_in().get(f"{BLOCKS}removed/").status_code == 403
    block.refresh_from_db()
    assert block.source == "<p>Thanks!</p>"


def test_of_what_never_was_there_is_no_page() -> None:
    client = sign_in_owner()
    assert client.get(f"{BLOCKS}revisions/nothing/").status_code == 404
    assert client.get(f"{BLOCKS}revisions/nothing/1/").status_code == 404


def send_rule(rule: Rule, **fields: Any) -> str:
    form = {"name": rule.name, "slot": rule.slot_id, "block": rule.block_id, "priority": 0, "live": "on", **fields}
    return sign_in_owner().post(f"{RULES}{rule.pk}/change/", form, follow=True).content.decode()


def test_caps_are_typed_into_a_small_table() -> None:
    *_, rule = make_definitions()
    send_rule(rule, **{"caps-person-day": "3", "caps-everybody-campaign": "5000"})
    rule.refresh_from_db()
    assert rule.caps == [
        {"most": 3, "per": "day", "of": "person"},
        {"most": 5000, "per": "campaign", "of": "everybody"},
    ]
    page = sign_in_owner().get(f"{RULES}{rule.pk}/change/").content.decode()
    assert 'name="caps-person-day" value="3"' in page
    send_rule(rule, **{"caps-person-day": "", "caps-everybody-campaign": ""})
    rule.refresh_from_db()
    assert rule.caps == []


@pytest.mark.parametrize("typed", ["0", "-1", "1.5", "many", "9" * 11, "²"])
def test_a_cap_that_is_no_number_stays_in_the_form(typed: str) -> None:
    *_, rule = make_definitions()
    page = send_rule(rule, **{"caps-person-week": typed})
    assert "At most how often a week to each person?" in page
    assert f'name="caps-person-week" value="{typed}"' in page


def test_a_schedule_is_typed_by_the_clocks_of_its_zone() -> None:
    *_, rule = make_definitions()
    send_rule(rule, starts="2026-11-27T08:00", ends="2026-12-01T00:00:00", zone="America/New_York")
    rule.refresh_from_db()
    assert rule.starts is not None
    assert rule.ends is not None
    assert (rule.starts.isoformat(), rule.ends.isoformat()) == (
        "2026-11-27T13:00:00+00:00",
        "2026-12-01T05:00:00+00:00",
    )
    page = sign_in_owner().get(f"{RULES}{rule.pk}/change/").content.decode()
    assert 'value="2026-11-27T08:00:00"' in page


def test_an_hour_that_clocks_show_twice_is_kept_by_an_edit_of_something_else() -> None:
    *_, rule = make_definitions()
    second = datetime.fromisoformat("2026-10-25T01:30:00+00:00")  # half past two, after clocks were put back
    Rule.objects.filter(pk=rule.pk).update(starts=second, zone="Europe/Berlin")
    send_rule(rule, name="Renamed", starts="2026-10-25T02:30:00", zone="Europe/Berlin")
    rule.refresh_from_db()
    assert (rule.name, rule.starts) == ("Renamed", second)


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ({"starts": "2026-03-29T02:30", "zone": "Europe/Berlin"}, "Clocks are put forward then"),
        ({"starts": "soon"}, "That is no moment"),
        ({"starts": "2026-11-27T08:00", "ends": "2026-11-27T08:00"}, "it must be later than the start"),
        ({"zone": "Mars/Olympus"}, "is not one of the available choices"),
        ({"weight": "0"}, "it must be a number from 1 to 10,000"),
        ({"purpose": "two words"}, "valid “slug”"),
    ],
)
def test_what_a_rule_cannot_say_is_said_at_its_field(typed: dict[str, str], said: str) -> None:
    *_, rule = make_definitions()
    assert escape(said) in send_rule(rule, **typed)
    assert not Revision.objects.exists()


def test_a_rule_grants_an_offer() -> None:
    *_, rule = make_definitions()
    offer = Offer.objects.create(slug="ten", name="Ten percent")
    send_rule(rule, offer=str(offer.pk))
    rule.refresh_from_db()
    assert rule.offer == offer


def test_a_slot_takes_the_kinds_of_its_channel() -> None:
    _, _, slot, _ = make_definitions()
    client = sign_in_owner()
    form: dict[str, Any] = {"name": "Banner", "channel": "web", "kinds": ["html", "json"]}
    empty = {"rules-TOTAL_FORMS": 0, "rules-INITIAL_FORMS": 0}
    client.post(f"/admin/rules/slot/{slot.pk}/change/", {**form, **empty})
    slot.refresh_from_db()
    assert slot.kinds == ["html", "json"]
    form["kinds"] = ["email"]
    assert "cannot take an e-mail" in client.post(f"/admin/rules/slot/{slot.pk}/change/", form).content.decode()
    assert Slot.objects.get().kinds == ["html", "json"]


def test_a_long_history_costs_no_more_queries(django_assert_max_num_queries: Any) -> None:
    segment, *_ = make_definitions()
    for number in range(30):
        segment.condition = condition(value=f"plan {number}")
        save_draft(segment, by=None, at=timezone.now())
    client = sign_in_owner()
    with django_assert_max_num_queries(14):
        page = client.get("/admin/segments/segment/revisions/gold/").content.decode()
    assert "Version 30" in page
    assert Segment.objects.get().version == 30
