"""The audit trail: who did what, to what, when, and how it was before and after."""

from collections.abc import Iterable
from typing import Any, NamedTuple

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.utils.dateparse import parse_date
from django.utils.translation import gettext, gettext_lazy, gettext_noop
from django.utils.translation import gettext as _

from profiles.audit import Act
from profiles.models import AuditEntry
from profiles.writing import write_known
from rules.comparing import Difference
from rules.describe import KINDS
from studio.audit.places import find_places
from studio.differences import Told, tell_differences
from studio.kinds import ORGANISATION_FIELDS
from studio.lists import Column, Filter, Listing, Rows
from studio.pages import needs, show
from studio.roles import Ability

KIND_NAMES = {
    "segment": gettext_lazy("audience"),
    "rule": gettext_lazy("rule"),
    "slot": gettext_lazy("slot"),
    "block": gettext_lazy("block"),
    "offer": gettext_lazy("offer"),
    "book": gettext_lazy("Book"),
    "person": gettext_lazy("person"),
    "source": gettext_lazy("source"),
    "login": gettext_lazy("login"),
    "publication": gettext_lazy("publication"),
    "review": gettext_lazy("review"),
    "build": gettext_lazy("build"),
    "back_test": gettext_lazy("back-test"),
    "image": gettext_lazy("image"),
    "points": gettext_lazy("points"),
    "dead_letter": gettext_lazy("dead letter"),
    "erasure": gettext_lazy("erasure"),
    "organisation": gettext_lazy("organisation"),
    "backup": gettext_lazy("backup"),
}
NUMBERED = {  # their names are kept in English
    "book": gettext_noop("Book %(number)s"),
    "build": gettext_noop("Build %(number)s"),
    "review": gettext_noop("Review %(number)s"),
    "back_test": gettext_noop("Back-test %(number)s"),
}


def _of(field: str) -> Any:
    def apply(rows: Rows, value: str) -> Rows:
        return rows.filter(**{field: value})

    return apply


LISTING = Listing(
    columns=(
        Column(gettext_lazy("When"), ("at",)),
        Column(gettext_lazy("Who"), ("actor",)),
        Column(gettext_lazy("What"), ("act",)),
        Column(gettext_lazy("To what"), ("name",)),
        Column(gettext_lazy("Note")),
    ),
    search=("name", "subject", "actor", "note"),
    filters=(
        Filter("act", gettext_lazy("Any act"), Act.choices, _of("act")),
        Filter("kind", gettext_lazy("Anything"), list(KIND_NAMES.items()), _of("kind")),
    ),
    sort="-at",
    per_page=50,
)


class Line(NamedTuple):
    """One entry as a line: what it is about in words, and where that is, "" where it is nowhere."""

    entry: AuditEntry
    act: str
    kind: str
    place: str
    name: str
    actor: str


def tell(entries: Iterable[AuditEntry]) -> list[Line]:
    told = list(entries)
    places = find_places({(each.kind, each.subject) for each in told})
    return [
        Line(
            each,
            str(Act(each.act).label if each.act in Act.values else each.act),
            str(KIND_NAMES.get(each.kind, each.kind.replace("_", " "))),
            places.get((each.kind, each.subject), ""),
            gettext(NUMBERED[each.kind]) % {"number": each.subject} if each.kind in NUMBERED else each.name,
            write_known(each.actor),
        )
        for each in told
    ]


@needs(Ability.LOOK)
def show_audit(request: HttpRequest) -> HttpResponse:
    rows = AuditEntry.objects.defer("before", "after")
    if subject := request.GET.get("subject", "").replace("\0", ""):
        rows = rows.filter(subject=subject)
    for name, lookup in (("since", "at__date__gte"), ("until", "at__date__lte")):
        day = _read_day(request.GET.get(name, ""))
        if day is not None:
            rows = rows.filter(**{lookup: day})
    listing = LISTING.show(request, rows)
    context = {"title": _("Audit trail"), "listing": listing, "lines": tell(listing.rows)}
    return show(request, "studio/audit/audit.html", context)


def _read_day(text: str) -> Any:
    try:
        return parse_date(text)
    except ValueError:
        return None


@needs(Ability.LOOK)
def show_entry(request: HttpRequest, pk: int) -> HttpResponse:
    """One act, with how it was before and after."""
    (line,) = tell([get_object_or_404(AuditEntry, pk=pk)])
    context = {"title": f"{line.act}: {line.name}", "line": line, "told": compare(line.entry)}
    return show(request, "studio/audit/entry.html", context)


def compare(entry: AuditEntry) -> list[Told]:
    """What an act changed, field by field; of definitions in words."""
    if entry.kind in KINDS:
        return tell_differences(entry.kind, entry.before, entry.after)
    fields = {**entry.before, **entry.after}
    found = [Difference(each, _say(entry.before.get(each)), _say(entry.after.get(each))) for each in fields]
    labels = ORGANISATION_FIELDS if entry.kind == "organisation" else {}
    return [Told(str(labels.get(each.field, each.label)), each) for each in found]


def _say(value: Any) -> str:
    if value is None:
        return "–"
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
