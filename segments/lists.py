"""Writes of lists and snapshots: the people of a file become members of a list; a segment is frozen."""

from collections.abc import Collection, Sequence
from datetime import datetime
from itertools import count
from pathlib import PurePath
from typing import IO

from django.contrib.auth.models import User
from django.db import connection, transaction
from django.utils.text import slugify
from django.utils.translation import gettext, gettext_noop

from profiles.audit import Act, record_act
from profiles.event import anonymous_key, derive_profile_id, user_key
from profiles.identity import retired_key
from profiles.locks import PUBLISH_BOOK, take_turns
from segments.actions import replan
from segments.models import SLUG_LENGTH, Build, Segment, SegmentVersion, Upload
from segments.queries import find_list_numbers, newest_versions, read_roster
from segments.roster import LIST
from segments.upload_lines import BadUpload
from segments.uploads import ANONYMOUS, PROFILE, SHOWN_PROBLEMS, USER, IdFile, Problem

PREFIXES = {USER: user_key(""), ANONYMOUS: anonymous_key(""), PROFILE: None}
MAX_MERGES = 100  # followed from a retired profile to the one that lives
UNKNOWN = gettext_noop("no profile has this id")
NAME_LENGTH = 120
FILE_LENGTH = 200


class NobodyIn(BadUpload):
    """A file without a single id that can be meant; `problems` are the first of its bad rows."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = problems
        super().__init__(
            gettext("None of its rows has an id that can be meant; nothing was changed.")
            if problems
            else gettext("The file has a header and no ids; nothing was changed.")
        )


@transaction.atomic
def store_upload(
    segment: Segment,
    file: IO[bytes],
    *,
    name: str,
    column: str = "",
    ids: str = "",
    replaces: bool = False,
    most: int,
    by: User | None,
    at: datetime,
) -> Upload:
    """The people of a file become members of a list, beside those it has or, with `replaces`, in their place; all of
    them or, with BadUpload, none. What `column`, `ids` and `most` mean is said at segments.uploads.IdFile.

    A list that is published is brought up to date in the background. A replaced one answers until then."""
    read = IdFile(file, column=column, ids=ids, most=most)
    rows = _copy_rows(read)
    _find_people(read.ids)
    strangers, strange = _remove_strangers() if read.ids == PROFILE else ([], 0)
    problems = sorted([*read.problems, *strangers])[:SHOWN_PROBLEMS]
    if rows == strange:
        raise NobodyIn(problems)
    duplicates = _count_duplicates()
    take_turns(PUBLISH_BOOK)
    upload = Upload.objects.create(
        segment=segment,
        version=_find_version(segment, name, replaces=replaces, at=at),
        file=PurePath(name).name[-FILE_LENGTH:],
        column=read.column[:FILE_LENGTH],
        ids=read.ids,
        replaces=replaces,
        rows=rows - strange,
        duplicates=duplicates,
        refused=read.refused + strange,
        problems=[problem._asdict() for problem in problems],
        at=at,
        by=by,
    )
    upload.added, first = _store_members(upload)
    upload.save(update_fields=["added"])
    _drop_rows()
    _bring_in(upload, first, at)
    _record(upload)
    return upload


def _record(upload: Upload) -> None:
    said = {"file": upload.file, "people": upload.added, "refused": upload.refused, "replaces": upload.replaces}
    segment = upload.segment
    record_act(
        Act.UPLOADED, by=upload.by, at=upload.at, kind="segment", subject=segment.slug, name=segment.name, after=said
    )


def _copy_rows(read: IdFile) -> int:
    """Puts the rows of the file where PostgreSQL can be asked about them; returns how many they are."""
    prefix = PREFIXES[read.ids]
    rows = 0
    with connection.wrap_database_errors, connection.cursor() as cursor:
        cursor.execute("SELECT set_config('jit', 'off', true), set_config('work_mem', '64MB', true)")
        cursor.execute("CREATE TEMPORARY TABLE segments_read (line bigint, said text, profile_id uuid) ON COMMIT DROP")
        with cursor.copy("COPY segments_read (line, said, profile_id) FROM STDIN") as copy:
            for line, id in read:
                copy.write_row((line, id, id if prefix is None else derive_profile_id(prefix + id)))
                rows += 1
        cursor.execute("ANALYZE segments_read")
    return rows


def _find_people(ids: str) -> None:
    """The profiles that ids stand for, where they were linked to others."""
    with connection.cursor() as cursor:
        if ids != PROFILE:
            cursor.execute(
                "UPDATE segments_read AS row SET profile_id = known.profile_id FROM profiles_identifier AS known "
                "WHERE known.key = %s || row.said",
                [PREFIXES[ids]],
            )
        for _ in range(MAX_MERGES):
            cursor.execute(
                "UPDATE segments_read AS row SET profile_id = known.profile_id FROM profiles_identifier AS known "
                "WHERE known.key = %s || replace(row.profile_id::text, '-', '')",
                [retired_key("")],
            )
            if not cursor.rowcount:
                break


def _remove_strangers() -> tuple[list[Problem], int]:
    """Takes out the profiles that are not there; the first of them, and how many they are."""
    strange = "NOT EXISTS (SELECT FROM profiles_storedprofile AS known WHERE known.id = row.profile_id)"
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT line, said FROM segments_read AS row WHERE {strange} ORDER BY line LIMIT %s",  # noqa: S608
            [SHOWN_PROBLEMS],
        )
        first = [Problem(line, said, UNKNOWN) for line, said in cursor.fetchall()]
        cursor.execute(f"DELETE FROM segments_read AS row WHERE {strange}")  # noqa: S608  # of this function alone
        return first, cursor.rowcount


def _find_version(segment: Segment, name: str, *, replaces: bool, at: datetime) -> SegmentVersion:
    """The version that gets the members: a new one when they replace others."""
    number = find_list_numbers([segment.slug])[segment.slug]
    if replaces and segment.uploads.exists():
        number = newest_versions([segment.slug])[segment.slug] + 1
    source = f"Upload of {PurePath(name).name[-FILE_LENGTH:]}"
    version, _ = SegmentVersion.objects.update_or_create(
        segment=segment.slug,
        version=number,
        defaults={"collected": True},
        create_defaults={"kind": LIST, "collected": True, "source": source, "made": at},
    )
    return version


def _count_duplicates() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) - count(DISTINCT profile_id) FROM segments_read")
        (rows,) = cursor.fetchone()
        return int(rows)


def _store_members(upload: Upload) -> tuple[int, int]:
    """How many of the rows are new members, and the number of the first one."""
    with connection.cursor() as cursor:
        cursor.execute(
            "WITH stored AS (INSERT INTO segments_member (version_id, upload_id, profile_id, identifier) "
            "SELECT DISTINCT ON (profile_id) %s::bigint, %s::bigint, profile_id, %s::text || said FROM segments_read "
            "ORDER BY profile_id, line ON CONFLICT (version_id, profile_id) DO NOTHING RETURNING id) "
            "SELECT count(*), coalesce(min(id), 1) FROM stored",
            [upload.version_id, upload.pk, PREFIXES[upload.ids]],
        )
        added, first = cursor.fetchone()
        return added, first


def _drop_rows() -> None:
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE segments_read")


def _bring_in(upload: Upload, first: int, at: datetime) -> None:
    """Brings a list that is published up to date; of one that is a draft nobody knows yet."""
    roster = read_roster()
    coming = roster.find(roster.coming.get(upload.segment.slug, ""))
    if coming is None or coming.kind != LIST:
        return
    if coming.key != upload.version.key:
        replan(source=f"Upload of {upload.file}", at=at)
    elif upload.added:
        build = Build.objects.create(upload=upload, roster=roster.number, member=first - 1, queued=at)
        build.versions.add(upload.version)


def draft_snapshot(segment: Segment, *, as_of: datetime | None, name: str) -> Segment:
    """A draft of a snapshot: whoever the segment's condition held for at a moment, None for that of publishing. The
    people of a list have no past: its snapshot is of whoever is in it when it is published. The caller saves it."""
    condition, moment = segment.condition, as_of
    if segment.kind == Segment.Kind.LIST:
        condition = {"v": 1, "root": {"id": "list", "kind": "segment", "segment": segment.slug}}
        moment = None
    return Segment(
        slug=find_free_slug(name),
        name=name[:NAME_LENGTH],
        kind=Segment.Kind.SNAPSHOT,
        condition=condition,
        as_of=moment,
        frozen_from=segment,
    )


def find_free_slug(name: str, *, otherwise: str = "snapshot", reserved: Collection[str] = ()) -> str:
    """One made of the name that no segment has, and none of the `reserved`."""
    wanted = slugify(name)[: SLUG_LENGTH - 5].strip("-") or otherwise
    taken = set(reserved)
    taken |= set(Segment.objects.filter(slug__startswith=wanted).values_list("slug", flat=True))
    return next(slug for number in count(1) if (slug := f"{wanted}-{number}" if number > 1 else wanted) not in taken)
