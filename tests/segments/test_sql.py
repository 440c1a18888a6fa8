"""The archive's evaluator: every case as it says, past moments, people who were several, long histories, samples."""

from dataclasses import replace
from typing import Any
from uuid import UUID

import msgspec
import pytest
from django.db import OperationalError, connection
from django.utils import timezone
from psycopg.sql import SQL

from profiles.actions import store_identifiers
from profiles.identity import retired_key
from profiles.profile import MAX_VALUES, Profile, fold
from segments.conditions.calendar import UTC_CALENDAR
from segments.conditions.explain import Explained, explain
from segments.conditions.language import Node
from segments.conditions.parse import parse_condition
from segments.conditions.python import compile_condition
from segments.conditions.sql import Answer, compile_sql
from segments.conditions.sql_events import Question
from segments.evaluation import compare, count, estimate, find_matching, list_crowded, list_matches, stream_matches
from tests.segments.archive import store_person
from tests.segments.cases import MEMORY, PROFILE, Case, load_cases, to_ms, with_ids

pytestmark = pytest.mark.django_db
ANN, BOB = UUID(int=7), UUID(int=1 << 127)
CASES = load_cases()
NOW = to_ms("2026-03-10T12:00:00Z")
VIEWED_TWICE = {"kind": "event", "event": "Product Viewed", "value": 2, "window": {"last": 7, "unit": "days"}}


def name_of(case: Case) -> str:
    return f"{case.table}: {case.name}"


def parse(node: dict[str, Any]) -> Node:
    return parse_condition({"v": 1, "root": with_ids(node)})


def ask(node: dict[str, Any], now: int = NOW, **said: Any) -> Answer:
    asked = Question(now, UTC_CALENDAR, MEMORY, list_crowded(), **said)
    return compile_sql(parse(node), asked)


def person(*events: dict[str, Any], traits: dict[str, Any] | None = None) -> Case:
    return Case("", "", {"now": "2026-03-10T12:00:00Z", "events": list(events), "traits": traits})


def viewed(at: str, **properties: Any) -> dict[str, Any]:
    return {"name": "Product Viewed", "at": at, "properties": properties}


@pytest.mark.parametrize("case", CASES, ids=name_of)
def test_the_archive_answers_as_the_case_says(case: Case) -> None:
    store_person(ANN, case.profile, case.rows)
    asked = Question(case.now, case.calendar, MEMORY, list_crowded())
    answer = compile_sql(case.root, asked, case.context)
    assert (ANN in find_matching(answer, [ANN])) is case.matches


@pytest.mark.parametrize("case", CASES, ids=name_of)
def test_a_past_moment_is_answered_as_it_was_then(case: Case) -> None:
    """Of a profile folded from what had happened by then; models have said nothing of the past."""
    store_person(ANN, case.profile, case.rows)
    then = Profile(id=PROFILE, segments=case.segments)
    for event in sorted(case.events, key=lambda event: event.at):
        if event.at <= case.now:
            then = fold(then, msgspec.structs.replace(event, received=event.at), MEMORY)
    matches = compile_condition(case.root, case.calendar).matches(then, then.segments, case.context, case.now)
    asked = Question(case.now, case.calendar, MEMORY, list_crowded(), is_past=True)
    answer = compile_sql(case.root, asked, case.context)
    assert (ANN in find_matching(answer, [ANN])) is (matches and case.profile.first_seen <= case.now)


def test_count_list_membership_and_explanation_agree() -> None:
    """Everybody of the cases is asked about the conditions of all the others."""
    people = {UUID(int=number + 1): case.profile for number, case in enumerate(CASES[::5])}
    for (id, profile), case in zip(people.items(), CASES[::5], strict=True):
        store_person(id, profile, case.rows)
    for case in CASES[::9]:
        answer = compile_sql(case.root, Question(case.now, case.calendar, MEMORY, list_crowded()), case.context)
        told = {
            id: explain(case.root, profile, profile.segments, case.context, case.now, case.calendar)
            for id, profile in people.items()
        }
        who = [id for id in sorted(people) if told[id].matched]
        assert list_matches(answer, limit=10_000) == who, name_of(case)
        assert set(stream_matches(answer)) == find_matching(answer, people) == set(who)
        counts = count(answer)
        assert (counts.people, counts.total) == (len(people), len(who))
        for node, number in counts.nodes.items():
            assert number == sum(flatten(each)[node] for each in told.values()), (name_of(case), node)


