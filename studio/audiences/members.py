"""Who is in an audience: sizes over time, who came and went and why, what publishing would change, and the export."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from personalization.preview import Preview, Previewer
from profiles.audit import Act, record_act
from profiles.queries import Deed, find_deeds
from segments.charts import draw_chart
from segments.conditions.language import BadCondition, Node, walk
from segments.conditions.parse import parse_condition
from segments.exporting import stream_members
from segments.in_words import say_stored
from segments.models import Segment, SegmentChange
from segments.queries import list_changes, read_roster
from segments.sizes import find_day_change, list_sizes
from studio.audiences.finding import ask, find_segment, show_about
from studio.few import blur, blur_nodes, find_few, say_people
from studio.numbers import say_number
from studio.pages import StudioRequest, find_by, needs, show
from studio.people.names import Who, name_people
from studio.private import Private, find_hidden, hides_worth
from studio.roles import Ability

SHOWN_CHANGES = 25
PERIODS = (("1", _("Day")), ("7", _("Week")), ("30", _("Month")), ("365", _("Year")))
CHART = (560, 150)
CAUSES = {
    "time": _("a window ended, or a moment came"),
    "merge": _("two profiles became one person"),
    "build": _("the audience was published or filled anew"),
}


@dataclass(frozen=True)
class Coming:
    """Somebody who came or went, and why, in words."""

    change: SegmentChange
    who: Who
    why: str


@needs(Ability.PEOPLE)
def show_changes(request: StudioRequest, slug: str) -> HttpResponse:
    """The part of the page that says who came and went lately."""
    changes = list_changes(slug, limit=SHOWN_CHANGES)
    deeds = find_deeds([(each.profile_id, each.because) for each in changes if each.cause == "event"])
    sees = request.visitor.sees_personal_data
    people, private = name_people({each.profile_id for each in changes}, sees=sees), find_hidden(sees=sees)
    rows = [Coming(each, people[each.profile_id], say_why(each, deeds, private)) for each in changes]
    context = {"changes": rows, "slug": slug}
    return show(request, "studio/audiences/changes.html", context)


def say_why(change: SegmentChange, deeds: dict[Any, Deed], private: Private) -> str:
    if change.cause != "event":
        return str(CAUSES.get(change.cause, change.cause))
    deed = deeds.get((change.profile_id, change.because))
    if deed is None:
        return gettext("something they did")
    if deed.value and not hides_worth(private.get(deed.name, ())):
        return gettext("did “%(event)s”, worth %(value)s") % {
            "event": deed.name,
            "value": say_number(float(deed.value), ".2f"),
        }
    return gettext("did “%(event)s”") % {"event": deed.name}


@needs(Ability.LOOK)
def show_sizes(request: HttpRequest, slug: str) -> HttpResponse:
    """The part of the page that draws how large the audience was."""
    days = request.GET.get("days", "7")
    days = days if days in dict(PERIODS) else "7"
    at = timezone.now()
    since = at - timedelta(days=int(days))
    sizes = list_sizes([slug], since=since)[slug]
    if sizes:  # of a young audience the time before it is left out
        since = max(since, sizes[0].hour)
    width, height = CHART
    context = {
        "slug": slug,
        "days": days,
        "periods": PERIODS,
        "chart": draw_chart(sizes, since=since, until=at, width=width, height=height, most=width // 3),
        "size": sizes[-1] if sizes else None,
        "newest": sizes[:-25:-1],
        "day_change": find_day_change(sizes, at=at),
    }
    return show(request, "studio/audiences/sizes.html", context)


@needs(Ability.LOOK)
def show_preview(request: StudioRequest, slug: str) -> HttpResponse:
    """What publishing the draft would do: how many people it is about, who enters and who leaves; counted lazily."""
    segment = find_segment(slug)
    if request.headers.get("HX-Request"):
        return show(request, "studio/audiences/preview_part.html", {"segment": segment, **_look(segment, request)})
    context = {"title": _("Preview"), "can_preview": segment.kind != Segment.Kind.LIST}
    return show_about(request, "preview", segment, context)


def _look(segment: Segment, request: StudioRequest) -> dict[str, Any]:
    try:
        root = parse_condition(segment.condition)
    except BadCondition:
        return {"cannot": say_stored(segment.condition)}
    at = None if segment.as_of is None else int(segment.as_of.timestamp() * 1000)
    preview = Previewer(root, at=at, slug=segment.slug).look()
    people: list[Who] = []
    if request.visitor.may(Ability.PEOPLE):
        people = list(name_people(preview.people, sees=request.visitor.sees_personal_data).values())
    counts = preview.counts
    told = {"preview": preview, "people": people, "share": 100 * counts.total / max(counts.people, 1)}
    told["is_estimate"] = counts.margin > 0
    return told if request.visitor.sees_personal_data else _withhold_few(root, told)


def _withhold_few(root: Node, told: dict[str, Any]) -> dict[str, Any]:
    """The same for those who may not see personal data."""
    preview: Preview = told["preview"]
    counts, changes = preview.counts, preview.changes
    figures = {id: (people, counts.margins[id]) for id, people in counts.nodes.items()}
    nodes = blur_nodes(root, figures)
    total = blur(counts.total, counts.margin, holds_few=bool(find_few(root, figures)))
    rows = [
        {"depth": row.depth, "words": row.words, **nodes[node.id]._asdict()}
        for row, node in zip(preview.rows, walk(root), strict=True)
    ]
    shown = {
        "rows": rows,
        "warnings": preview.warnings,
        "counts": {"total": total.people, "margin": total.margin, "people": counts.people},
        "changes": changes and {name: say_people(number) for name, number in changes._asdict().items()},
    }
    if isinstance(total.people, str):
        return {**told, "preview": shown, "people": [], "share": None}
    return {**told, "preview": shown, "share": 100 * total.people / max(counts.people, 1)}


@needs(Ability.PERSONAL, methods=("GET", "HEAD", "POST"))
def show_export(request: HttpRequest, slug: str) -> HttpResponseBase:
    """With POST: whoever is in the version that answers, as CSV."""
    segment = find_segment(slug)
    key = read_roster().answers.get(slug)
    if key is None:
        messages.error(request, gettext("It is not in force yet, so that nobody is in it."))
        return redirect("studio:audience", slug)
    at = timezone.now()
    if request.method != "POST":
        says = _(
            "A CSV file with the profile id and user id of everybody who is in it, and since when. "
            "It is noted in the audit trail."
        )
        return ask(request, segment, _("Export the people"), says, _("Export"), stays=True)
    size = next(iter(list_sizes([slug], since=at - timedelta(hours=3))[slug][::-1]), None)
    told = {} if size is None else {"people": size.people}
    record_act(Act.EXPORTED, by=find_by(request), at=at, kind="segment", subject=slug, name=segment.name, after=told)
    name = f"{slug}-{timezone.localdate().isoformat()}.csv"
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
    return StreamingHttpResponse(stream_members(key), content_type="text/csv; charset=utf-8", headers=headers)
