"""Visitors nobody knows by name who have not come for long are forgotten, as an erasure does it, a few at a time."""

from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import Exists, OuterRef

from ingestion.log_redis import RedisLog
from personalization.people import describe_erasure
from personalization.wiring import redis_client
from profiles.erasures import RETENTION, forget_receipts, open_receipts
from profiles.event import pack, partition_of
from profiles.models import Erasure, StoredProfile
from profiles.past import to_milliseconds
from segments.models import Member

AT_ONCE = 500  # people of one call: the archiver takes some hundredths of a second for each
PATIENCE = timedelta(hours=1)  # with those who were asked for; of one who came back meanwhile no more is heard
RECEIPTS = timedelta(days=1)  # nobody asked for them by name: their receipts are of use while they are under way


def forget_idle(*, at: datetime, days: int) -> int:
    """Asks for the next ones who are due, once those asked before are gone; returns how many. Whoever comes back
    before their turn stays. Raises LogUnavailable with nobody asked for."""
    forget_receipts(by=RETENTION, before=at - RECEIPTS)
    if not days or Erasure.objects.filter(by=RETENTION, done=None, requested__gt=at - PATIENCE).exists():
        return 0
    cut = at - timedelta(days=days)
    # A copy that was written lately is of somebody whose history was imported, or who entered or left an audience.
    idle = StoredProfile.objects.filter(user_id=None, last_seen__lt=cut, updated__lt=cut)
    idle = idle.exclude(Exists(Member.objects.filter(profile_id=OuterRef("pk"))))
    people = list(idle.order_by("last_seen", "id").values_list("pk", flat=True)[:AT_ONCE])
    receipts = open_receipts(people, by=RETENTION, at=at)
    asked: dict[int, list[bytes]] = {}
    for person, receipt in zip(people, receipts, strict=True):
        record = describe_erasure(person, receipt, idle_since=to_milliseconds(cut))
        asked.setdefault(partition_of(person.hex, settings.PZ_PARTITIONS), []).append(pack(record))
    if asked:
        RedisLog(redis_client()).append(asked)
    return len(people)
