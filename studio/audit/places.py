"""Where what the audit trail is about can be looked at; what was removed, where it can be brought back."""

from collections.abc import Collection

from django.db.models import Value
from django.urls import NoReverseMatch, reverse

from ingestion.models import Source
from rules.describe import KINDS

About = tuple[str, str]  # the kind and the subject of an entry

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
NAMED_BY_SLUG = {**KINDS, "source": Source}  # those that can be removed


def find_places(subjects: Collection[About]) -> dict[About, str]:
    """The addresses of those that have one, with one query."""
    there = _find_there(subjects)
    places = {}
    for kind, subject in subjects:
        is_gone = kind in NAMED_BY_SLUG and (kind, subject) not in there
        try:
            places[kind, subject] = _find_past(kind, subject) if is_gone else _find(kind, subject)
        except NoReverseMatch:
            continue
    return places


def _find_there(subjects: Collection[About]) -> set[About]:
    """Those of what can be removed that are there, of all kinds at once."""
    first, *others = (
        model._default_manager.order_by()
        .filter(slug__in=[subject for each, subject in subjects if each == kind])
        .values_list(Value(kind), "slug")
        for kind, model in NAMED_BY_SLUG.items()
    )
    return set(first.union(*others, all=True))


def _find(kind: str, subject: str) -> str:
    if kind == "organisation":
        return reverse("studio:organisation")
    return reverse(PLACES[kind], args=[subject]) if kind in PLACES else ""


def _find_past(kind: str, subject: str) -> str:
    match kind:
        case "segment":
            return reverse("studio:audiences_removed")
        case "rule" | "slot":
            return reverse("studio:draft_history", args=[kind, subject])
        case "block" | "offer":
            return reverse(f"studio:{kind}_history", args=[subject])
    return ""
