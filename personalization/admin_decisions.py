"""The operators' pages of decisions: the newest, those of a person, and one with every reason."""

from typing import Any
from uuid import UUID

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.views.decorators.http import require_safe

from personalization.preview import flatten, list_rows, say_node, say_observed
from personalization.replaying import NotExplainable, RuleExplained, explain_decision
from personalization.wiring import read_memory
from profiles.queries import find_profiles
from rules.models import Book, Decision, DecisionOutcome
from segments.conditions.parse import parse_condition

LOOK = ("rules.view_decision", "profiles.view_storedprofile")
SHOWN = 50


class SearchForm(forms.Form):
    person = forms.CharField(
        required=False,
        max_length=512,
        help_text="A user id, an anonymous id, a profile id, or the id of a decision.",
        widget=forms.TextInput({"class": "vTextField", "autocomplete": "off"}),
    )


@require_safe
def show_decisions(request: HttpRequest) -> HttpResponse:
    """The newest decisions, or those that a search finds."""
    _require_look(request)
    form = SearchForm(request.GET)
    term = form.cleaned_data["person"].strip() if form.is_valid() else ""
    found = list(_find(term).order_by("-at", "-id")[:SHOWN])
    return _show(request, "list", {"title": "Decisions", "form": form, "term": term, "decisions": found, "most": SHOWN})


@require_safe
def show_decision(request: HttpRequest, id: UUID) -> HttpResponse:
    """One decision, answered again, with each rule of each slot."""
    _require_look(request)
    decision = Decision.objects.filter(id=id).first()
    if decision is None:
        raise Http404("no such decision")
    context: dict[str, Any] = {"title": f"Decision {id.hex}", "decision": decision}
    context["outcomes"] = DecisionOutcome.objects.filter(decision_id=id).order_by("at")[:SHOWN]
    try:
        explanation = explain_decision(decision, read_memory())
    except NotExplainable as error:
        context["problem"] = str(error)
    else:
        said = _read_rules(decision.book)
        context["same"] = explanation.same
        context["slots"] = [
            (slot, told.recorded, [(rule, _list_reasons(rule, said.get(rule.rule))) for rule in told.rules])
            for slot, told in explanation.slots.items()
        ]
    return _show(request, "one", context)


def _find(term: str) -> Any:
    if not term:
        return Decision.objects.all()
    people = find_profiles(term)
    decisions = Decision.objects.filter(profile_id__in=people)
    try:
        return decisions | Decision.objects.filter(id=UUID(term))
    except ValueError:
        return decisions


def _read_rules(number: int) -> dict[str, Any]:
    payload = Book.objects.values_list("payload", flat=True).get(number=number)
    return {rule["slug"]: rule for rule in payload["rules"]}


def _list_reasons(rule: RuleExplained, said: Any) -> list[tuple[range, str, bool, str]]:
    """The nodes of the rule's condition in words, each with whether it held and what was found."""
    if rule.condition is None or said is None or said["condition"] is None:
        return []
    nodes = list_rows(parse_condition(said["condition"]))
    return [
        (depth, say_node(node), told.matched, say_observed(node, told.observed))
        for (depth, node), told in zip(nodes, flatten(rule.condition), strict=True)
    ]


def _require_look(request: HttpRequest) -> None:
    if not request.user.has_perms(LOOK):
        raise PermissionDenied


def _show(request: HttpRequest, page: str, context: dict[str, Any]) -> HttpResponse:
    common = {**admin.site.each_context(request), "opts": Book._meta}
    return TemplateResponse(request, f"admin/rules/decision/{page}.html", {**common, **context})
