"""Every engine asked about everybody of the shop: a moment in, the members of each segment out."""

from collections.abc import Iterator, Mapping
from uuid import UUID

from profiles.models import StoredProfile
from profiles.profile import Profile, unpack
from segments.conditions.edge import Device, list_asked, to_edge, to_facts, to_rights
from segments.conditions.language import Node, list_leaves
from segments.conditions.python import compile_condition
from segments.conditions.sql import compile_sql
from segments.conditions.sql_events import Question
from segments.evaluation import list_crowded, stream_matches
from segments.roster import name_segments
from tests.retail.replay import MEMORY
from tests.retail.segments import ANSWERS, CALENDAR, DEFINITIONS
from tests.segments import browser

Packed = Mapping[UUID, bytes]  # everybody's profile as it was stored at a moment
Members = dict[str, set[UUID]]  # by segment

# What a device finds out of somebody, one condition after the other; those that hold, by their places.
ASK_BROWSER = """text => {
    const { conditions, device, people, now } = JSON.parse(text);
    const asked = conditions.map(([slug, condition]) => [slug, compile(condition, device)]);
    return people.map(profile => {
        const segments = {};
        for (const [slug, holds] of asked) if (holds(profile, segments, {}, now)) segments[slug] = now;
        return asked.flatMap(([slug], place) => slug in segments ? [place] : []);
    });
}"""


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


def ask_copies() -> Members:
    """Who carries each segment in the durable copies of profiles, as they are in PostgreSQL now."""
    members: Members = {slug: set() for slug in DEFINITIONS}
    named = {key: slug for slug, key in ANSWERS.items()}
    for id, carried in StoredProfile.objects.values_list("id", "segments"):
        for key in carried:
            members[named[key]].add(id)
    return members


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


def ask_browser(people: Packed, definitions: Mapping[str, Node], now: int) -> Members:
    """The evaluator of devices, in a real Chromium, told of everybody all that is asked. Segments that are referred to
    are defined before those that refer to them."""
    asked = [each for root in definitions.values() for leaf in list_leaves(root) for each in list_asked(leaf)]
    named = {kind: frozenset(name for each, name in asked if each == kind) for kind in ("trait", "event", "property")}
    device = Device(named["trait"], named["event"], named["property"])
    told = {
        "conditions": [(slug, to_edge(root, device, definitions, CALENDAR)) for slug, root in definitions.items()],
        "device": {"transitions": CALENDAR.transitions, "may": to_rights(device, definitions)},
        "people": [to_facts(profile, device) for _, profile in read_profiles(people)],
        "now": now,
    }
    slugs = list(definitions)
    members: Members = {slug: set() for slug in slugs}
    for id, places in zip(people, browser.evaluate(ASK_BROWSER, told), strict=True):
        for place in places:
            members[slugs[place]].add(id)
    return members
