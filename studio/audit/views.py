"""The audit trail: who did what, to what, when, and how it was before and after."""

from typing import Any, NamedTuple

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import NoReverseMatch, reverse
from django.utils.dateparse import parse_date
from django.utils.translation import gettext, gettext_lazy, gettext_noop
from django.utils.translation import gettext as _

from profiles.audit import Act
from profiles.models import AuditEntry
from profiles.writing import write_known
from rules.comparing import Difference, compare_definitions
from rules.describe import KINDS
from studio.lists import Column, Filter, Listing, Rows
from studio.pages import needs, show
from studio.roles import Ability

# Where what an entry is about can be looked at.
PLACES = {
    "segment": "studio:audience",
    "rule": "studio:rule",
    "slot": "studio:slot",
    "block": "studio:block",
    "offer": "studio:offer",
    "book": "studio:book",
    "person": "studio:person",
    "source": "studio:source",
}
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
    """One entry as a line: what it is about in words, and where that is."""

    entry: AuditEntry
    act: str
    kind: str
    place: str
    name: str
    actor: str


def tell(entry: AuditEntry) -> Line:
    kind = str(KIND_NAMES.get(entry.kind, entry.kind.replace("_", " ")))
    act = Act(entry.act).label if entry.act in Act.values else entry.act
    name = gettext(NUMBERED[entry.kind]) % {"number": entry.subject} if entry.kind in NUMBERED else entry.name
    return Line(entry, str(act), kind, find_place(entry.kind, entry.subject), name, write_known(entry.actor))


def find_place(kind: str, subject: str) -> str:
    """The address of what an entry is about; "" where it has none."""
    if kind not in PLACES:
        return ""
    try:
        return reverse(PLACES[kind], args=[subject])
    except NoReverseMatch:
        return ""


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
    context = {"title": _("Audit trail"), "listing": listing, "lines": [tell(entry) for entry in listing.rows]}
    return show(request, "studio/audit/audit.html", context)


def _read_day(text: str) -> Any:
    try:
        return parse_date(text)
    except ValueError:
        return None


@needs(Ability.LOOK)
def show_entry(request: HttpRequest, pk: int) -> HttpResponse:
    """One act, with how it was before and after."""
    line = tell(get_object_or_404(AuditEntry, pk=pk))
    context = {"title": f"{line.act}: {line.name}", "line": line, "differences": compare(line.entry)}
    return show(request, "studio/audit/entry.html", context)


def compare(entry: AuditEntry) -> list[Difference]:
    """What an act changed, field by field; of definitions in words."""
    if entry.kind in KINDS:
        return compare_definitions(entry.kind, entry.before, entry.after)
    fields = {**entry.before, **entry.after}
    return [Difference(each, _say(entry.before.get(each)), _say(entry.after.get(each))) for each in fields]


def _say(value: Any) -> str:
    if value is None:
        return "–"
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
