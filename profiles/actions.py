"""Writes of the durable side of people: few statements for many rows, inside the archiver's transaction."""

import json
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from django.db import connection
from django.db.backends.utils import CursorWrapper

from profiles.rows import ArchiveRow, MergeRow, ProfileRow, UndoneRow

_COLUMNS = ", ".join(f'"{name}"' for name in ArchiveRow._fields)
_COPY = f"COPY profiles_archivedevent ({_COLUMNS}) FROM STDIN"


def copy_events(rows: Sequence[ArchiveRow]) -> None:
    """Adds events to the archive. The months they belong to must have been made."""
    if not rows:
        return
    # Django translates the driver's errors of `execute`, but not those of `copy`.
    with connection.wrap_database_errors, connection.cursor() as cursor, cursor.copy(_COPY) as copy:
        for row in rows:
            copy.write_row(row)


def store_identifiers(links: Mapping[str, tuple[str, datetime]]) -> None:
    """Stores what each identifier stands for, and since when."""
    if not links:
        return
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO profiles_identifier (key, profile_id, at) "
            "SELECT * FROM unnest(%s::text[], %s::uuid[], %s::timestamptz[]) "
            "ON CONFLICT (key) DO UPDATE SET profile_id = excluded.profile_id, at = excluded.at",
            [list(links), [profile for profile, _ in links.values()], [at for _, at in links.values()]],
        )


def forget_identifiers(keys: Collection[str]) -> None:
    """Removes identifiers that the map does not hold any more."""
    if keys:
        with connection.cursor() as cursor:
            cursor.execute("DELETE FROM profiles_identifier WHERE key = ANY(%s)", [list(keys)])


def store_profiles(rows: Sequence[ProfileRow], *, at: datetime) -> None:
    """Stores the newest state of profiles."""
    if not rows:
        return
    columns = [list(column) for column in zip(*rows, strict=True)]
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO profiles_storedprofile (id, user_id, first_seen, last_seen, traits, segments, cluster, "
            "scores, consent, crowded, state, updated) SELECT found.*, %s::timestamptz FROM unnest(%s::uuid[], "
            "%s::text[], "
            "%s::timestamptz[], %s::timestamptz[], %s::text[]::jsonb[], %s::text[]::jsonb[], %s::text[], "
            "%s::text[]::jsonb[], %s::text[]::jsonb[], %s::text[]::jsonb[], %s::bytea[]) AS found "
            "ON CONFLICT (id) DO UPDATE SET user_id = excluded.user_id, first_seen = excluded.first_seen, "
            "last_seen = excluded.last_seen, traits = excluded.traits, segments = excluded.segments, "
            "cluster = excluded.cluster, scores = excluded.scores, "
            "consent = excluded.consent, crowded = excluded.crowded, "
            "state = excluded.state, updated = excluded.updated",
            [at, *columns],
        )


def remove_profiles(ids: Collection[str]) -> None:
    """Removes the copies of profiles that others have taken over."""
    if ids:
        with connection.cursor() as cursor:
            cursor.execute("DELETE FROM profiles_storedprofile WHERE id = ANY(%s::uuid[])", [list(ids)])


def record_merge(row: MergeRow) -> None:
    """Records a merge once, and which event of the archive is the newest before it."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO profiles_mergerecord "
            "(loser_id, winner_id, state, because, at, before, keys, user_id, position, after, undone_by) "
            "SELECT found.*, coalesce(pg_sequence_last_value('profiles_archivedevent_id_seq'), 0), '' "
            "FROM (SELECT %s::uuid, %s::uuid, %s::bytea, %s, %s::timestamptz, %s::bytea, %s::text::jsonb, %s, "
            "%s::bigint) "
            "AS found (loser_id, winner_id, state, because, at, before, keys, user_id, position) "
            "WHERE NOT EXISTS (SELECT FROM profiles_mergerecord AS known WHERE known.loser_id = found.loser_id "
            "AND known.winner_id = found.winner_id AND known.because = found.because AND known.undone IS NULL)",
            [*row[:6], json.dumps(row.keys), row.user_id, row.position],
        )


def undo_merge(row: UndoneRow) -> None:
    """Marks a merge as undone and gives the loser what is its own: events since, and later merges. Once."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE profiles_mergerecord SET undone = %s, undone_by = %s "
            "WHERE loser_id = %s AND winner_id = %s AND because = %s AND undone IS NULL RETURNING after",
            [row.at, row.by, row.loser_id, row.winner_id, row.because],
        )
        if (found := cursor.fetchone()) is None:
            return
        for passed in row.passed:  # in the order of time
            _pass_on(cursor, row, passed, found[0])
        _give_back(cursor, row, after=found[0])


def _pass_on(cursor: CursorWrapper, row: UndoneRow, passed: tuple[str, str, bytes], after: int) -> None:
    """A later merge goes to the loser, behind the events that came before it."""
    loser_id, because, before = passed
    merge = [loser_id, row.winner_id, because]
    cursor.execute(
        "SELECT after FROM profiles_mergerecord "
        "WHERE loser_id = %s AND winner_id = %s AND because = %s AND undone IS NULL",
        merge,
    )
    for (until,) in cursor.fetchall():
        _give_back(cursor, row, after=after, until=until)
        cursor.execute(
            "UPDATE profiles_mergerecord SET winner_id = %s, before = %s, "
            "after = coalesce(pg_sequence_last_value('profiles_archivedevent_id_seq'), 0) "
            "WHERE loser_id = %s AND winner_id = %s AND because = %s AND undone IS NULL",
            [row.loser_id, before, *merge],
        )


def _give_back(cursor: CursorWrapper, row: UndoneRow, *, after: int, until: int | None = None) -> None:
    """Events of the winner become the loser's. They are numbered anew: they came to it after all it has by now."""
    cursor.execute(
        "WITH theirs AS (SELECT at, id, nextval('profiles_archivedevent_id_seq') AS fresh FROM ("
        "SELECT at, id FROM profiles_archivedevent WHERE profile_id = %s AND id > %s "
        "AND id <= coalesce(%s::bigint, 9223372036854775807) "
        "AND (user_id = ANY(%s::text[]) OR (user_id IS NULL AND anonymous_id = ANY(%s::text[]))) ORDER BY id"
        ") AS ordered) UPDATE profiles_archivedevent AS event SET profile_id = %s, id = theirs.fresh FROM theirs "
        "WHERE event.at = theirs.at AND event.id = theirs.id",
        [row.winner_id, after, until, row.users, row.devices, row.loser_id],
    )
