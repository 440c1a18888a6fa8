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
from studio import standing as drafts
from studio.audiences.status import COMPARED, UNSAID, Known, Standing, find_standings, read_known, says
from studio.differences import Told, tell_differences

_BOOK = re.compile(r"Book (\d+)")


@dataclass(frozen=True)
class Heading:
    """`standing` is of the audience, with what is being filled; `draft` of its draft. `live` is the revision that is
    published, None where none says just that."""

    segment: Segment
    known: Known
    standing: Standing
    draft: drafts.Standing
    live: Revision | None = None

    @property
    def is_in_force(self) -> bool:
        return self.known.people_key(self.segment.slug) is not None


def make_heading(segment: Segment) -> Heading:
    known = read_known()
    standing = find_standings([segment], known)[segment.slug]
    published = known.published.get(segment.slug)
    if published is None:
        return Heading(segment, known, standing, drafts.Standing(drafts.NOT_LIVE, segment.version))
    live = find_live(segment.slug, published)
    told = tell_draft_differences(published, describe_draft(segment), published=True)
    book, by, since = _find_publisher(segment.slug, known)
    draft = drafts.Standing(
        drafts.CHANGED if standing.is_changed else drafts.LIVE,
        segment.version,
        version=0 if live is None else live.version,
        book=book,
        by=by,
        at=since,
        changes=sum(each.count for each in told),
        changed=tuple(each.label for each in told),
    )
    return Heading(segment, known, standing, draft, live)


def find_live(slug: str, published: Mapping[str, Any]) -> Revision | None:
    """The newest revision that says what is published."""
    return drafts.find_live_revision("segment", slug, lambda said: says(said, published), most=200)


def _find_publisher(slug: str, known: Known) -> tuple[int, str, datetime | None]:
    """With which Book, by whom and when the definition came that is published now."""
    number = known.number(slug)
    version = SegmentVersion.objects.filter(segment=slug, version=number).first() if number else None
    if version is None:
        return 0, "", None
    named = _BOOK.match(version.source)
    book = (
        Book.objects.filter(number=named[1]).defer("payload").select_related("published_by").first() if named else None
    )
    by = "" if book is None else str(book.published_by) if book.published_by else gettext("the product")
    return 0 if book is None else book.number, by, version.made


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
