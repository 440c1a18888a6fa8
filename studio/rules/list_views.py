"""The list of rules, the figures of its rows, and what was removed of rules and slots."""

from datetime import timedelta

from django.contrib import messages
from django.db.models.fields.json import KT
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.translation import gettext

from rules.drafts import restore_revision
from rules.findings import list_findings
from rules.models import Revision, Rule, Slot
from rules.performance import measure_rules
from rules.revisions import list_removed
from rules.validating import BadDraft
from studio.lists import PER_PAGE
from studio.pages import find_by, needs, show
from studio.roles import Ability
from studio.rules.rows import make_listing, say_effects, tell

WEEK = timedelta(days=7)
KINDS = {"rule": Rule, "slot": Slot}


@needs(Ability.LOOK)
def show_rules(request: HttpRequest) -> HttpResponse:
    rules = Rule.objects.select_related("slot", "block", "offer")
    listing = make_listing(timezone.now()).show(request, rules)
    tell(list(listing.rows))
    context = {
        "title": gettext("Rules"),
        "listing": listing,
        "has_slots": bool(listing.rows) or Slot.objects.exists(),
    }
    return show(request, "studio/rules/list.html", context)


@needs(Ability.LOOK)
def show_figures(request: HttpRequest) -> HttpResponse:
    """Of the rules that the address names: how they did in 7 days, and what is to be known of them; parts of the list
    that take their places."""
    slugs = request.GET.getlist("rule")[:PER_PAGE]
    known = list(Rule.objects.filter(slug__in=slugs).values_list("slug", flat=True))
    now = timezone.now()
    figures = {each.rule: each for each in measure_rules(since=now - WEEK, until=now, rules=known)} if known else {}
    findings = list_findings() if known else {}
    rows = [
        {"slug": slug, "figures": figures.get(slug), "effects": say_effects(findings.get(slug, ()))} for slug in known
    ]
    return show(request, "studio/rules/list_figures.html", {"rows": rows})


@needs(Ability.EDIT, methods=("GET", "HEAD", "POST"))
def show_removed(request: HttpRequest) -> HttpResponse:
    """Rules and slots that were removed; with POST one comes back as it was."""
    if request.method == "POST":
        return _bring_back(request)
    removed = [each for kind in ("slot", "rule") for each in list_removed(kind)]
    before = _find_last(removed)
    rows = [{"revision": each, "name": before.get((each.kind, each.slug), each.slug)} for each in removed]
    return show(request, "studio/rules/removed.html", {"title": gettext("Removed"), "rows": rows})


def _find_last(removed: list[Revision]) -> dict[tuple[str, str], str]:
    """What they were called last."""
    slugs = {each.slug for each in removed}
    known = Revision.objects.filter(kind__in=KINDS, slug__in=slugs, definition__isnull=False)
    newest = known.order_by("kind", "slug", "-version", "-pk").distinct("kind", "slug")
    return {
        (kind, slug): str(name or slug)
        for kind, slug, name in newest.values_list("kind", "slug", KT("definition__name"))
    }


def _bring_back(request: HttpRequest) -> HttpResponse:
    kind, slug = request.POST.get("kind", ""), request.POST.get("slug", "").replace("\0", "")
    if kind not in KINDS:
        raise Http404
    known = Revision.objects.filter(kind=kind, slug=slug, definition__isnull=False)
    revision = known.order_by("-version", "-pk").first()
    if revision is None or KINDS[kind]._default_manager.filter(slug=slug).exists():
        messages.info(request, gettext("That is there already, or never was."))
        return redirect("studio:rules_removed")
    try:
        restore_revision(revision, by=find_by(request), at=timezone.now())
    except BadDraft as error:
        problems = " ".join(message for _, message in error.problems)
        messages.error(request, gettext("It cannot come back: %(why)s") % {"why": problems})
        return redirect("studio:rules_removed")
    messages.success(request, gettext("It is back, as it was. Visitors see it once it is published."))
    return redirect(f"studio:{kind}", slug)
