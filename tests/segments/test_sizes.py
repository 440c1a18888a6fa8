"""Sizes of segments: counted for all versions in one question, one row an hour, shown of the version that answered."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from profiles.models import StoredProfile
from segments.actions import finish_build, plan_build, put_in_force
from segments.models import SegmentSize
from segments.sizes import HOUR, Size, count_people, find_day_change, list_sizes, store_sizes
from tests.admin.operators import condition

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 11, 25, 12, 20, tzinfo=UTC)
THIS = datetime(2026, 11, 25, 12, tzinfo=UTC)


def publish(at: datetime, **plans: str) -> None:
    """Segments of who has which plan, in force at once."""
    definitions = [{"slug": slug, "condition": condition(value=plan)} for slug, plan in plans.items()]
    build = plan_build(definitions, zone="UTC", source="Book 1", at=at)
    assert build is not None
    assert put_in_force(build, at=at)
    finish_build(build, settled=(), at=at)


def people(count: int, *keys: str) -> None:
    for _ in range(count):
        known = {"first_seen": NOW, "last_seen": NOW, "updated": NOW, "state": b""}
        StoredProfile.objects.create(id=uuid4(), segments=dict.fromkeys(keys, 1), **known)


def stored() -> dict[str, int]:
    return {str(size).partition(":")[0]: size.size for size in SegmentSize.objects.all()}


def test_every_version_is_counted_in_one_question(django_assert_num_queries: Any) -> None:
    people(3, "gold@1", "silver@2")
    people(2, "gold@1")
    people(1)
    people(1, "gold@2", "legacy")
    with django_assert_num_queries(1):
        assert count_people() == {"gold@1": 5, "silver@2": 3, "gold@2": 1, "legacy": 1}


def test_the_versions_of_the_roster_are_kept_and_nobody_is_a_number_too() -> None:
    publish(NOW, gold="gold", silver="silver")
    people(2, "gold@1", "copper@1", "legacy")
    assert store_sizes(at=NOW) == 2
    assert stored() == {"gold@1": 2, "silver@1": 0}
    assert {size.hour for size in SegmentSize.objects.all()} == {THIS}


def test_within_the_hour_a_number_is_overwritten_and_the_next_hour_has_its_own() -> None:
    publish(NOW, gold="gold")
    people(2, "gold@1")
    store_sizes(at=NOW)
    people(1, "gold@1")
    store_sizes(at=NOW + timedelta(minutes=30))
    assert stored() == {"gold@1": 3}
    store_sizes(at=NOW + HOUR)
    assert SegmentSize.objects.count() == 2


def test_without_segments_there_is_nothing_to_count() -> None:
    people(1, "gold@1")
    assert store_sizes(at=NOW) == 0
    assert stored() == {}


def test_the_sizes_over_time_are_those_of_the_version_that_answered() -> None:
    publish(THIS - 4 * HOUR, gold="gold")
    publish(THIS - timedelta(minutes=90), gold="golden")
    for hours, version, size in ((4, 1, 10), (3, 1, 11), (2, 1, 12), (2, 2, 5), (1, 1, 13), (1, 2, 6), (3, 2, 4)):
        SegmentSize.objects.create(segment="gold", version=version, hour=THIS - hours * HOUR, size=size)
    SegmentSize.objects.create(segment="gold", version=3, hour=THIS, size=99)  # is being filled
    SegmentSize.objects.create(segment="other", version=1, hour=THIS, size=99)
    found = list_sizes(["gold", "none"], since=THIS - 5 * HOUR)
    assert [(size.version, size.people) for size in found["gold"]] == [(1, 10), (1, 11), (2, 5), (2, 6)]
    assert found["none"] == []
    assert len(list_sizes(["gold"], since=THIS - 2 * HOUR)["gold"]) == 2


def test_many_segments_take_no_more_queries(django_assert_num_queries: Any) -> None:
    publish(NOW, **{f"s{number}": str(number) for number in range(30)})
    store_sizes(at=NOW)
    with django_assert_num_queries(2):
        found = list_sizes([f"s{number}" for number in range(30)], since=NOW - HOUR)
    assert [len(sizes) for sizes in found.values()] == [1] * 30


@pytest.mark.parametrize(
    ("hours", "change"), [([(30, 5), (25, 7), (0, 20)], 13), ([(23, 7), (0, 20)], None), ([], None), ([(24, 9)], 0)]
)
def test_a_day_is_compared_to_the_hour(hours: list[tuple[int, int]], change: int | None) -> None:
    sizes = [Size(THIS - before * HOUR, 1, people) for before, people in hours]
    assert find_day_change(sizes, at=NOW) == change
