"""How many people each version of a segment has: counted for all of them in one question, and kept by the hour."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from django.db import connection
from django.db.models import Min

from segments.models import SegmentVersion
from segments.queries import read_roster

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)

_SIZES = """
SELECT segment, version, extract(epoch FROM hour)::bigint, size FROM segments_segmentsize
WHERE segment = ANY(%s) AND hour >= %s ORDER BY hour
"""


class Size(NamedTuple):
    """How many people the version that answered had, at the end of an hour or, in this one, a moment ago."""

    hour: datetime
    version: int
    people: int


def count_people() -> dict[str, int]:
    """How many people carry each key, by the durable copies of profiles. Nobody carries a key that is not in it."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT carried.key, count(*) FROM profiles_storedprofile "
            "CROSS JOIN LATERAL jsonb_object_keys(segments) AS carried (key) GROUP BY carried.key"
        )
        return dict(cursor.fetchall())


def store_sizes(*, at: datetime) -> int:
    """Counts the people of every version that is kept up to date, and keeps the numbers as those of this hour.
    Returns how many versions there are."""
    versions = read_roster().versions
    counted = count_people()
    rows = sorted((each.segment, each.version, counted.get(each.key, 0)) for each in versions)
    hour = at.replace(minute=0, second=0, microsecond=0)
    if rows:
        segments, numbers, sizes = (list(column) for column in zip(*rows, strict=True))
        with connection.cursor() as cursor:
            cursor.execute(
                "INSERT INTO segments_segmentsize (segment, version, hour, size) "
                "SELECT each.segment, each.version, %s, each.size "
                "FROM unnest(%s::text[], %s::int[], %s::bigint[]) AS each (segment, version, size) "
                "ON CONFLICT (segment, version, hour) DO UPDATE SET size = excluded.size",
                [hour, segments, numbers, sizes],
            )
    return len(rows)


def list_sizes(
    segments: Iterable[str], *, since: datetime, cut_overs: Mapping[tuple[str, int], datetime] | None = None
) -> dict[str, list[Size]]:
    """The sizes of each segment from then on, the oldest first: of every hour, that of the version that answered at
    its end. Those of versions that are being filled, or were replaced, are left out. `cut_overs` are those of
    find_cut_overs, for whoever has them."""
    wanted = list(segments)
    in_force = find_cut_overs(wanted) if cut_overs is None else cut_overs
    found: dict[str, dict[datetime, Size]] = {slug: {} for slug in wanted}
    hours: dict[int, datetime] = {}  # few, of many rows: each is read once
    with connection.cursor() as cursor:
        cursor.execute(_SIZES, [wanted, since])
        rows = cursor.fetchall()
    for segment, version, second, people in rows:
        hour = hours.get(second) or hours.setdefault(second, datetime.fromtimestamp(second, UTC))
        began = in_force.get((segment, version))
        if began is None or began >= hour + HOUR:
            continue
        other = found[segment].get(hour)
        if other is None or in_force[segment, other.version] < began:
            found[segment][hour] = Size(hour, version, people)
    return {slug: list(sizes.values()) for slug, sizes in found.items()}


def find_cut_overs(segments: Iterable[str]) -> Mapping[tuple[str, int], datetime]:
    """When each version began to answer, by segment and version; those that never did are not in it."""
    versions = SegmentVersion.objects.filter(segment__in=list(segments)).annotate(began=Min("builds__in_force"))
    return {
        (segment, version): began
        for segment, version, began in versions.values_list("segment", "version", "began")
        if began is not None
    }


def find_day_change(sizes: Sequence[Size], *, at: datetime) -> int | None:
    """How many more people there are than a day ago, to the hour; None where nobody had counted then."""
    before = [size for size in sizes if size.hour <= at - DAY]
    return sizes[-1].people - before[-1].people if before else None
