"""What PostgreSQL and Redis say of the product at this moment that is too dear to be asked each second: who is here,
which parts are at work and how far behind, and the number of the newest change."""

from dataclasses import dataclass
from datetime import datetime, timedelta

import redis
from django.conf import settings
from django.db import connection

from ingestion.lag import Lag, measure_lag
from personalization.vitals import look_alive
from profiles.clients import Client
from profiles.organisation import find_zone
from segments.progress import Alive

HERE_FOR = timedelta(minutes=5)
CLOCKS_DIFFER = timedelta(minutes=5)
MOST_PEOPLE = 200_000  # that are counted; it is a range of an index

_PEOPLE = (
    "SELECT count(*) FROM "
    "(SELECT FROM profiles_storedprofile WHERE last_seen >= %s AND last_seen <= %s LIMIT %s) AS seen"
)
_NEWS = (
    "SELECT (SELECT max(id) FROM profiles_auditentry), (SELECT max(number) FROM rules_book), "
    "(SELECT max(number) FROM segments_roster), EXISTS (SELECT FROM ingestion_eventtype WHERE volume > 0)"
)


@dataclass(frozen=True)
class Flow:
    """`lag` is None while Redis does not answer. `news` changes when somebody has changed or published something, a
    segment has come into force, or the very first event has come. `zone` is the organisation's."""

    people: int
    lag: Lag | None
    alive: Alive
    news: str
    zone: str

    @property
    def is_cut(self) -> bool:
        """There are more people than were counted."""
        return self.people >= MOST_PEOPLE


def look_at_flow(client: Client, *, at: datetime) -> Flow:
    """May raise django.db.DatabaseError."""
    alive = look_alive(client)
    lag = None
    if alive.redis:
        try:
            lag = measure_lag(client, partitions=settings.PZ_PARTITIONS, now=int(at.timestamp() * 1000))
        except redis.RedisError:
            lag = None
    return Flow(count_people_here(at), lag, alive, find_news(), find_zone())


def count_people_here(at: datetime) -> int:
    """People who were seen in the last HERE_FOR, as far as the archiver has come; MOST_PEOPLE for that many or more."""
    with connection.cursor() as cursor:
        cursor.execute(_PEOPLE, [at - HERE_FOR, at + CLOCKS_DIFFER, MOST_PEOPLE])
        (count,) = cursor.fetchone()
        return int(count)


def find_news() -> str:
    """Tells whether anything was changed since it was asked last."""
    with connection.cursor() as cursor:
        cursor.execute(_NEWS)
        return ".".join("" if each is None else str(each) for each in cursor.fetchone())