def flatten(explained: Explained) -> dict[str, bool]:
    found = {explained.id: explained.matched}
    for child in explained.children:
        found |= flatten(child)
    return found


def test_a_page_of_people_goes_on_where_the_last_one_ended() -> None:
    case = person(viewed("2026-03-09T00:00:00Z"), viewed("2026-03-08T00:00:00Z"))
    ids = [UUID(int=number) for number in range(1, 6)]
    for id in ids:
        store_person(id, case.profile, case.rows)
    first = list_matches(ask(VIEWED_TWICE), limit=2)
    assert first + list_matches(ask(VIEWED_TWICE), after=first[-1], limit=10) == ids


def test_what_a_former_profile_did_counts_for_who_it_became() -> None:
    """Across two mergers, and for every measure."""
    mine, theirs = (
        person(viewed("2026-03-09T00:00:00Z", category="a")),
        person(viewed("2026-03-08T00:00:00Z", category="b")),
    )
    lived = Profile(id=ANN.hex)
    for event in [*mine.events, *theirs.events]:
        lived = fold(lived, event, MEMORY)
    store_person(ANN, lived, mine.rows)
    former, between = UUID(int=99), UUID(int=98)
    store_person(former, theirs.profile, theirs.rows)
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM profiles_storedprofile WHERE id = %s", [former])
    store_identifiers(
        {
            retired_key(former.hex): (str(between), timezone.now()),
            retired_key(between.hex): (str(ANN), timezone.now()),
        }
    )
    week = {"last": 7, "unit": "days"}
    for node in (
        VIEWED_TWICE,
        {**VIEWED_TWICE, "measure": "distinct", "of": "category"},
        {"kind": "event", "event": "Product Viewed", "measure": "first", "op": "before", "value": "2026-03-09"},
        {
            "kind": "sequence",
            "window": week,
            "steps": [
                {"event": "Product Viewed", "where": [{"property": "category", "op": "is", "value": "b"}]},
                {"event": "Product Viewed", "within": {"amount": 1, "unit": "days"}},
            ],
        },
    ):
        assert list_matches(ask(node), limit=10) == [ANN], node
        assert list_matches(ask(node, below=BOB), limit=10) == [ANN], node
        assert list_matches(ask(node, is_past=True), limit=10) == [ANN], node


def test_a_trait_of_a_past_moment_is_the_one_said_last_by_then() -> None:
    said = [
        {"name": "", "at": "2026-03-01T00:00:00Z", "traits": {"plan": "gold"}},
        {"name": "", "at": "2026-03-05T00:00:00Z", "traits": {"plan": None, "city": "Cork"}},
        {"name": "", "at": "2026-03-08T00:00:00Z", "traits": {"plan": "silver"}},
    ]
    case = person(*said)
    store_person(ANN, case.profile, case.rows)
    plan = {"kind": "trait", "trait": "plan", "op": "in", "value": ["gold", "silver"]}
    told = [
        find_matching(ask(plan, to_ms(f"2026-03-{day}T00:00:00Z"), is_past=True), [ANN]) == {ANN}
        for day in ("01", "04", "05", "07", "08")
    ]
    assert told == [True, True, False, False, True]


def test_more_events_than_a_history_remembers() -> None:
    """The five hundred newest count, in the archive as in the profile."""
    old = [{**viewed("2026-03-01T00:00:00Z", category="old"), "times": 3}]
    case = person(*old, {**viewed("2026-03-09T00:00:00Z", category="new"), "times": MEMORY.limit - 1})
    store_person(ANN, case.profile, case.rows)
    few = person(viewed("2026-03-09T00:00:00Z", category="old"))
    store_person(BOB, few.profile, few.rows)
    assert list_crowded() == {"Product Viewed"}
    month = {"last": 30, "unit": "days"}
    where = [{"property": "category", "op": "is", "value": "old"}]
    for value, expected in ((1, [ANN, BOB]), (2, [])):
        node = {"kind": "event", "event": "Product Viewed", "where": where, "value": value, "window": month}
        assert list_matches(ask(node), limit=10) == expected
        assert list_matches(ask(node, below=BOB), limit=10) == expected[:1]
    lifetime = {"kind": "event", "event": "Product Viewed", "value": MEMORY.limit + 2}
    assert list_matches(ask(lifetime), limit=10) == [ANN]


