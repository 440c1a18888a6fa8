"""The pages of slots: the list, the form, the live order of the rules in one."""

from collections.abc import Sequence
from typing import Any

from django.contrib import messages
from django.db.models import Count, Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from rules.asked import list_asked, list_pages
from rules.drafts import InUse, Overtaken, list_revisions, remove_draft, save_draft
from rules.models import Rule, Slot
from rules.ordering import OrderOvertaken, find_shares, list_steps, save_order
from rules.revisions import say_overtaken
from rules.validating import BadDraft
from studio.lists import PER_PAGE, Column, Filter, Listing
from studio.pages import StudioRequest, find_by, needs, refuse, show
from studio.roles import Ability
from studio.rules.forms import SlotForm
from studio.rules.moving import Move, move, read_order, write_order
from studio.rules.rows import tell
from studio.standing import find_standing

LISTING = Listing(
    (
        Column(_("Slot"), ("name",)),
        Column(_("Where"), ("channel",)),
        Column(_("When no rule matches"), ("default__name",)),
        Column(_("Rules"), ("live_rules",), "number"),
        Column(_("Last asked for")),
        Column(_("Asked by")),
    ),
    search=("name", "slug"),
    filters=(
        Filter("channel", _("Everywhere"), Slot.Channel.choices, lambda rows, value: rows.filter(channel=value)),
        Filter(
            "rules",
            _("With or without rules"),
            [("some", _("With rules")), ("none", _("Without rules"))],
            lambda rows, value: rows.filter(live_rules__gt=0) if value == "some" else rows.filter(live_rules=0),
        ),
    ),
    sort="name",
)


@needs(Ability.LOOK)
def show_slots(request: HttpRequest) -> HttpResponse:
    slots = Slot.objects.select_related("default").annotate(
        live_rules=Count("rules", filter=Q(rules__live=True)), all_rules=Count("rules")
    )
    context = {"title": gettext("Slots"), "listing": LISTING.show(request, slots)}
    return show(request, "studio/slots/list.html", context)


@needs(Ability.LOOK)
def show_slots_asked(request: HttpRequest) -> HttpResponse:
    """Of the slots that the address names: when and by whom they were asked for last."""
    slugs = request.GET.getlist("slot")[:PER_PAGE]
    known = list(Slot.objects.filter(slug__in=slugs).values_list("slug", flat=True))
    asked = list_asked(known) if known else {}
    return show(request, "studio/slots/list_asked.html", {"rows": [(slug, asked.get(slug)) for slug in known]})


@needs(Ability.EDIT, methods=("GET", "HEAD", "POST"))
def show_slot_new(request: HttpRequest) -> HttpResponse:
    form = SlotForm(request.POST or None, instance=Slot())
    if request.method == "POST":
        if form.is_valid() and _save(request, form):
            return redirect("studio:slot", form.instance.slug)
        return show(request, "studio/slots/new.html", {"title": gettext("New slot"), "form": form}, status=422)
    return show(request, "studio/slots/new.html", {"title": gettext("New slot"), "form": form})


@needs(Ability.LOOK, methods=("GET", "HEAD", "POST"))
def show_slot(request: StudioRequest, slug: str) -> HttpResponse:
    """The slot, the order of its rules, its form; with POST the draft is changed."""
    slot = get_object_or_404(Slot.objects.select_related("default"), slug=slug)
    if request.method != "POST":
        return _show(request, slot, SlotForm(instance=slot))
    if not request.visitor.may(Ability.EDIT):
        return refuse(request, request.visitor, Ability.EDIT)
    form = SlotForm(request.POST, instance=slot)
    if form.is_valid() and _save(request, form):
        return redirect("studio:slot", slug)
    return _show(request, get_object_or_404(Slot.objects.select_related("default"), slug=slug), form, status=422)


def _save(request: HttpRequest, form: SlotForm) -> bool:
    slot, is_new = form.instance, form.instance.pk is None
    seen = 0 if is_new else form.cleaned_data.get("seen_version")
    try:
        revision = save_draft(slot, by=find_by(request), at=timezone.now(), expected=seen)
    except Overtaken as error:
        since = [each for each in list_revisions("slot", slot.slug) if each.version > (seen or 0)]
        form.add_error(None, say_overtaken(since) if error.current else gettext("It was removed meanwhile."))
        return False
    except BadDraft as error:
        for field, message in error.problems:
            form.add_error(field if field in form.fields else None, message)
        return False
    said = gettext("Nothing was changed.") if revision is None else gettext("Saved. Pages see it once it is published.")
    messages.success(request, said)
    return True


