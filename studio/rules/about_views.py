"""Beside the form of a rule: its figures, and what one person would get."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import msgspec
from django import forms
from django.core.cache import cache
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from personalization.preview import Reason as Finding
from personalization.preview import say_reasons, trace
from personalization.privacy import visit_by
from personalization.visiting import Visit
from personalization.wiring import make_visits, redis_client
from profiles.glimpses import keep_glimpse
from profiles.models import StoredProfile
from profiles.organisation import find_zone
from profiles.queries import find_profiles
from rules.book import load_book
from rules.describe import describe_block, describe_offer, describe_rule
from rules.engine import Facts, Reason
from rules.models import Rule
from rules.performance import measure_rules
from rules.plain import make_text
from rules.queries import collect_definitions
from rules.stock import count_stock
from segments.conditions.calendar import Calendar
from segments.conditions.language import BadCondition
from segments.conditions.parse import parse_condition
from studio.decisions.words import say_kept
from studio.fields import MomentField
from studio.forms import StudioForm
from studio.pages import StudioRequest, find_by, needs, show
from studio.people.names import name_people
from studio.roles import Ability

SPANS = ((7, _("7 days")), (30, _("30 days")))
PAGE_KEPT_S = 14 * 86_400  # the page one looked at last
MOST_TEXT = 600


class PreviewForm(StudioForm):
    """`person` is any id of theirs; empty: somebody of whom nothing is known."""

    person = forms.CharField(required=False, max_length=512)
    at = MomentField(
        label=_("When"),
        required=False,
        help_text=_("Empty: now."),
    )
    url = forms.URLField(
        label=_("Page"),
        required=False,
        assume_scheme="https",
        help_text=_("Of a site with the snippet on it, to see it as this person, with everything that is drafted."),
    )

    def clean_url(self) -> str:
        url = str(self.cleaned_data["url"])
        if url and urlsplit(url).scheme not in ("http", "https"):
            raise forms.ValidationError(gettext("Give the address of a web page."))
        return url

    def clean_person(self) -> UUID | None:
        term = str(self.cleaned_data["person"]).strip()
        if not term:
            return None
        known = StoredProfile.objects.filter(pk__in=find_profiles(term)).values_list("pk", flat=True).first()
        if known is None:
            raise forms.ValidationError(gettext("Nobody is known by this id."))
        return known


@needs(Ability.LOOK)
def show_rule_figures(request: HttpRequest, slug: str) -> HttpResponse:
    """How often it was decided for, seen and clicked, and what orders followed."""
    rule = get_object_or_404(Rule.objects.select_related("offer"), slug=slug)
    now = timezone.now()
    spans = [(said, _measure(slug, now - timedelta(days=days), now)) for days, said in SPANS]
    stock = None if rule.offer is None else count_stock([rule.offer]).get(rule.offer.slug)
    return show(request, "studio/rules/figures.html", {"spans": spans, "rule": rule, "stock": stock})


def _measure(slug: str, since: datetime, until: datetime) -> Any:
    found = next(iter(measure_rules(since=since, until=until, rules=[slug])), None)
    if found is None:
        return None
    rate = 100 * found.clicks / found.impressions if found.impressions else None
    return {"said": found, "rate": None if rate is None else f"{rate:.1f} %"}


@needs(Ability.PEOPLE, methods=("GET", "HEAD", "POST"))
def show_preview(request: StudioRequest, slug: str) -> HttpResponse:
    """What one person would get in the rule's slot by what is drafted, and a link to the site as they see it."""
    rule = get_object_or_404(Rule.objects.select_related("slot", "block", "block__fallback", "offer"), slug=slug)
    begin = {"url": cache.get(_name_page(request)) or request.build_absolute_uri("/demo/")}
    form = PreviewForm(request.POST) if request.method == "POST" else PreviewForm(initial=begin)
    context: dict[str, Any] = {"title": gettext("Preview"), "rule": rule, "form": form, "zone": find_zone()}
    status = 200
    if form.is_bound and form.is_valid():
        asked = form.cleaned_data
        if asked["person"] is not None:
            sees = request.visitor.sees_personal_data
            context["chosen"] = name_people([asked["person"]], sees=sees)[asked["person"]]
        moment = None if asked["at"] is None else int(asked["at"].timestamp() * 1_000)
        try:
            context |= _look(rule, asked["person"], moment, find_by(request).get_username())
        except ValueError as error:
            form.add_error(None, gettext("What is drafted cannot be tried: %(why)s") % {"why": error})
        else:
            if asked["person"] is None or request.visitor.sees_personal_data:  # the site says who they are
                context["link"] = _link(request, asked["person"], asked["at"], asked["url"])
    if form.errors:
        status = 422
    return show(request, "studio/rules/preview.html", context, status=status)


def _look(rule: Rule, person: UUID | None, at: int | None, by: str) -> dict[str, Any]:
    """The answer by what is drafted, with this rule as if it were live, and why the rule is in it or not."""
    visit, visits = Visit(None if person is None else person.hex, at, True, by), make_visits()
    answer = visits.answer(visit, [rule.slot.slug], {}, live=load_book(msgspec.json.encode(_collect(rule))))
    shown = answer.slots[rule.slot.slug]
    kept = next((each.why for each in shown.suppressed if each.rule == rule.slug), None)
    winner = None if shown.rule in (None, rule.slug) else Rule.objects.filter(slug=shown.rule).first()
    return {
        "answer": shown,
        "is_shown": shown.rule == rule.slug and shown.reason == Reason.RULE_MATCHED,
        "kept": None if kept is None else say_kept(kept),
        "winner": winner,
        "content": _say_content(shown.block),
        "rows": _explain(rule, visits.read_facts(visit, {})),
    }


def _collect(rule: Rule) -> dict[str, Any]:
    said = collect_definitions(0)
    said["rules"] = [*(each for each in said["rules"] if each["slug"] != rule.slug), describe_rule(rule)]
    for block in filter(None, (rule.block, rule.block.fallback)):
        said["blocks"].setdefault(block.slug, describe_block(block))
    if rule.offer is not None:
        said["offers"].setdefault(rule.offer.slug, describe_offer(rule.offer))
    return said


def _explain(rule: Rule, facts: Facts) -> Sequence[Finding]:
    """Why its condition holds for them or does not, row by row; of the segments as they are drafted."""
    if rule.condition is None or not facts.known:
        return ()
    try:
        root = parse_condition(rule.condition)
    except BadCondition:
        return ()
    calendar = Calendar(find_zone())
    return say_reasons(trace(root, facts.profile, facts.profile.segments, facts.now, calendar))


def _say_content(block: msgspec.Raw | None) -> str:
    """The text of what is shown."""
    if block is None:
        return ""
    said = msgspec.json.decode(block)
    text = make_text(said["html"]) if "html" in said else str(said.get("json", ""))
    return text[:MOST_TEXT]


def _link(request: HttpRequest, person: UUID | None, at: datetime | None, url: str) -> str:
    """To the real page as they see it; who made it is in the trail."""
    if not url:
        return ""
    keep_glimpse(redis_client(), _name_page(request), url, seconds=PAGE_KEPT_S)
    return visit_by(person, [url], moment=at, draft=True, by=find_by(request), at=timezone.now())[0]


def _name_page(request: HttpRequest) -> str:
    return f"studio:visited:{find_by(request).pk}"
