"""The pages of decisions: the stream and the search, one decision, and why it was what it was."""

from collections.abc import Iterator, Mapping
from operator import itemgetter
from typing import Any
from uuid import UUID

from django.http import Http404, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.translation import gettext as _

from personalization.replaying import NotExplainable
from profiles.writing import write_moment
from rules.engine import Reason
from rules.models import Decision, DecisionOutcome
from rules.tally import EVERYBODY
from studio.decisions.explaining import tell_explanation
from studio.decisions.search import SearchForm, find_decision_id, find_decisions, list_known, name_by_book
from studio.decisions.words import OUTCOMES, say_door, say_kept, say_reason
from studio.masking import mask, mask_values
from studio.pages import StudioRequest, is_part, needs, show
from studio.people.names import find_names, name_people
from studio.roles import Ability

MOST_OUTCOMES = 100
FIRST = ("q", "slot", "rule")  # what is searched by most; the other fields unfold


@needs(Ability.PEOPLE)
def show_decisions(request: StudioRequest) -> HttpResponse:
    """The newest decisions, or those that a search finds; it looks again by itself."""
    form = SearchForm(request.GET)
    form.is_valid()
    said = form.cleaned_data
    if said.get("q") and (id := find_decision_id(said["q"].strip())) is not None and not is_part(request):
        return redirect("studio:decision", id)
    found = find_decisions(request, said)
    names = find_names(answers=(answer for decision in found.rows for answer in decision.answers))
    asked_for = [each.profile_id for each in found.rows if each.profile_id is not None]
    people = name_people(asked_for, sees=request.visitor.sees_personal_data)
    rows = [
        {
            "decision": each,
            "person": None if each.profile_id is None else people[each.profile_id],
            "door": say_door(each.door),
            "answers": [
                {
                    "slot": names.slots.get(one["slot"], one["slot"]),
                    "rule": one["rule"] and names.rules.get(one["rule"], one["rule"]),
                    "reason": say_reason(one["reason"]),
                }
                for one in each.answers
            ],
        }
        for each in found.rows
    ]
    context = {
        "title": _("Decisions"),
        "form": form,
        "found": found,
        "rows": rows,
        "first": [form[name] for name in FIRST],
        "rest": [form[name] for name in form.fields if name not in FIRST],
        "more": any(request.GET.get(name) for name in form.fields if name not in FIRST),
        "now": timezone.now(),
        "query": request.GET.urlencode(),
    }
    if is_part(request):
        return show(request, "studio/decisions/stream.html", context)
    return show(request, "studio/decisions/list.html", {**context, "known": list_known()})


@needs(Ability.PEOPLE)
def show_decision(request: StudioRequest, id: UUID) -> HttpResponse:
    """What was asked, what was answered, and what came of it."""
    decision = _find(id)
    sees = request.visitor.sees_personal_data
    there = find_names(answers=decision.answers)
    names = name_by_book(decision)
    answers = [
        {
            **each,
            "name": names.slots.get(each["slot"], each["slot"]),
            "rule_name": each["rule"] and names.rules.get(each["rule"], each["rule"]),
            "has_rule": each["rule"] in there.rules,
            "block_name": each["block"] and names.blocks.get(each["block"], each["block"]),
            "has_block": each["block"] in there.blocks,
            "said": say_reason(each["reason"]),
            "before": [
                {"name": names.rules.get(one["rule"], one["rule"]), "why": say_kept(one["why"])}
                for one in each["suppressed"]
            ],
        }
        for each in decision.answers
    ]
    outcomes = DecisionOutcome.objects.filter(decision_id=id).order_by("at", "pk")[:MOST_OUTCOMES]
    context = {
        "title": _("Decision of %(at)s") % {"at": write_moment(decision.at)},
        "decision": decision,
        "person": None if (who := decision.profile_id) is None else name_people([who], sees=sees)[who],
        "door": say_door(decision.door),
        "answers": answers,
        "asked": sorted(_flatten(decision.context if sees else mask_values(decision.context))),
        "facts": _tell_facts(decision, sees),
        "outcomes": [(str(OUTCOMES.get(each.kind, each.kind)), each) for each in outcomes],
    }
    return show(request, "studio/decisions/decision.html", context)


@needs(Ability.PEOPLE)
def show_explanation(request: StudioRequest, id: UUID) -> HttpResponse:
    """It is answered again: whether it is the same, and each rule of each slot."""
    decision = _find(id)
    context: dict[str, Any] = {"decision": decision}
    try:
        told = tell_explanation(decision, sees_personal_data=request.visitor.sees_personal_data)
    except NotExplainable as error:
        context["problem"] = str(error)
    else:
        names = name_by_book(decision)
        context["told"] = told
        unknown = {each["slot"] for each in decision.answers if each["reason"] == Reason.UNKNOWN_SLOT}
        context["slots"] = [
            (names.slots.get(each.slot, each.slot), each) for each in told.slots if each.slot not in unknown
        ]
    return show(request, "studio/decisions/explanation.html", context)


def _find(id: UUID) -> Decision:
    decision = Decision.objects.filter(id=id).first()
    if decision is None:
        raise Http404("no such decision")
    return decision


def _flatten(said: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, Any]]:
    """What was sent along as one reads it: `page.path`, and its value."""
    for name, value in said.items():
        if isinstance(value, Mapping):
            yield from _flatten(value, f"{before}{name}.")
        else:
            yield f"{before}{name}", value


def _tell_counter(name: str, count: int) -> dict[str, Any]:
    """Of a rule's cap: whose it is, and for which period (rules.tally)."""
    kind, _colon, rest = name.partition(":")
    rule, _colon, period = rest.partition(":")
    return {"rule": rule, "of_everybody": f"{kind}:" == EVERYBODY, "period": period.partition(":")[0], "count": count}


def _tell_facts(decision: Decision, sees: bool) -> dict[str, Any]:
    """What was known besides the Book: audiences, counters, codes that were left, what had been granted."""
    facts = decision.facts
    granted, members = facts.get("granted", {}), dict(facts.get("members", ()))
    names = find_names(audiences=members).audiences
    return {
        "members": sorted(((slug, names.get(slug, slug)) for slug in members), key=itemgetter(1)),
        "counts": [_tell_counter(name, count) for name, count in sorted(facts.get("counts", {}).items())],
        "stock": sorted(facts.get("stock", {}).items()),
        "granted": sorted(granted.items() if sees else ((name, mask(str(code))) for name, code in granted.items())),
    }