def test_a_long_list_counts_as_far_as_it_is_remembered() -> None:
    many = [f"c{number}" for number in range(MAX_VALUES + 10)]
    case = person(viewed("2026-03-09T00:00:00Z", category=many))
    store_person(ANN, case.profile, case.rows)
    for value, found in ((many[MAX_VALUES - 1], [ANN]), (many[MAX_VALUES], [])):
        where = [{"property": "category", "op": "is", "value": value}]
        node = {**VIEWED_TWICE, "value": 1, "where": where}
        assert list_matches(ask(node), limit=10) == found


def test_a_segment_is_asked_by_its_definition_or_by_its_key() -> None:
    case = person(viewed("2026-03-09T00:00:00Z"), viewed("2026-03-08T00:00:00Z"))
    store_person(ANN, case.profile, case.rows)
    store_person(BOB, Profile(id=BOB.hex, segments={"keen@3": 1}, first_seen=1, last_seen=1), [])
    node, asked = parse({"kind": "segment", "segment": "keen"}), Question(NOW, UTC_CALENDAR, MEMORY)
    by_definition = compile_sql(node, asked, definitions={"keen": parse(VIEWED_TWICE)})
    assert list_matches(by_definition, limit=10) == [ANN]
    assert by_definition.nodes.keys() == {"root"}  # the nodes of the other tree are its own
    assert list_matches(compile_sql(node, asked, keys={"keen": "keen@3"}), limit=10) == [BOB]
    assert list_matches(compile_sql(node, asked), limit=10) == []
    assert compare(by_definition, "keen@3") == (1, 1)


def test_what_takes_too_long_is_estimated_from_a_sample() -> None:
    keen = person(viewed("2026-03-09T00:00:00Z"), viewed("2026-03-08T00:00:00Z"))
    people = 60
    for number in range(people):  # ids spread as hashes are
        each = keen if number % 3 == 0 else person(viewed("2026-03-09T00:00:00Z"))
        store_person(UUID(int=number * (1 << 128) // people), each.profile, each.rows)

    def slow(below: UUID | None) -> Answer:
        answer = ask(VIEWED_TWICE, below=below)
        if below is None:
            answer = replace(answer, source=SQL("{}, pg_sleep(5)").format(answer.source))
        return answer

    sampled = estimate(slow, patience_ms=50, sample=30)
    assert (sampled.people, sampled.total) == (people, 20)
    assert sampled.margin >= 1 and sampled.margins["root"] == sampled.margin
    exact = estimate(lambda below: ask(VIEWED_TWICE, below=below))
    assert (exact.total, exact.margin) == (20, 0)


def test_other_failures_are_no_reason_to_guess() -> None:
    def broken(below: UUID | None) -> Answer:
        raise OperationalError("the server is away")

    with pytest.raises(OperationalError, match="away"):
        estimate(broken)


def test_texts_cannot_leave_their_place() -> None:
    """Whatever is said in a condition stays a value."""
    hostile = "'; DROP TABLE profiles_storedprofile; -- %s {0} {} \\ \" $$ ?"
    case = person(viewed("2026-03-09T00:00:00Z", category=hostile), traits={hostile: hostile})
    store_person(ANN, case.profile, case.rows)
    for op in ("is", "contains", "starts_with"):
        trait = {"kind": "trait", "trait": hostile, "op": op, "value": hostile}
        where = [{"property": "category", "op": op, "value": hostile}]
        both = {"kind": "and", "children": [trait, {**VIEWED_TWICE, "value": 1, "where": where}]}
        assert list_matches(ask(both), limit=10) == [ANN]
        assert list_matches(ask(both, is_past=True), limit=10) == [ANN]
    other = {**VIEWED_TWICE, "event": hostile, "did": False}
    assert list_matches(ask(other), limit=10) == [ANN]
