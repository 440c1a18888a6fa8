"""Decisions in the Studio: the stream and its search, why each was what it was, replay, masking, back-tests."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from personalization.backtesting import run_back_test
from profiles.models import AuditEntry
from rules.models import BackTest, Block, Book, Decision, Rule, Slot
from segments.models import Segment
from studio.decisions import search
from tests.decisions.conftest import VIEWERS, Deciding, deciding, in_segment, rule  # noqa: F401  # a fixture
from tests.processing.harness import MEMORY
from tests.studio.people import sign_in
from tests.studio.seen import text_of

PLAN = {"id": "plan", "kind": "trait", "trait": "secret", "op": "is", "value": "x"}
ANY = {"id": "any", "kind": "or", "children": [in_segment("viewers"), PLAN]}


@pytest.fixture
def decided(deciding: Deciding) -> Decision:  # noqa: F811
    """Somebody who viewed two products is shown the welcome, and clicks it."""
    welcome = rule("welcome", 5, root=ANY)
    deciding.publish([rule("letter", 9, purpose="marketing"), welcome, rule("usual")])
    known = deciding.event("Identified", type="identify", traits={"secret": "mystery"})
    deciding.send(deciding.event(), deciding.event(), known)
    deciding.run()
    answer = deciding.decide("a:anna", "hero", source="shop", context={"page": {"path": "/private"}, "locale": "en"})
    deciding.send(deciding.event("Block Clicked", properties={"decisionId": answer.decision_id}))
    deciding.work()
    return deciding.stored(answer)


def test_the_stream_and_what_it_is_searched_by(decided: Decision) -> None:
    client = sign_in("analyst", personal=True)
    day = timedelta(days=1)
    found: list[dict[str, Any]] = [
        {},
        {"q": "anna"},
        {"q": str(decided.profile_id)},
        {"slot": "hero", "rule": "welcome", "block": "welcome-block", "reason": "rule_matched"},
        {"kept": "no_consent"},
        {"source": "shop"},
        {"door": decided.door},
        {"since": f"{decided.at - day:%Y-%m-%dT%H:%M}", "until": f"{decided.at + day:%Y-%m-%dT%H:%M}"},
    ]
    for asked in found:
        assert f"d-{decided.id.hex}" in client.get("/studio/decisions/", asked).content.decode(), asked
    missed: list[dict[str, Any]] = [
        {"q": "bob"},
        {"slot": "banner"},
        {"rule": "usual"},
        {"reason": "timeout"},
        {"kept": "cap_reached"},
        {"source": "app"},
        {"door": "graphql"},
        {"until": f"{decided.at - day:%Y-%m-%dT%H:%M}"},
    ]
    for asked in missed:
        assert "Nothing like that" in text_of(client.get("/studio/decisions/", asked)), asked
    straight = client.get("/studio/decisions/", {"q": decided.id.hex})
    assert straight["Location"] == f"/studio/decisions/{decided.id}/"


@pytest.mark.django_db
@pytest.mark.parametrize(
    "asked", [{"since": "soon"}, {"reason": "whim"}, {"q": "\0"}, {"cursor": "x"}, {"q": "x" * 600}, {"slot": "a\0b"}]
)
def test_what_cannot_be_searched_says_so_and_breaks_nothing(asked: dict[str, str]) -> None:
    assert sign_in("analyst").get("/studio/decisions/", asked).status_code == 200


def test_it_pages_without_counting_and_looks_at_so_many_for_a_page(
    deciding: Deciding,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
    django_assert_max_num_queries: Any,
) -> None:
    deciding.publish([rule("usual")])
    for number in range(7):
        deciding.decide(f"a:{number}", "hero")
        deciding.now += 1_000
    deciding.archive()
    monkeypatch.setattr(search, "PER_PAGE", 3)
    client = sign_in("analyst")
    seen: list[str] = []
    where = "/studio/decisions/"
    for rows in (3, 3, 1):
        with django_assert_max_num_queries(12):
            page = client.get(where).content.decode()
        ids = re.findall(r'id="d-(\w+)"', page)
        assert len(ids) == rows
        seen += ids
        older = re.search(r'rel="next" href="([^"]+)"', page)
        where = f"/studio/decisions/{older[1]}" if older else ""
    newest = [each.id.hex for each in Decision.objects.order_by("-at", "-id")]
    assert (seen, where) == (newest, "")


def test_the_part_that_looks_again_is_the_rows_alone(decided: Decision) -> None:
    page = sign_in("analyst").get("/studio/decisions/", headers={"HX-Request": "true"}).content.decode()
    assert page.count('id="stream"') == 1 and "<html" not in page
    assert 'hx-trigger="refresh"' in page


def test_one_decision_says_what_was_answered_why_and_what_came_of_it(decided: Decision) -> None:
    client = sign_in("analyst", personal=True)
    page = text_of(client.get(f"/studio/decisions/{decided.id}/"))
    assert "A rule held: Welcome" in page and "Letter would have come before: no consent to its purpose" in page
    assert "Clicked Block Clicked" in page and "page.path /private" in page
    answer = client.get(f"/studio/decisions/{decided.id}/explanation/")
    told = text_of(answer)
    assert "Replayed: identical" in told
    assert re.search(r"Held back Letter .*no consent to its purpose.* Shown Welcome", told)
    assert "Any of these" in told and "Is in viewers" in told and "found: &quot;mystery&quot;" in told
    assert re.search(r"Held back Usual .*another rule came first", told)
    Segment.objects.create(slug="viewers", name="Viewers <of all>")
    named = client.get(f"/studio/decisions/{decided.id}/explanation/").content.decode()
    assert 'Is in <span title="viewers">Viewers &lt;of all&gt;</span>' in named


def test_what_is_answered_otherwise_today_is_said(decided: Decision) -> None:
    changed = [{**each, "rule": "usual", "block": "usual-block", "suppressed": []} for each in decided.answers]
    Decision.objects.filter(id=decided.id).update(answers=changed)
    told = text_of(sign_in("analyst").get(f"/studio/decisions/{decided.id}/explanation/"))
    assert "Replayed: different" in told and "Then: A rule held: Usual. Now: A rule held: Welcome." in told


def test_one_whose_book_is_gone_says_why_it_cannot_be_explained(decided: Decision) -> None:
    Book.objects.all().delete()
    client = sign_in("analyst")
    assert client.get(f"/studio/decisions/{decided.id}/").status_code == 200
    told = text_of(client.get(f"/studio/decisions/{decided.id}/explanation/"))
    assert "cannot be explained any more: Book 1 is not kept" in told


def test_what_says_who_somebody_is_is_masked(decided: Decision) -> None:
    client = sign_in("analyst")
    for path in ("", f"{decided.id}/", f"{decided.id}/explanation/"):
        page = text_of(client.get(f"/studio/decisions/{path}"))
        assert "mystery" not in page and "/private" not in page, path
        assert decided.profile_id is not None and decided.profile_id.hex[:8] not in page, path
    assert "m•••" in text_of(client.get(f"/studio/decisions/{decided.id}/explanation/"))


@pytest.mark.django_db
@pytest.mark.parametrize("role", ["viewer", "developer"])
def test_it_takes_the_right_to_look_at_people(role: str) -> None:
    client = sign_in(role)
    assert client.get("/studio/decisions/").status_code == 403
    assert client.post("/studio/decisions/back-tests/", {"span": "7"}).status_code == 403


def test_the_drafts_are_tried_and_told_rule_by_rule(decided: Decision) -> None:
    slot = Slot.objects.create(slug="hero", name="Hero")
    block = Block.objects.create(slug="new", name="New", source="<b>new</b>")
    Segment.objects.create(slug="viewers", name="Viewers", condition=VIEWERS)
    Rule.objects.create(slug="new", name="Brand new", slot=slot, block=block)
    client = sign_in("marketer", name="maria")
    since, until = decided.at - timedelta(days=1), decided.at + timedelta(days=1)
    said = {"span": "own", "since": f"{since:%Y-%m-%dT%H:%M}", "until": f"{until:%Y-%m-%dT%H:%M}"}
    answer = client.post("/studio/decisions/back-tests/", said)
    test = BackTest.objects.get()
    where = f"/studio/decisions/back-tests/{test.pk}/"
    assert answer["Location"] == where
    assert AuditEntry.objects.filter(kind="back_test", act="started", actor="maria").count() == 1
    BackTest.objects.update(state=BackTest.State.WAITING, error="")
    assert 'hx-trigger="refresh"' in client.get(where).content.decode()
    run_back_test(test.pk, MEMORY)
    state = client.get(f"{where}state/")
    page = text_of(state)
    assert 'hx-trigger="refresh"' not in state.content.decode()
    assert "Of 1 decisions for 1 people, 1 would have been another one, for 1 people." in page
    assert "Brand new 0 1 +1 1" in page and f"/studio/decisions/{decided.id}/" in state.content.decode()
    assert "Done" in text_of(client.get("/studio/decisions/back-tests/"))


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("said", "told"),
    [
        ({"span": "own"}, "Say which moment."),
        ({"span": "own", "since": "2026-11-02T00:00", "until": "2026-11-01T00:00"}, "after the beginning"),
        ({"span": "own", "since": "2020-11-02T00:00", "until": "2026-11-01T00:00"}, "A year is the most."),
        ({"span": "never"}, "Select a valid choice"),
    ],
)
def test_days_that_are_none_are_refused(said: dict[str, str], told: str) -> None:
    answer = sign_in("marketer").post("/studio/decisions/back-tests/", said)
    assert answer.status_code == 422 and told in text_of(answer)
    assert not BackTest.objects.exists()


@pytest.mark.django_db
def test_drafts_that_cannot_be_published_are_not_tried() -> None:
    slot = Slot.objects.create(slug="hero", name="Hero")
    block = Block.objects.create(slug="new", name="New", source="{% if %}")
    Rule.objects.create(slug="new", name="New", slot=slot, block=block)
    answer = sign_in("marketer").post("/studio/decisions/back-tests/", {"span": "7"})
    assert answer.status_code == 422 and "Block new" in text_of(answer)


@pytest.mark.django_db
def test_one_that_waits_is_cancelled() -> None:
    now = timezone.now()
    test = BackTest.objects.create(payload={}, since=now, until=now, created=now)
    client = sign_in("analyst", name="ann")
    client.post(f"/studio/decisions/back-tests/{test.pk}/cancel/")
    test.refresh_from_db()
    assert test.state == BackTest.State.CANCELLED
    assert AuditEntry.objects.filter(kind="back_test", act="cancelled", actor="ann").count() == 1
