"""The page of one rule: its form, what it says while one types, copies and removal."""

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.utils.translation import gettext

from rules.copying import copy_rule
from rules.models import Block, Offer, Rule, Slot
from rules.starters import STARTERS, DoesNotFit, apply_starter
from rules.validating import BadDraft
from segments.models import Segment
from studio.pages import StudioRequest, find_by, needs, refuse, show
from studio.roles import Ability
from studio.rules.drafting import read_typed, speak
from studio.rules.forms import RuleForm, StarterForm
from studio.saving import save_form, try_to_remove
from studio.standing import find_standing

RELATED = ("slot", "block", "block__fallback", "offer")
BEGIN = ("name", "slot", "block", "offer", "audience")  # what an address may begin a new rule with
CHOICES = {"block": Block, "offer": Offer, "audience": Segment}


@needs(Ability.EDIT, methods=("GET", "HEAD", "POST"))
def show_rule_new(request: HttpRequest) -> HttpResponse:
    """The empty form and the templates; with POST the draft is made."""
    if request.method == "POST":
        form = RuleForm(request.POST, instance=Rule())
        if save_form(request, form):
            return redirect("studio:rule", form.instance.slug)
        return _show_form(request, form, Rule(), status=422)
    begin: dict[str, Any] = {key: request.GET[key] for key in BEGIN if request.GET.get(key)}
    rule = Rule()
    if slot := Slot.objects.filter(slug=begin.get("slot", "").replace("\0", "")).first():
        highest = slot.rules.order_by("-priority").values_list("priority", flat=True).first()
        rule.slot, rule.priority = slot, 0 if highest is None else highest + 10
    begin = {"live": True, "priority": rule.priority, **begin}
    return _show_form(request, RuleForm(instance=Rule(), initial=begin), rule)


@needs(Ability.LOOK, methods=("GET", "HEAD", "POST"))
def show_rule(request: StudioRequest, slug: str) -> HttpResponse:
    """The form; with POST the draft is changed."""
    rule = get_object_or_404(Rule.objects.select_related(*RELATED), slug=slug)
    if request.method != "POST":
        return _show_form(request, RuleForm(instance=rule), rule)
    if not request.visitor.may(Ability.EDIT):
        return refuse(request, request.visitor, Ability.EDIT)
    form = RuleForm(request.POST, instance=rule)
    if save_form(request, form):
        return redirect("studio:rule", slug)
    return _show_form(request, form, get_object_or_404(Rule.objects.select_related(*RELATED), slug=slug), status=422)


def _show_form(request: HttpRequest, form: RuleForm, rule: Rule, *, status: int = 200) -> HttpResponse:
    is_new = rule.pk is None
    context: dict[str, Any] = {"title": gettext("New rule") if is_new else rule.name, "form": form, "rule": rule}
    typed = read_typed(request.POST, _find_fresh(rule)) if form.is_bound else rule
    context["spoken"] = speak(typed, with_findings=False)
    if is_new:
        context |= {"starters": STARTERS, "start": StarterForm(auto_id="start_%s"), "slots": Slot.objects.exists()}
    else:
        context |= {"standing": find_standing(rule), "slug": rule.slug}
    return show(request, "studio/rules/rule.html", context, status=status)


def _find_fresh(rule: Rule) -> Rule:
    """As it is stored, for a form of its own."""
    return Rule() if rule.pk is None else Rule.objects.select_related(*RELATED).get(pk=rule.pk)


@needs(Ability.LOOK, methods=("GET", "HEAD", "POST"))
def show_live(request: HttpRequest, slug: str = "") -> HttpResponse:
    """The rule as it stands in the form, with GET as it is stored: in words, its place, what is to be known of it."""
    stored = get_object_or_404(Rule.objects.select_related(*RELATED), slug=slug) if slug else Rule()
    rule = read_typed(request.POST, stored) if request.method == "POST" else stored
    return show(request, "studio/rules/live.html", {"spoken": speak(rule), "is_part": True})


@needs(Ability.EDIT)
def show_choices(request: HttpRequest, kind: str) -> HttpResponse:
    """The blocks, offers or audiences there are by now, as options."""
    model = CHOICES.get(kind)
    if model is None:
        raise Http404
    field: Any = RuleForm(instance=Rule()).fields[kind]
    chosen = request.GET.get("chosen", "")
    options = [(str(value), label, str(value) == chosen) for value, label in field.choices]
    return show(request, "studio/rules/choices.html", {"options": options})


@needs(Ability.EDIT, methods=("POST",))
def do_copy(request: HttpRequest, slug: str) -> HttpResponse:
    rule = get_object_or_404(Rule, slug=slug)
    try:
        copy = copy_rule(rule, by=find_by(request), at=timezone.now())
    except BadDraft as error:
        messages.error(request, gettext("It cannot be copied: %(why)s") % {"why": error})
        return redirect("studio:rule", slug)
    messages.success(request, gettext("A copy, which is not live. Change what differs, and save."))
    return redirect("studio:rule", copy.slug)


@needs(Ability.EDIT, methods=("POST",))
def do_remove(request: HttpRequest, slug: str) -> HttpResponse:
    """Removes the draft; what is published stays until the next Book."""
    rule = get_object_or_404(Rule, slug=slug)
    if not try_to_remove(request, rule):
        return redirect("studio:rule", slug)
    said = gettext("“%(name)s” is removed. Visitors see it until the next Book. It can be brought back.")
    messages.success(request, said % {"name": rule.name})
    return redirect("studio:rules")


@needs(Ability.EDIT, methods=("POST",))
def do_start(request: HttpRequest) -> HttpResponse:
    """The drafts of a template are made, and its rule is shown."""
    form = StarterForm(request.POST, auto_id="start_%s")
    if form.is_valid():
        chosen, slot = form.cleaned_data["starter"], form.cleaned_data["slot"]
        try:
            rule = apply_starter(chosen, slot=slot, by=find_by(request), at=timezone.now())
        except (DoesNotFit, BadDraft) as error:
            form.add_error(None, str(error))
        else:
            starter = next(each for each in STARTERS if each.name == chosen)
            said = gettext("The drafts of “%(name)s” are made, and none is live. %(adapt)s")
            messages.success(request, said % {"name": rule, "adapt": gettext(starter.adapt)})
            return redirect("studio:rule", rule.slug)
    for errors in form.errors.values():
        for each in errors:
            messages.error(request, str(each))
    return redirect("studio:rule_new")
