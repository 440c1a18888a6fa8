"""Taking back the newest upload of a list: it has the people again that it had before."""

from datetime import datetime

from django.contrib.auth.models import User
from django.db import connection, transaction
from django.utils.translation import gettext

from profiles.audit import Act, record_act
from profiles.locks import PUBLISH_BOOK, take_turns
from segments.actions import replan
from segments.lists import FILE_LENGTH
from segments.models import Member, Segment, SegmentVersion, Upload
from segments.queries import newest_versions, read_roster
from segments.roster import LIST


class CannotUndo(ValueError):
    """Why an upload stays."""


def find_undoable(segment: Segment) -> Upload | None:
    """The upload that can be taken back: the newest one, while it has brought or replaced somebody."""
    newest = segment.uploads.select_related("version").order_by("-at", "-pk").first()
    return newest if newest is not None and (newest.added or newest.replaces) else None


@transaction.atomic
def undo_upload(upload: Upload, *, by: User | None, at: datetime) -> Upload:
    """Another upload with whoever was in the list before this one, so that it can be undone in its turn. A published
    list answers as before until that is filled. Raises CannotUndo."""
    take_turns(PUBLISH_BOOK)
    segment = upload.segment
    newest = find_undoable(segment)
    if newest is None or newest.pk != upload.pk:
        raise CannotUndo(gettext("It is not the newest upload any more; look at the list again."))
    version = SegmentVersion.objects.create(
        segment=segment.slug,
        version=newest_versions([segment.slug])[segment.slug] + 1,
        kind=LIST,
        collected=True,
        source=f"Without {upload.file}"[:FILE_LENGTH],
        made=at,
    )
    copied = _copy_members(_find_before(upload), upload, version)
    undone = Upload.objects.create(
        segment=segment,
        version=version,
        file=f"Without {upload.file}"[:FILE_LENGTH],
        column=upload.column,
        ids=upload.ids,
        replaces=True,
        rows=copied,
        added=copied,
        at=at,
        by=by,
    )
    roster = read_roster()
    coming = roster.find(roster.coming.get(segment.slug, ""))
    if coming is not None and coming.kind == LIST:
        replan(source=version.source, at=at)
    before, after = {"people": Member.objects.filter(version=upload.version).count()}, {"people": copied}
    record_act(
        Act.UNDONE,
        by=by,
        at=at,
        kind="segment",
        subject=segment.slug,
        name=segment.name,
        before=before,
        after=after,
        note=f"Upload of {upload.file}"[:200],
    )
    return undone


def _find_before(upload: Upload) -> SegmentVersion | None:
    """The version that had the people of before: of an upload that took their place another one, None for nobody."""
    if not _is_first_of_its_version(upload):
        return upload.version
    earlier = Upload.objects.filter(segment_id=upload.segment_id, version__version__lt=upload.version.version)
    last = earlier.select_related("version").order_by("-version__version").first()
    return None if last is None else last.version


def _is_first_of_its_version(upload: Upload) -> bool:
    return not Upload.objects.filter(version=upload.version, at__lte=upload.at).exclude(pk=upload.pk).exists()


def _copy_members(source: SegmentVersion | None, without: Upload, target: SegmentVersion) -> int:
    if source is None:
        return 0
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO segments_member (version_id, upload_id, profile_id, identifier) "
            "SELECT %s, upload_id, profile_id, identifier FROM segments_member "
            "WHERE version_id = %s AND upload_id IS DISTINCT FROM %s",
            [target.pk, source.pk, without.pk],
        )
        return int(cursor.rowcount)
