"""Visitors without a name who have not come for long are forgotten everywhere; whoever comes back in time stays."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from django.conf import settings
from django.utils import timezone

from ingestion.archiving import moment
from ingestion.steps import Definitions
from personalization import idle
from personalization.idle import forget_idle
from profiles.clients import Client
from profiles.erasures import list_unanswered
from profiles.event import derive_profile_id
from profiles.models import ArchivedEvent, Erasure, StoredProfile
from segments.membership import compile_segments
from segments.models import Member, SegmentVersion
from tests.archive.living import LivingHarness
from tests.archive.scanning import find_in_redis, find_in_tables
from tests.processing import lives
from tests.processing.harness import MEMORY

pytestmark = pytest.mark.django_db
DAY = 86_400_000
GONE, BACK, NAMED, LISTED, NEW = ("zq-gone", "zq-back", "zq-named", "zq-listed", "zq-new")


def id_of(device: str) -> str:
    return derive_profile_id(f"a:{device}")


@pytest.fixture
def living(redis_client: Client) -> LivingHarness:
    """Five who came long ago, or today; one has a name, one is on a list."""
    segments = compile_segments(lives.SEGMENTS, names={slug: slug for slug in lives.SEGMENTS}, enrolled={})
    living = LivingHarness(redis_client, Definitions(MEMORY, segments), partitions=settings.PZ_PARTITIONS)
    for device in (GONE, BACK, NAMED, LISTED):
        living.send(living.event("Product Viewed", anonymous_id=device, user_id="zq-u" if device == NAMED else None))
    living.work()
    version = SegmentVersion.objects.create(segment="list", version=1, kind="list", made=timezone.now())
    Member.objects.create(version=version, profile_id=UUID(id_of(LISTED)), identifier=f"a:{LISTED}")
    living.now += 500 * DAY
    living.send(living.event("Product Viewed", anonymous_id=NEW))
    living.work()
    StoredProfile.objects.exclude(pk=UUID(id_of(NEW))).update(updated=moment(living.now - 450 * DAY))
    return living


def ask(living: LivingHarness) -> int:
    return forget_idle(at=moment(living.now), days=400)


def left() -> set[str]:
    return {profile.hex for profile in StoredProfile.objects.values_list("pk", flat=True)}


def test_who_is_idle_is_gone_and_who_came_back_stays(living: LivingHarness) -> None:
    assert ask(living) == 2
    assert list_unanswered() == []  # nobody's request: after a loss of Redis the clock asks anew
    living.send(living.event("Product Viewed", anonymous_id=BACK))  # stands behind the request, and begins anew
    living.work()
    words = [GONE, id_of(GONE), str(UUID(id_of(GONE)))]
    assert [*find_in_tables(words), *find_in_redis(living.client, words)] == []
    assert id_of(GONE) not in left() and len(left()) == 4
    assert ArchivedEvent.objects.filter(profile_id=UUID(id_of(BACK))).count() == 1


def test_whoever_comes_back_before_their_turn_is_who_they_were(living: LivingHarness) -> None:
    """The request was worked out before, and comes to its turn behind the visit."""
    living.send(living.event("Product Viewed", anonymous_id=BACK))
    assert ask(living) == 2
    living.work()
    assert living.people()[id_of(BACK)].events["Product Viewed"].count == 2
    assert id_of(GONE) not in living.people()
    assert ArchivedEvent.objects.filter(profile_id=UUID(id_of(BACK))).count() == 2


def test_a_few_at_a_time_and_their_receipts_do_not_stay(living: LivingHarness, monkeypatch: Any) -> None:
    monkeypatch.setattr(idle, "AT_ONCE", 1)
    assert ask(living) == 1
    assert ask(living) == 0  # until it is done
    living.work()
    assert ask(living) == 1
    living.work()
    assert ask(living) == 0
    assert [receipt.state for receipt in Erasure.objects.all()] == ["done", "done"]
    living.now += 2 * DAY
    ask(living)
    assert not Erasure.objects.exists()


def test_by_default_nobody_is_idle(living: LivingHarness) -> None:
    assert settings.PZ_IDLE_DAYS == 0
    assert forget_idle(at=moment(living.now) + timedelta(days=9_999), days=settings.PZ_IDLE_DAYS) == 0
    assert len(left()) == 5
