"""The operators' pages of decisions and back-tests, over decisions that were really made."""

import re
from datetime import timedelta

import pytest
from django.utils import timezone

from personalization.backtesting import run_back_test
from rules.models import BackTest, Block, Decision, Rule, Slot
from tests.admin.operators import sign_in
from tests.decisions.conftest import Deciding, deciding, in_segment, rule  # noqa: F401  # a fixture
from tests.processing.harness import MEMORY

LOOK = ("rules.view_decision", "profiles.view_storedprofile")


@pytest.fixture
def decided(deciding: Deciding) -> Decision:  # noqa: F811
    welcome = rule("welcome", 5, root=in_segment("viewers"))
    deciding.publish([rule("letter", 9, purpose="marketing"), welcome, rule("usual")])
    deciding.send(deciding.event(), deciding.event())
    deciding.run()
    answer = deciding.decide("a:anna", "hero", source="shop")
    deciding.send(deciding.event("Block Clicked", properties={"decisionId": answer.decision_id}))
    deciding.work()
    return deciding.stored(answer)


def text_of(page: bytes) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page.decode()))


def test_the_newest_decisions_and_those_of_a_person(decided: Decision) -> None:
    client = sign_in(*LOOK)
    assert "hero: welcome" in text_of(client.get("/admin/rules/decisions/").content)
    for term in ("anna", decided.id.hex, str(decided.profile_id)):
        assert "hero: welcome" in text_of(client.get("/admin/rules/decisions/", {"person": term}).content)
    assert "Nothing was decided for bob" in text_of(client.get("/admin/rules/decisions/", {"person": "bob"}).content)


def test_a_decision_says_of_every_rule_what_became_of_it(decided: Decision) -> None:
    page = text_of(sign_in(*LOOK).get(f"/admin/rules/decisions/{decided.id}/").content)
    assert "it is the same" in page
    assert "Letter 9 kept back: no_consent for everybody" in page
    assert "Welcome 5 shown is in viewers: yes" in page
    assert "Usual 1 kept back: lower_priority" in page
    assert "Block Clicked" in page


def test_it_takes_the_right_to_look_at_people(decided: Decision) -> None:
    client = sign_in("rules.view_decision")
    assert client.get("/admin/rules/decisions/").status_code == 403
    assert client.get(f"/admin/rules/decisions/{decided.id}/").status_code == 403


def test_a_list_of_more_decisions_takes_no_more_queries(
    deciding: Deciding,  # noqa: F811
    django_assert_max_num_queries: object,
) -> None:
    deciding.publish([rule("usual")])
    for number in range(20):
        deciding.decide(f"a:{number}", "hero")
    deciding.archive()
    client = sign_in(*LOOK)
    with django_assert_max_num_queries(6):  # type: ignore[operator]  # a fixture of pytest-django
        client.get("/admin/rules/decisions/")


def test_the_draft_is_tried_and_the_result_is_shown(decided: Decision) -> None:
    slot = Slot.objects.create(slug="hero", name="Hero")
    block = Block.objects.create(slug="new", name="New", source="<b>new</b>")
    Rule.objects.create(slug="new", name="New", slot=slot, block=block)
    client = sign_in("rules.view_backtest", "rules.add_backtest")
    answer = client.post("/admin/rules/backtest/start/", {"days": "90"})
    test = BackTest.objects.get()
    assert answer["Location"] == f"/admin/rules/backtest/{test.pk}/change/"
    BackTest.objects.update(since=decided.at - timedelta(days=1), until=decided.at + timedelta(days=1))
    assert "http-equiv" in client.get(answer["Location"]).content.decode()  # it looks again while it waits
    run_back_test(test.pk, MEMORY)
    page = client.get(answer["Location"]).content.decode()
    assert "Of 1 decisions for 1 people, 1 would have been another one" in text_of(page.encode())
    assert "http-equiv" not in page


@pytest.mark.django_db
def test_a_draft_that_cannot_be_published_is_refused_with_its_reasons() -> None:
    slot = Slot.objects.create(slug="hero", name="Hero")
    block = Block.objects.create(slug="new", name="New", source="{{ profile.traits.x }}")
    Rule.objects.create(slug="new", name="New", slot=slot, block=block)
    page = sign_in("rules.add_backtest").post("/admin/rules/backtest/start/", {"days": "7"})
    assert "Block new" in page.content.decode() and not BackTest.objects.exists()


def test_one_that_waits_can_be_called_off(decided: Decision) -> None:
    now = timezone.now()
    test = BackTest.objects.create(payload={}, since=now, until=now, created=now)
    sign_in("rules.add_backtest").post(f"/admin/rules/backtest/{test.pk}/cancel/")
    test.refresh_from_db()
    assert test.state == BackTest.State.CANCELLED
