"""What became of the people of a moment: who of a snapshot is in another segment today. Asked of the durable copies."""

from typing import NamedTuple

from django.db import connection


class Cohorts(NamedTuple):
    """`then`: people of the snapshot; `stayed` of them are in the other segment today and `gone` are not; `came` are
    in it today and were not in the snapshot."""

    then: int
    stayed: int
    gone: int
    came: int


def compare_cohorts(then: str, today: str) -> Cohorts:
    """`then` and `today` are keys that profiles carry."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FILTER (WHERE was), count(*) FILTER (WHERE was AND is_now), "
            "count(*) FILTER (WHERE was AND NOT is_now), count(*) FILTER (WHERE is_now AND NOT was) FROM ("
            "SELECT segments ? %(then)s AS was, segments ? %(today)s AS is_now FROM profiles_storedprofile "
            "WHERE segments ?| ARRAY[%(then)s, %(today)s]) AS people",
            {"then": then, "today": today},
        )
        return Cohorts(*cursor.fetchone())
