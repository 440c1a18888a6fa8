"""How lists and snapshots stand: how many people were put in, whether they answer, and what became of each upload."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from django.utils.translation import gettext, ngettext

from profiles.writing import write_number
from segments.models import Build, Member, Segment, SegmentVersion, Upload
from segments.progress import say_state
from segments.queries import find_list_numbers, read_roster
from segments.roster import ENROLLED, Roster

SHOWN_UPLOADS = 25


class State(StrEnum):
    DRAFT = "draft"
    COMING = "coming"
    IN_FORCE = "in_force"
    REPLACED = "replaced"

    @property
    def words(self) -> str:
        match self:
            case State.DRAFT:
                return gettext("answers once it is published")
            case State.COMING:
                return gettext("being filled")
            case State.IN_FORCE:
                return gettext("in force")
            case State.REPLACED:
                return gettext("replaced")


@dataclass(frozen=True)
class Standing:
    """Of a list or snapshot: its newest version, how many people that one has (for a snapshot None until they have been
    looked for), and how far the build is that works on it."""

    version: SegmentVersion
    state: State
    people: int | None
    progress: str = ""


@dataclass(frozen=True)
class Uploaded:
    """An upload, its state and, while its people are put in, how far that is."""

    upload: Upload
    state: State
    progress: str = ""


def find_standing(segment: Segment) -> Standing | None:
    """None where nobody was put in one by one yet."""
    roster = read_roster()
    version = _find_newest(segment, roster)
    if version is None:
        return None
    counted = Member.objects.filter(version=version).count() if version.collected or version.kind == "list" else None
    build = Build.objects.exclude(state__in=Build.ENDED).filter(versions=version).order_by("pk").first()
    return Standing(version, _find_state(version, roster), counted, say_progress(build))


def _find_newest(segment: Segment, roster: Roster) -> SegmentVersion | None:
    """Of a list, the version that uploads go into; of a snapshot, the one that is on its way or in force."""
    if segment.kind not in ENROLLED:
        return None
    if segment.kind == Segment.Kind.LIST:
        number = find_list_numbers([segment.slug])[segment.slug]
    else:
        known = roster.find(roster.coming.get(segment.slug, ""))
        number = known.version if known else 0
    return SegmentVersion.objects.filter(segment=segment.slug, kind=segment.kind, version=number).first()


def list_uploads(segment: Segment) -> list[Uploaded]:
    """The newest uploads of a list, the newest first."""
    roster = read_roster()
    uploads = list(segment.uploads.select_related("version", "by")[:SHOWN_UPLOADS])
    waiting = {each.upload_id: each for each in _list_builds_of(uploads)}
    number = find_list_numbers([segment.slug])[segment.slug]
    return [
        Uploaded(
            upload,
            State.REPLACED if upload.version.version < number else _find_state(upload.version, roster),
            say_progress(waiting.get(upload.pk)),
        )
        for upload in uploads
    ]


def _list_builds_of(uploads: Iterable[Upload]) -> Iterable[Build]:
    return Build.objects.exclude(state__in=Build.ENDED).filter(upload__in=[each.pk for each in uploads])


def _find_state(version: SegmentVersion, roster: Roster) -> State:
    if roster.answers.get(version.segment) == version.key:
        return State.IN_FORCE
    if roster.coming.get(version.segment) == version.key:
        return State.COMING
    return State.DRAFT


def say_progress(build: Build | None) -> str:
    """How far a build is, "" without one."""
    if build is None:
        return ""
    said = say_state(build.state)
    if not build.total:
        return said
    places = {"state": said, "done": write_number(build.done), "total": write_number(build.total)}
    return gettext("%(state)s, %(done)s of %(total)s") % places


def count_rows(upload: Upload) -> str:
    """What the rows of an upload came to, in words."""
    known = upload.rows - upload.duplicates - upload.added
    said = [
        ngettext("%s row with an id", "%s rows with an id", upload.rows) % write_number(upload.rows),
        ngettext("%s person is new", "%s people are new", upload.added) % write_number(upload.added),
    ]
    if known:
        said.append(ngettext("%s was in it before", "%s were in it before", known) % write_number(known))
    if upload.duplicates:
        rows = ngettext("%s row is of somebody named before", "%s rows are of somebody named before", upload.duplicates)
        said.append(rows % write_number(upload.duplicates))
    return ", ".join(said)


def say_left_out(upload: Upload) -> str:
    return ngettext("%s row was left out", "%s rows were left out", upload.refused) % write_number(upload.refused)


def say_when(upload: Upload) -> str:
    """When the people of an upload are in the list."""
    state = _find_state(upload.version, read_roster())
    if state is State.DRAFT:
        return gettext("The list is a draft: it has people once it is published.")
    if state is State.COMING:
        return gettext("The list is being filled, and answers as before until that is done.")
    return gettext("They are being put in now.") if upload.added else gettext("Everybody is in it.")