def _show(request: HttpRequest, slot: Slot, form: SlotForm, *, status: int = 200) -> HttpResponse:
    steps = list_steps(slot)
    rules = [rule for step in steps for rule in step]
    tell(rules)
    context: dict[str, Any] = {
        "title": slot.name,
        "slot": slot,
        "form": form,
        "steps": _draw(steps),
        "rules": rules,
        "order": write_order([[rule.slug for rule in step] for step in steps]),
        "seen": " ".join(f"{rule.slug}:{rule.version}" for rule in rules),
        "standing": find_standing(slot),
        "host": f"{request.scheme}://{request.get_host()}",
        "names": ", ".join(rule.name for rule in rules),
    }
    return show(request, "studio/slots/slot.html", context, status=status)


def _draw(steps: Sequence[Sequence[Rule]]) -> list[dict[str, Any]]:
    """Each step with its rules and, where some are drawn, of how many per cent of people each is first."""
    drawn = []
    for step in steps:
        shares = find_shares(step)
        rows = [{"rule": rule, "share": None if shares is None else shares.get(rule.slug)} for rule in step]
        drawn.append({"rows": rows, "is_shared": len(step) > 1, "is_drawn": shares is not None})
    return drawn


@needs(Ability.LOOK)
def show_slot_pages(request: HttpRequest, slug: str) -> HttpResponse:
    """Where it was asked for lately."""
    slot = get_object_or_404(Slot, slug=slug)
    context = {"asked": list_asked([slug]).get(slug), "pages": list_pages(slug), "slot": slot}
    return show(request, "studio/slots/pages.html", context)


@needs(Ability.EDIT, methods=("POST",))
def do_order(request: HttpRequest, slug: str) -> HttpResponse:
    """Saves the order of the rules: as it was arranged, or with the one move of a button."""
    slot = get_object_or_404(Slot, slug=slug)
    try:
        steps = read_order(request.POST.get("order", ""))
        asked, _colon, rule = request.POST.get("move", "").partition(":")
        if asked:
            steps = move(steps, rule, Move(asked))
        revisions = save_order(
            slot, steps, seen=_read_seen(request.POST.get("seen", "")), by=find_by(request), at=timezone.now()
        )
    except OrderOvertaken as error:
        messages.error(request, _say_overtaken(request, error))
    except (ValueError, BadDraft) as error:
        messages.error(request, gettext("The order was not saved: %(why)s.") % {"why": error})
    else:
        said = gettext("The order is saved. Visitors see it once it is published.")
        messages.success(request, said if revisions else gettext("The order is as it was."))
    return redirect(f"{request.path.removesuffix('order/')}#order")


def _read_seen(said: str) -> dict[str, int]:
    pairs = (each.rpartition(":") for each in said.split())
    return {slug: int(version) for slug, _colon, version in pairs if version.isascii() and version.isdigit()}


def _say_overtaken(request: HttpRequest, error: OrderOvertaken) -> str:
    seen = _read_seen(request.POST.get("seen", "")).get(error.rule, 0)
    since = [each for each in list_revisions("rule", error.rule) if each.version > seen]
    name = Rule.objects.filter(slug=error.rule).values_list("name", flat=True).first() or error.rule
    return f"{name}: {say_overtaken(since)}"


@needs(Ability.EDIT, methods=("POST",))
def do_remove_slot(request: HttpRequest, slug: str) -> HttpResponse:
    """Removes the slot with its rules; what is published stays until the next Book."""
    slot = get_object_or_404(Slot, slug=slug)
    names = ", ".join(slot.rules.order_by("-priority").values_list("name", flat=True))
    seen = request.POST.get("seen_version", "")
    expected = int(seen) if seen.isascii() and seen.isdigit() and len(seen) < 10 else None
    try:
        remove_draft(slot, by=find_by(request), at=timezone.now(), expected=expected)
    except (InUse, Overtaken) as error:
        messages.error(request, gettext("Nothing was removed: %(why)s.") % {"why": error})
        return redirect("studio:slot", slug)
    told = {"name": slot.name, "rules": names}
    said = gettext("“%(name)s” is removed, with its rules: %(rules)s.") if names else gettext("“%(name)s” is removed.")
    messages.success(request, said % told)
    return redirect("studio:slots")
