"""What the head of every page about one audience says: the draft, what is live of it, and how far the two differ."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils.translation import gettext

from rules.describe import describe_draft
from rules.models import Book, Revision
from segments.models import Segment, SegmentVersion
from studio.audiences.status import COMPARED, UNSAID, Known, Standing, find_standings, read_known
from studio.differences import Told, tell_differences

_BOOK = re.compile(r"Book (\d+)")


@dataclass(frozen=True)
class Heading:
    """`live` is the revision that is published, None where none says just that; `since` when it was."""

    segment: Segment
    known: Known
    standing: Standing
    live: Revision | None = None
    by: str = ""
    since: datetime | None = None
    changes: int = 0

    @property
    def is_in_force(self) -> bool:
        return self.known.people_key(self.segment.slug) is not None

    @property
    def is_draft(self) -> bool:
        return self.standing.is_changed or not self.standing.is_published


def make_heading(segment: Segment) -> Heading:
    known = read_known()
    standing = find_standings([segment], known)[segment.slug]
    published = known.published.get(segment.slug)
    if published is None:
        return Heading(segment, known, standing)
    by, since = _find_publisher(segment.slug, known)
    changes = sum(each.count for each in tell_draft_differences(published, describe_draft(segment), published=True))
    return Heading(segment, known, standing, find_live(segment.slug, published), by, since, changes)


def find_live(slug: str, published: Mapping[str, Any]) -> Revision | None:
    """The newest revision that says what is published."""
    revisions = Revision.objects.filter(kind="segment", slug=slug, definition__isnull=False)
    for each in revisions.select_related("by").order_by("-version", "-pk")[:200]:
        said = each.definition or {}
        if all(said.get(field) == published.get(field, UNSAID.get(field)) for field in COMPARED):
            return each
    return None


def _find_publisher(slug: str, known: Known) -> tuple[str, datetime | None]:
    """By whom, and when, the definition came that is published now."""
    number = known.number(slug)
    version = SegmentVersion.objects.filter(segment=slug, version=number).first() if number else None
    if version is None:
        return "", None
    named = _BOOK.match(version.source)
    book = (
        Book.objects.filter(number=named[1]).defer("payload").select_related("published_by").first() if named else None
    )
    by = "" if book is None else str(book.published_by) if book.published_by else gettext("the product")
    return by, version.made


def tell_draft_differences(
    before: Mapping[str, Any] | None, after: Mapping[str, Any] | None, *, published: bool = False
) -> list[Told]:
    """How two definitions differ, in words; of a `published` one only what a Book says of it counts."""
    old, new = before or {}, after or {}
    if published:
        old = {field: old.get(field, UNSAID.get(field)) for field in COMPARED}
        new = {field: value for field, value in new.items() if field in COMPARED or (field == "live" and not value)}
        if "live" in new:
            old["live"] = True
    return tell_differences("segment", old, new)
