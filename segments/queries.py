"""Reads of segments: what is defined, what is in force, what is being filled."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from django.db.models import Exists, Max, OuterRef, Q

from segments.models import Build, Member, Segment, SegmentChange, SegmentVersion, Upload
from segments.models import Roster as StoredRoster
from segments.roster import NO_ROSTER, Roster, Version


def describe_segment(segment: Segment) -> dict[str, Any]:
    """A definition as it stands in a Book."""
    as_of = None if segment.as_of is None else segment.as_of.isoformat()
    condition = None if segment.kind == Segment.Kind.LIST else segment.condition
    return {
        "slug": segment.slug,
        "name": segment.name,
        "kind": segment.kind,
        "condition": condition,
        "as_of": as_of if segment.kind == Segment.Kind.SNAPSHOT else None,
    }


def newest_roster() -> tuple[int, Any] | None:
    """Number and payload of the roster in force, None before the first."""
    newest = StoredRoster.objects.order_by("-number").values_list("number", "payload").first()
    return None if newest is None else (newest[0], newest[1])


def read_roster() -> Roster:
    """The roster in force."""
    newest = newest_roster()
    return NO_ROSTER if newest is None else msgspec.convert({**newest[1], "number": newest[0]}, Roster)


def newest_versions(segments: Iterable[str] | None = None) -> dict[str, int]:
    """The highest number that each segment ever had."""
    versions = SegmentVersion.objects.all()
    if segments is not None:
        versions = versions.filter(segment__in=list(segments))
    return dict(versions.values_list("segment").annotate(Max("version")).order_by())


def find_list_numbers(slugs: Iterable[str]) -> dict[str, int]:
    """The version of each list that its people are in: that of its newest upload, else one that nobody is in. A list
    that is defined no more, but published again, has the one that it had last."""
    wanted = set(slugs)
    numbers = {slug: number + 1 for slug, number in {**dict.fromkeys(wanted, 0), **newest_versions(wanted)}.items()}
    known = SegmentVersion.objects.filter(segment__in=wanted, kind=Segment.Kind.LIST).order_by()
    members = Member.objects.filter(version=OuterRef("pk"))
    defined = Segment.objects.filter(slug__in=wanted).values("slug")
    uploads = Upload.objects.filter(segment__slug__in=wanted).order_by()
    for found in (
        known.filter(~Exists(members)).values_list("segment").annotate(Max("version")),
        known.exclude(segment__in=defined).values_list("segment").annotate(Max("version")),
        uploads.values_list("segment__slug").annotate(Max("version__version")),
    ):
        numbers.update(found)
    return numbers


def find_empty_lists(slugs: Iterable[str]) -> set[str]:
    """Those of the lists that nobody is in."""
    numbers = find_list_numbers(slugs)
    full = SegmentVersion.objects.filter(segment__in=numbers).filter(
        Exists(Member.objects.filter(version=OuterRef("pk")))
    )
    found = set(full.values_list("segment", "version"))
    return {slug for slug, number in numbers.items() if (slug, number) not in found}


def to_versions(definitions: Iterable[Mapping[str, Any]]) -> list[Version]:
    """The segments of a Book, to be planned with."""
    lists = find_list_numbers(each["slug"] for each in definitions if each.get("kind") == Segment.Kind.LIST)
    return [
        Version(
            segment=each["slug"],
            version=lists.get(each["slug"], 0),
            kind=each.get("kind", Segment.Kind.CONDITION),
            condition=each.get("condition"),
            as_of=each.get("as_of"),
        )
        for each in definitions
    ]


def find_versions(keys: Iterable[str]) -> list[SegmentVersion]:
    """The stored versions of `keys`."""
    wanted = set(keys)
    slugs = {key.rpartition("@")[0] for key in wanted}
    return [each for each in SegmentVersion.objects.filter(segment__in=slugs) if each.key in wanted]


def find_enrolled(keys: Iterable[str], profile_ids: Iterable[str]) -> set[str]:
    """Those of `keys`, of lists and snapshots, in which somebody stands by one of these ids."""
    versions = {version.pk: version.key for version in find_versions(keys)}
    members = Member.objects.filter(version__in=versions, profile_id__in=set(profile_ids))
    return {versions[id] for id in members.values_list("version_id", flat=True).distinct()}


def list_waiting_builds() -> list[Build]:
    """Builds that are not at their end, the oldest first."""
    return list(Build.objects.exclude(state__in=Build.ENDED).order_by("pk").prefetch_related("versions"))


def read_as_of(text: str | None, otherwise: datetime) -> datetime:
    """The moment of a snapshot; without one, that of its making."""
    return otherwise if text is None else datetime.fromisoformat(text)


def list_changes(segment: str, *, limit: int) -> list[SegmentChange]:
    """Who entered or left a segment, the newest first."""
    return list(SegmentChange.objects.filter(segment=segment).order_by("-at", "-id")[:limit])


def page_changes(
    profile_ids: Sequence[UUID], *, limit: int, before: tuple[datetime, int] | None = None
) -> list[SegmentChange]:
    """What some profiles entered and left before that place (time and id), the newest first."""
    changes = SegmentChange.objects.filter(profile_id__in=profile_ids)
    if before is not None:
        changes = changes.filter(Q(at__lt=before[0]) | Q(at=before[0], id__lt=before[1]))
    return list(changes.order_by("-at", "-id")[:limit])


def find_upload(key: str, profile_ids: Sequence[UUID]) -> Member | None:
    """How somebody came into a version of a list or snapshot."""
    members = Member.objects.filter(version__in=[each.pk for each in find_versions([key])], profile_id__in=profile_ids)
    return members.select_related("upload").first()
