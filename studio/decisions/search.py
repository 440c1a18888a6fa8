"""Finding decisions: by person and time through their indexes, by all else among so many of the newest at a time."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django import forms
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from personalization.paging import WALKED, BadCursor, Page, parse_cursor, read_time, take_page, write_cursor
from profiles.queries import TAKEN_OVER, find_profiles, list_former
from rules.models import Block, Book, Decision, Rule, Slot
from studio.decisions.words import DOORS, KEPT, REASONS
from studio.fields import MomentField
from studio.forms import StudioForm
from studio.people.names import Names

PER_PAGE = 25
MAX_TERM = 512


class SearchForm(StudioForm):
    """Everything is optional; what means nothing says so, and is passed over."""

    q = forms.CharField(label=_("Person or decision"), required=False, max_length=MAX_TERM)
    slot = forms.CharField(label=_("Slot"), required=False, max_length=64)
    rule = forms.CharField(label=_("Rule shown"), required=False, max_length=64)
    block = forms.CharField(label=_("Block shown"), required=False, max_length=64)
    reason = forms.ChoiceField(
        label=_("Reason"),
        required=False,
        choices=[("", _("Any")), *((str(key), said) for key, said in REASONS.items())],
    )
    kept = forms.ChoiceField(
        label=_("A rule kept back by"),
        required=False,
        choices=[("", _("Anything")), *((str(key), said) for key, said in KEPT.items())],
    )
    door = forms.ChoiceField(label=_("Door"), required=False, choices=[("", _("Any")), *DOORS.items()])
    source = forms.CharField(label=_("Source"), required=False, max_length=64)
    since = MomentField(
        label=_("From"),
        required=False,
    )
    until = MomentField(
        label=_("To"),
        required=False,
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in ("slot", "rule", "block"):
            self.fields[name].widget.attrs |= {"list": f"known-{name}s", "autocomplete": "off"}
        self.fields["q"].widget.attrs |= {"autocomplete": "off", "data-search": "", "placeholder": _("An id, whole")}


@dataclass(frozen=True)
class Found:
    """One page of decisions. `older` is the query of the next one; `is_first` says that nothing newer is left out.
    `is_bounded` says that so many were looked at and older ones were not."""

    rows: list[Decision]
    older: str
    is_first: bool
    is_narrowed: bool
    is_bounded: bool
    walked: int = WALKED


def find_decision_id(term: str) -> UUID | None:
    """Of a term that is the id of a decision."""
    try:
        id = UUID(term)
    except ValueError:
        return None
    return id if Decision.objects.filter(id=id).exists() else None


def find_decisions(request: Any, said: Mapping[str, Any]) -> Found:
    """`said` are the values of the form that are valid; the address says where the page begins."""
    decisions = Decision.objects.defer("context", "facts")
    if said.get("q"):
        decisions = decisions.filter(profile_id__in=_find_person(said["q"].strip()))
    if isinstance(said.get("since"), datetime):
        decisions = decisions.filter(at__gte=said["since"])
    if isinstance(said.get("until"), datetime):
        decisions = decisions.filter(at__lt=said["until"])
    try:
        cursor = parse_cursor(request.GET.get("cursor"), read_time, UUID)
    except BadCursor:
        cursor = None
    matching = _match(said)
    page: Page[Decision] = take_page(decisions, order=("-at", "-id"), after=cursor, limit=PER_PAGE, matching=matching)
    narrowed = {key: value for key in SearchForm.base_fields if (value := request.GET.get(key))}
    older = "" if page.after is None else "?" + urlencode({**narrowed, "cursor": write_cursor(page.after)})
    is_bounded = matching is not None and bool(older) and len(page.rows) < PER_PAGE
    return Found(page.rows, older, cursor is None, bool(narrowed), is_bounded)


def _find_person(term: str) -> set[UUID]:
    """The profiles that the term stands for, with those that became part of them."""
    found = find_profiles(term)
    for profile_id in list(found)[:TAKEN_OVER]:
        found |= set(list_former(profile_id)[:TAKEN_OVER])
    return found


def _match(said: Mapping[str, Any]) -> Q | None:
    """What no index answers; of one answer where it is about slots."""
    answer: dict[str, Any] = {
        name: said[name].strip() for name in ("slot", "rule", "block", "reason") if said.get(name)
    }
    if said.get("kept"):
        answer["suppressed"] = [{"why": said["kept"]}]
    found = Q()
    if answer:
        found &= Q(answers__contains=[answer])
    for name in ("door", "source"):
        if said.get(name):
            found &= Q((name, said[name].strip()))
    return found if found else None


def name_by_book(decision: Decision) -> Names:
    """What slugs were called in the Book that decided."""
    payload = Book.objects.filter(number=decision.book).values_list("payload", flat=True).first() or {}
    return Names(
        rules={each["slug"]: each.get("name") or each["slug"] for each in payload.get("rules", ())},
        blocks={slug: each.get("name") or slug for slug, each in payload.get("blocks", {}).items()},
        slots={slug: each.get("name") or slug for slug, each in payload.get("slots", {}).items()},
    )


def list_known() -> dict[str, list[tuple[str, str]]]:
    """What one may search by, as it is defined now."""
    kinds: tuple[tuple[str, Any], ...] = (("slots", Slot), ("rules", Rule), ("blocks", Block))
    return {
        name: list(model._default_manager.order_by("name").values_list("slug", "name")[:500]) for name, model in kinds
    }
