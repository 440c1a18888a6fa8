"""Every engine asked about everybody of the shop: a moment in, the members of each segment out."""

from collections.abc import Iterator, Mapping
from uuid import UUID

from profiles.profile import Profile, unpack
from segments.conditions.python import compile_condition
from segments.conditions.sql import compile_sql
from segments.conditions.sql_events import Question
from segments.evaluation import list_crowded, stream_matches
from segments.roster import name_segments
from tests.retail.replay import MEMORY
from tests.retail.segments import ANSWERS, CALENDAR, DEFINITIONS

Packed = Mapping[UUID, bytes]  # everybody's profile as it was stored at a moment
Members = dict[str, set[UUID]]  # by segment


def read_profiles(people: Packed) -> Iterator[tuple[UUID, Profile]]:
    for id, packed in people.items():
        yield id, name_segments(unpack(packed), ANSWERS)


def ask_stream(people: Packed) -> Members:
    """Whom the processor has put into each segment and not taken out again: nothing is evaluated."""
    members: Members = {slug: set() for slug in DEFINITIONS}
    for id, profile in read_profiles(people):
        for slug in profile.segments:
            members[slug].add(id)
    return members


def ask_python(people: Packed, now: int) -> Members:
    """The evaluator of the stream, asked anew about what profiles remember."""
    members: Members = {slug: set() for slug in DEFINITIONS}
    for id, profile in read_profiles(people):
        for slug in evaluate(profile, now):
            members[slug].add(id)
    return members


def evaluate(profile: Profile, now: int) -> dict[str, int]:
    """The segments of one person. Those that are referred to are defined before those that refer to them."""
    segments: dict[str, int] = {}
    for slug, matches in _ASKED:
        if matches(profile, segments, {}, now):
            segments[slug] = now
    return segments


_ASKED = [(slug, compile_condition(root, CALENDAR).matches) for slug, root in DEFINITIONS.items()]


def ask_archive(now: int) -> Members:
    """SQL of now: segments that are referred to are those that people carry."""
    asked = Question(now, CALENDAR, MEMORY, list_crowded())
    answers = {slug: compile_sql(root, asked, keys=ANSWERS) for slug, root in DEFINITIONS.items()}
    return {slug: set(stream_matches(answer)) for slug, answer in answers.items()}


def ask_archive_then(now: int) -> Members:
    """SQL of a moment that is past: who was in a segment that is referred to follows from its definition."""
    asked = Question(now, CALENDAR, MEMORY, list_crowded(), is_past=True)
    answers = {slug: compile_sql(root, asked, definitions=DEFINITIONS) for slug, root in DEFINITIONS.items()}
    return {slug: set(stream_matches(answer)) for slug, answer in answers.items()}
