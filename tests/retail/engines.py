"""Every engine asked about everybody of the shop: definitions and a moment in, the members of each out."""

from collections.abc import Iterator, Mapping
from uuid import UUID

from profiles.profile import Profile, unpack
from segments.conditions.calendar import Calendar
from segments.conditions.language import Node
from segments.conditions.python import compile_condition
from segments.conditions.sql import Answer, compile_sql
from segments.conditions.sql_events import Question
from segments.evaluation import list_crowded, stream_matches
from tests.retail.replay import MEMORY

CALENDAR = Calendar("Europe/London")

Packed = Mapping[UUID, bytes]  # everybody's profile as it was stored at a moment
Members = dict[str, set[UUID]]  # by segment
Definitions = Mapping[str, Node]  # those that are referred to before those that refer to them


def read_profiles(people: Packed) -> Iterator[tuple[UUID, Profile]]:
    for id, packed in people.items():
        yield id, unpack(packed)


def ask_stream(people: Packed, definitions: Definitions) -> Members:
    """Whom the processor has put into each segment and not taken out again: nothing is evaluated."""
    members: Members = {slug: set() for slug in definitions}
    for id, profile in read_profiles(people):
        for slug in profile.segments:
            members[slug].add(id)
    return members


def ask_python(people: Packed, definitions: Definitions, now: int) -> Members:
    """The evaluator of the stream, asked anew about what profiles remember."""
    members: Members = {slug: set() for slug in definitions}
    asked = [(slug, compile_condition(root, CALENDAR).matches) for slug, root in definitions.items()]
    for id, profile in read_profiles(people):
        segments: dict[str, int] = {}
        for slug, matches in asked:
            if matches(profile, segments, {}, now):
                segments[slug] = now
                members[slug].add(id)
    return members


def ask_archive(definitions: Definitions, now: int) -> Members:
    """SQL of now: segments that are referred to are those that people carry."""
    asked = Question(now, CALENDAR, MEMORY, list_crowded())
    return {slug: set(stream_matches(compile_sql(root, asked))) for slug, root in definitions.items()}


def ask_archive_then(definitions: Definitions, now: int) -> Members:
    """SQL of a moment that is past: who was in a segment that is referred to follows from its definition."""
    return {slug: set(stream_matches(compile_then(root, definitions, now))) for slug, root in definitions.items()}


def compile_then(root: Node, definitions: Definitions, now: int) -> Answer:
    asked = Question(now, CALENDAR, MEMORY, list_crowded(), is_past=True)
    return compile_sql(root, asked, definitions=definitions)
