"""Writes of the durable side of people: few statements for many rows, inside the archiver's transaction."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from django.db import connection

from profiles.rows import ArchiveRow, MergeRow, ProfileRow

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


def store_profiles(rows: Sequence[ProfileRow], *, at: datetime) -> None:
    """Stores the newest state of profiles."""
    if not rows:
        return
    columns = [list(column) for column in zip(*rows, strict=True)]
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO profiles_storedprofile (id, user_id, first_seen, last_seen, traits, segments, cluster, "
            "scores, crowded, state, updated) SELECT found.*, %s::timestamptz FROM unnest(%s::uuid[], %s::text[], "
            "%s::timestamptz[], %s::timestamptz[], %s::text[]::jsonb[], %s::text[]::jsonb[], %s::text[], "
            "%s::text[]::jsonb[], %s::text[]::jsonb[], %s::bytea[]) AS found "
            "ON CONFLICT (id) DO UPDATE SET user_id = excluded.user_id, first_seen = excluded.first_seen, "
            "last_seen = excluded.last_seen, traits = excluded.traits, segments = excluded.segments, "
            "cluster = excluded.cluster, scores = excluded.scores, "
            "crowded = excluded.crowded, "
            "state = excluded.state, updated = excluded.updated",
            [at, *columns],
        )


def remove_profiles(ids: Collection[str]) -> None:
    """Removes the copies of profiles that others have taken over."""
    if ids:
        with connection.cursor() as cursor:
            cursor.execute("DELETE FROM profiles_storedprofile WHERE id = ANY(%s::uuid[])", [list(ids)])


def record_merges(rows: Sequence[MergeRow]) -> None:
    """Records merges, each once."""
    if not rows:
        return
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO profiles_mergerecord (loser_id, winner_id, state, because, at) "
            "SELECT DISTINCT ON (loser_id, winner_id, because) found.* "
            "FROM unnest(%s::uuid[], %s::uuid[], %s::bytea[], %s::text[], %s::timestamptz[]) "
            "AS found (loser_id, winner_id, state, because, at) WHERE NOT EXISTS (SELECT FROM profiles_mergerecord "
            "AS known WHERE known.loser_id = found.loser_id AND known.winner_id = found.winner_id "
            "AND known.because = found.because)",
            [list(column) for column in zip(*rows, strict=True)],
        )
