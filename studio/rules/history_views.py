"""What each edit of a rule or slot changed, and going back to any of them."""

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext

from rules.comparing import compare_definitions
from rules.describe import KINDS, describe_draft
from rules.drafts import list_revisions, restore_revision
from rules.models import Revision
from rules.revisions import MOST, list_edits
from rules.validating import BadDraft
from studio.pages import find_by, needs, show
from studio.roles import Ability

DRAFTS = ("rule", "slot")


@needs(Ability.LOOK)
def show_history(request: HttpRequest, kind: str, slug: str) -> HttpResponse:
    """Every edit, the newest first, with what it changed."""
    if kind not in DRAFTS:
        raise Http404
    draft = KINDS[kind]._default_manager.filter(slug=slug).first()
    revisions = list_revisions(kind, slug)
    if draft is None and not revisions:
        raise Http404
    edits = list_edits(revisions[: MOST + 1])[:MOST]
    name = draft.name if draft is not None else slug
    context = {
        "title": gettext("History"),
        "kind": kind,
        "slug": slug,
        "name": name,
        "draft": draft,
        "edits": edits,
        "more": max(0, len(revisions) - MOST),
        "back": reverse(f"studio:{kind}", args=[slug]) if draft is not None else reverse("studio:rules_removed"),
    }
    return show(request, "studio/rules/history.html", context)


@needs(Ability.EDIT, methods=("GET", "HEAD", "POST"))
def show_restore(request: HttpRequest, kind: str, slug: str, number: int) -> HttpResponse:
    """How what is drafted now would change; with POST the draft says again what it said in that version."""
    if kind not in DRAFTS:
        raise Http404
    known = Revision.objects.filter(kind=kind, slug=slug, version=number, definition__isnull=False)
    revision = known.select_related("by").order_by("-pk").first()
    if revision is None:
        raise Http404
    if request.method == "POST":
        return _restore(request, revision)
    draft: Any = get_object_or_404(KINDS[kind]._default_manager.all(), slug=slug)
    context = {
        "title": gettext("Back to version %(number)s") % {"number": number},
        "kind": kind,
        "slug": slug,
        "name": draft.name,
        "revision": revision,
        "differences": compare_definitions(kind, describe_draft(draft), revision.definition),
        "back": reverse("studio:draft_history", args=[kind, slug]),
    }
    return show(request, "studio/rules/restore.html", context)


def _restore(request: HttpRequest, revision: Revision) -> HttpResponse:
    try:
        restored = restore_revision(revision, by=find_by(request), at=timezone.now())
    except BadDraft as error:
        why = " ".join(message for _, message in error.problems)
        messages.error(request, gettext("Nothing was restored: %(why)s") % {"why": why})
        return redirect("studio:draft_history", revision.kind, revision.slug)
    said = {"number": revision.version}
    if restored is None:
        messages.info(request, gettext("It says what it said in version %(number)s already.") % said)
    else:
        told = gettext("It says again what it said in version %(number)s. Visitors see it once it is published.")
        messages.success(request, told % said)
    return redirect(f"studio:{revision.kind}", revision.slug)
