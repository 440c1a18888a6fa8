"""Questions by chance about everybody of a real shop: count, list, membership and explanation agree, now and then.

FUZZ_EXAMPLES says how many, FUZZ_SEED of which seed (0: of any)."""

import json
import os
from collections.abc import Mapping
from random import Random
from typing import Any
from uuid import UUID

import pytest

from profiles.profile import Profile
from segments.conditions.explain import Explained, explain
from segments.conditions.language import Node, walk
from segments.conditions.parse import parse_condition
from segments.conditions.python import compile_condition
from segments.conditions.sql import compile_sql
from segments.conditions.sql_events import Question
from segments.evaluation import count, list_crowded, list_matches, stream_matches
from tests.real_data import needs_online_retail
from tests.retail.chance import draw_condition
from tests.retail.engines import Members, Packed, ask_browser, read_profiles
from tests.retail.replay import MEMORY
from tests.retail.segments import CALENDAR
from tests.retail.year import SEED, Year
from tests.segments.cases import to_instant, with_ids
from tests.segments.strategies import Seeded

EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "24"))
pytestmark = [needs_online_retail, pytest.mark.django_db, pytest.mark.timeout(600 + 10 * EXAMPLES)]
EXPLAINED = 20  # people for whom each condition is explained

People = Mapping[UUID, Profile]
Trees = Mapping[int, dict[str, Any]]  # conditions by their numbers


def test_questions_about_everybody_are_answered_alike(year: Year) -> None:
    """Each is asked about the last moment, as of now, and about the one of the ten it was made for, as of then."""
    made_for = {number: year.moments[number % len(year.moments)] for number in range(EXAMPLES)}
    trees = {number: with_ids(draw_condition(Seeded(SEED, number), moment)) for number, moment in made_for.items()}
    telling = compare_engines(trees, year.people[year.end], Question(year.end, CALENDAR, MEMORY, list_crowded()))
    for moment in year.moments:
        asked = Question(moment, CALENDAR, MEMORY, list_crowded(), is_past=True)
        theirs = {number: tree for number, tree in trees.items() if made_for[number] == moment}
        telling += compare_engines(theirs, year.people[moment], asked)
    # Questions that nobody or everybody answers with yes would prove little.
    assert telling > EXAMPLES / 2


def compare_engines(trees: Trees, packed: Packed, asked: Question) -> int:
    """How many of the conditions some match and some do not."""
    people = dict(read_profiles(packed))
    roots = {str(number): parse_condition({"v": 1, "root": tree}) for number, tree in trees.items()}
    on_device = ask_browser(packed, roots, asked.now)
    telling = 0
    for number, tree in trees.items():
        where = f"number {number} of seed {SEED} at {to_instant(asked.now)}: {json.dumps(tree, ensure_ascii=False)}"
        root = roots[str(number)]
        who = {node.id: find_members(node, people, asked.now) for node in walk(root)}
        compare_archive(who, root, asked, where)
        assert on_device[str(number)] == who[root.id], where
        for id in Random(number).sample(sorted(people), EXPLAINED):
            told = explain(root, people[id], {}, {}, asked.now, CALENDAR)
            assert flatten(told) == {node: id in members for node, members in who.items()}, (where, id)
        telling += 0 < len(who[root.id]) < len(people)
    return telling


def compare_archive(who: Members, root: Node, asked: Question, where: str) -> None:
    """Count and list of the archive are those of the members of each node."""
    answer = compile_sql(root, asked)
    found = set(stream_matches(answer))
    assert found == who[root.id], f"{where}: {[id.hex for id in sorted(found ^ who[root.id])[:3]]}"
    assert list_matches(answer, limit=EXPLAINED) == sorted(found)[:EXPLAINED], where
    counts = count(answer)
    assert counts.total == len(found), where
    assert counts.nodes == {id: len(members) for id, members in who.items()}, where


def find_members(node: Node, people: People, now: int) -> set[UUID]:
    matches = compile_condition(node, CALENDAR).matches
    return {id for id, profile in people.items() if matches(profile, {}, {}, now)}


def flatten(told: Explained) -> dict[str, bool]:
    found = {told.id: told.matched}
    for child in told.children:
        found |= flatten(child)
    return found
