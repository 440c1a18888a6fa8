"""Decisions over REST: by person, rule and time, with what came of them."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import msgspec
import pytest

from profiles.clients import Client
from profiles.models import MergeRecord
from profiles.profile import pack
from rules.archive import DecisionRow, record_decisions
from rules.models import Book, DecisionOutcome
from tests.decisions.conftest import Deciding, deciding, rule
from tests.rest.conftest import BackEnd
from tests.rest.people import ANNA, AT, BEN, link_hot, make_profile

GOLD = {"id": "g", "kind": "trait", "trait": "plan", "op": "is", "value": "gold"}
__all__ = ["deciding"]  # a fixture


def decide(number: int, profile: UUID | None, rule: str | None = "gold-thanks") -> str:
    answer = {
        "slot": "hero",
        "reason": "rule_matched" if rule else "no_rule_matched",
        "block": "thanks" if rule else None,
        "rule": rule,
        "segments": ["gold"],
        "suppressed": [{"rule": "other", "why": "cap"}],
        "held": False,
    }
    id = UUID(int=number).hex
    record_decisions(
        [
            DecisionRow(
                id=id,
                at=AT + timedelta(seconds=number),
                profile_id=None if profile is None else profile.hex,
                door="http",
                source="shop",
                book=3,
                position=7,
                context='{"page": {"path": "/"}}',
                answers=msgspec.json.encode([answer]).decode(),
                facts='{"members": ["gold"]}',
            )
        ]
    )
    return id


def test_one_decision_with_what_came_of_it(back_end: BackEnd) -> None:
    id = decide(1, ANNA)
    for kind, event in (("impression", "Block Viewed"), ("conversion", "Order Completed")):
        DecisionOutcome.objects.create(
            decision_id=id,
            kind=kind,
            event=event,
            slot="hero",
            rule="gold-thanks",
            value=5,
            source="shop",
            message_id=event,
            at=AT,
        )
    told = back_end.get(f"decisions/{id}").body
    assert (told["id"], told["profileId"], told["book"], told["at"]) == (id, ANNA.hex, 3, "2027-01-15T08:00:01Z")
    assert told["answers"][0]["suppressed"] == [{"rule": "other", "why": "cap"}]
    assert (told["context"], told["facts"]) == ({"page": {"path": "/"}}, {"members": ["gold"]})
    assert {each["kind"] for each in told["outcomes"]} == {"impression", "conversion"}
    assert back_end.get(f"decisions/{UUID(id)}").body["id"] == id
    assert back_end.get(f"decisions/{UUID(int=99)}").code == "not_found"
    assert back_end.get("decisions/x").code == "not_found"


def test_decisions_are_found_by_person_rule_and_time(back_end: BackEnd, redis_client: Client) -> None:
    decide(1, ANNA)
    decide(2, ANNA, rule=None)
    decide(3, BEN, rule="other")
    decide(4, None)
    link_hot(redis_client, "u:anna", ANNA)

    def find(**query: str) -> list[int]:
        return [UUID(each["id"]).int for each in back_end.get("decisions", **query).items]

    assert find() == [4, 3, 2, 1]
    assert find(profile=ANNA.hex) == find(profile="u:anna") == [2, 1]
    assert find(rule="gold-thanks") == [4, 1]
    assert find(rule="gold-thanks", profile=ANNA.hex) == [1]
    assert find(since="2027-01-15T08:00:02Z", until="2027-01-15T09:00:04+01:00") == [3, 2]


def test_what_was_decided_for_whoever_became_part_of_the_person_is_theirs(back_end: BackEnd) -> None:
    decide(1, BEN)
    state = pack(make_profile(BEN))
    MergeRecord.objects.create(loser_id=BEN, winner_id=ANNA, state=state, because="m1", at=AT)
    assert len(back_end.get("decisions", profile=ANNA.hex).items) == 1


@pytest.mark.parametrize("query", [{}, {"rule": "gold-thanks"}])
def test_the_list_is_gone_through_once(
    back_end: BackEnd, query: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("personalization.paging.WALKED", 3)
    for number in range(1, 8):
        decide(number, ANNA, rule="gold-thanks" if number != 4 or not query else "other")
    seen, answer = [], back_end.get("decisions", limit=2, **query)
    while answer.body["next"] is not None:
        seen += [UUID(each["id"]).int for each in answer.items]
        answer = back_end.get(answer.body["next"])
    seen += [UUID(each["id"]).int for each in answer.items]
    assert seen == [number for number in range(7, 0, -1) if number != 4 or not query]


def test_questions_to_the_database_do_not_grow_with_decisions(
    back_end: BackEnd, django_assert_num_queries: Any
) -> None:
    for start in (1, 5):
        for number in range(start, start + 4):
            decide(number, ANNA)
        asked = {"decisions": 1, f"decisions?profile={ANNA}": 2, "decisions?rule=x": 2, f"decisions/{UUID(int=1)}": 2}
        for path, count in asked.items():
            with django_assert_num_queries(count):
                assert back_end.get(path).status == 200


def test_a_decision_is_explained_rule_by_rule(deciding: Deciding, back_end: BackEnd) -> None:
    deciding.publish([rule("gold", 9, root=GOLD), rule("usual")])
    answer = deciding.decide("a:anna", "hero")
    deciding.archive()
    told = back_end.get(f"decisions/{answer.decision_id}/explanation").body
    assert (told["decisionId"], told["same"]) == (answer.decision_id, True)
    hero = told["slots"]["hero"]
    assert (hero["recorded"]["rule"], hero["answer"]["rule"]) == ("usual", "usual")
    gold, usual = hero["rules"]
    assert (gold["held"], gold["condition"]["matched"], usual["shown"]) == (False, False, True)
    Book.objects.all().delete()
    assert back_end.get(f"decisions/{answer.decision_id}/explanation").code == "not_explainable"
    assert back_end.get(f"decisions/{UUID(int=5)}/explanation").code == "not_found"
