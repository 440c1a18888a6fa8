"""The list of audiences: what each row says, in a number of questions that does not grow with the rows."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db.models import F, Func, IntegerField, OuterRef, QuerySet, Subquery, Value
from django.db.models.fields.json import JSONField
from django.db.models.functions import Cast
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from rules.models import Revision
from segments.charts import Chart, draw_chart
from segments.models import Segment, SegmentSize
from segments.sizes import DAY, list_sizes
from studio.audiences.status import Known, Standing, Status, find_standings
from studio.lists import Column, Filter, Listing
from studio.uses import User, find_users

WEEK = timedelta(days=7)
SPARK = (96, 24)
KINDS = (
    ("condition", _("By a condition")),
    ("list", _("Uploaded list")),
    ("snapshot", _("Snapshot")),
    ("cluster", _("Cluster")),
    ("lookalike", _("Lookalike")),
)


@dataclass(frozen=True)
class Row:
    """One audience of the list; one that `is_young` has no week to be drawn yet."""

    segment: Segment
    standing: Standing
    size: int | None
    chart: Chart | None
    is_young: bool
    users: Sequence[User]
    made: Revision | None
    updated: Revision | None

    @property
    def kind(self) -> str:
        return str(dict(KINDS)[self.segment.kind])


def make_listing(known: Known) -> Listing:
    def having(rows: QuerySet[Any], status: str) -> QuerySet[Any]:
        standings = find_standings(Segment.objects.all(), known)
        return rows.filter(slug__in=[slug for slug, each in standings.items() if _has(each, status)])

    return Listing(
        columns=(
            Column(_("Audience"), ("name",)),
            Column(_("People"), ("size",), "number"),
            Column(_("Last 7 days")),
            Column(_("Status")),
            Column(_("Used by")),
            Column(_("Made by")),
            Column(_("Updated"), ("updated",)),
        ),
        search=("name", "slug", "description"),
        filters=(
            Filter("kind", _("Every kind"), KINDS, lambda rows, kind: rows.filter(kind=kind)),
            Filter("status", _("Every status"), Status.choices, having),
        ),
        sort="name",
    )


def _has(standing: Standing, status: str) -> bool:
    return standing.status == status or (status == Status.CHANGED and standing.is_changed)


def list_segments(known: Known) -> QuerySet[Segment]:
    """Every draft, with the `size` of the version that answers."""
    numbers = {slug: int(key.rpartition("@")[2]) for slug, key in known.roster.answers.items()}
    answering = Func(Value(numbers, JSONField()), F("slug"), function="jsonb_extract_path_text")
    sizes = SegmentSize.objects.filter(segment=OuterRef("slug"), version=OuterRef("answering")).order_by("-hour")
    rows = Segment.objects.annotate(answering=Cast(answering, IntegerField()))
    return rows.annotate(size=Subquery(sizes.values("size")[:1]))


def fill_rows(segments: Sequence[Any], known: Known) -> list[Row]:
    slugs = [each.slug for each in segments]
    standings = find_standings(segments, known)
    at = timezone.now()
    sizes = list_sizes(slugs, since=at - WEEK)
    users = find_users(slugs)
    made, updated = _find_edits(slugs, "version"), _find_edits(slugs, "-version")
    width, height = SPARK
    return [
        Row(
            segment=each,
            standing=standings[each.slug],
            size=each.size,
            chart=draw_chart(sizes[each.slug], since=at - WEEK, until=at, width=width, height=height, most=48),
            is_young=bool(sizes[each.slug]) and sizes[each.slug][0].hour > at - DAY,
            users=users.get(each.slug, ()),
            made=made.get(each.slug),
            updated=updated.get(each.slug),
        )
        for each in segments
    ]


def _find_edits(slugs: Sequence[str], order: str) -> dict[str, Revision]:
    """The first or, with `-version`, the last edit of each."""
    edits = Revision.objects.filter(kind="segment", slug__in=slugs).defer("definition").select_related("by")
    return {each.slug: each for each in edits.order_by("slug", order).distinct("slug")}
