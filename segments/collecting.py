"""The people of a snapshot: whoever the archive says its condition held for, at its moment."""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice
from uuid import UUID

from django.db import transaction

from profiles.profile import Memory
from segments.conditions.calendar import Calendar
from segments.conditions.language import Node
from segments.conditions.parse import parse_condition
from segments.conditions.sql import compile_sql
from segments.conditions.sql_events import Question
from segments.evaluation import list_crowded, stream_matches
from segments.models import Member, SegmentVersion
from segments.roster import LIST, Roster

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
AT_ONCE = 5_000


@transaction.atomic
def collect_members(version: SegmentVersion, roster: Roster, memory: Memory) -> None:
    """Stores them as members of the version, once."""
    assert version.as_of is not None  # a snapshot has a moment
    now = (version.as_of - EPOCH) // timedelta(milliseconds=1)
    asked = Question(now, Calendar(roster.zone), memory, list_crowded(), is_past=True)
    answer = compile_sql(
        parse_condition(version.condition), asked, definitions=read_definitions(roster), keys=roster.answers
    )
    for people in _slice(stream_matches(answer)):
        Member.objects.bulk_create(
            [Member(version=version, profile_id=id) for id in people], ignore_conflicts=True, batch_size=AT_ONCE
        )
    version.collected = True
    version.save(update_fields=["collected"])


def read_definitions(roster: Roster) -> dict[str, Node]:
    """What is coming, or in force, of the segments that can be asked of the past; a list has no past."""
    found = {}
    for slug, key in roster.coming.items():
        version = roster.find(key)
        if version is not None and version.kind != LIST and version.condition is not None:
            found[slug] = parse_condition(version.condition)
    return found


def _slice(ids: Iterable[UUID]) -> Iterator[list[UUID]]:
    rest = iter(ids)
    while some := list(islice(rest, AT_ONCE)):
        yield some
