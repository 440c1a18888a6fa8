"""The history of a draft: who changed what, and back to any of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext

from rules.describe import KINDS, describe_draft
from rules.drafts import restore_revision
from rules.models import Revision
from rules.revisions import say_author
from rules.validating import BadDraft
from studio.differences import Told, tell_differences
from studio.kinds import place_of
from studio.pages import find_by, needs, show
from studio.roles import Ability

PER_PAGE = 20
ALONE = ("rule", "slot")  # kinds whose histories have addresses of their own


@dataclass(frozen=True)
class Edit:
    """One revision, and how it differs from the one before. `restore` is where one goes back to it, "" where there is
    nothing to go back to."""

    revision: Revision
    author: str
    told: Sequence[Told]
    is_made: bool
    is_draft: bool
    restore: str


@needs(Ability.LOOK)
def show_history(request: HttpRequest, kind: str, slug: str) -> HttpResponse:
    """The newest edit first, also of what was removed."""
    draft = _find(kind, slug)
    edits = tell_history(request, kind, slug, draft)
    if draft is None and not edits["edits"]:
        raise Http404
    back = reverse(f"studio:{kind}s") if draft is None else place_of(kind, slug)
    context = {"title": gettext("History"), "draft": draft, "name": slug if draft is None else draft.name, "back": back}
    return show(request, "studio/history/history.html", {**context, **edits})


@needs(Ability.LOOK)
def show_alone(request: HttpRequest, kind: str, slug: str) -> HttpResponseBase:
    if kind not in ALONE:
        raise Http404
    return show_history(request, kind, slug)


def tell_history(request: HttpRequest, kind: str, slug: str, draft: Any) -> dict[str, Any]:
    """A page of edits, for templates/studio/history/edits.html."""
    revisions = Revision.objects.filter(kind=kind, slug=slug).select_related("by").order_by("-version", "-pk")
    page = Paginator(revisions, PER_PAGE).get_page(request.GET.get("page"))
    shown = list(page)
    older = revisions.filter(version__lt=shown[-1].version).first() if shown else None
    before: list[Revision | None] = [*shown[1:], older]
    edits = [_tell(each, was, draft) for each, was in zip(shown, before, strict=True)] if shown else []
    return {"edits": edits, "page": page}


def _tell(revision: Revision, before: Revision | None, draft: Any) -> Edit:
    was = None if before is None else before.definition
    told = [] if revision.definition is None else tell_differences(revision.kind, was, revision.definition)
    is_draft = draft is not None and revision.version == draft.version
    restore = "" if is_draft or revision.definition is None else _place_restore(revision)
    return Edit(revision, say_author(revision), told, was is None, is_draft, restore)


def _place_restore(revision: Revision) -> str:
    if revision.kind == "segment":
        return reverse("studio:audience_restore", args=[revision.slug, revision.version])
    return reverse("studio:draft_restore", args=[revision.kind, revision.slug, revision.version])


@needs(Ability.EDIT, methods=("GET", "HEAD", "POST"))
def show_restore(request: HttpRequest, kind: str, slug: str, number: int) -> HttpResponse:
    """How the draft of now would change; with POST it says again what it said in that version."""
    known = Revision.objects.filter(kind=kind, slug=slug, version=number, definition__isnull=False)
    revision = known.select_related("by").order_by("-pk").first()
    if revision is None:
        raise Http404
    if request.method == "POST":
        return _restore(request, revision)
    draft = _find(kind, slug)
    said: Any = revision.definition
    context = {
        "title": gettext("Back to version %(number)s") % {"number": number},
        "name": said["name"] if draft is None else draft.name,
        "told": tell_differences(kind, None if draft is None else describe_draft(draft), said),
        "is_new": draft is None,
        "back": _place_history(kind, slug),
    }
    return show(request, "studio/history/restore.html", context)


def _find(kind: str, slug: str) -> Any:
    model = KINDS.get(kind)
    if model is None:
        raise Http404
    return model._default_manager.filter(slug=slug).first()


def _place_history(kind: str, slug: str) -> str:
    """Of an audience that was removed, all that were: the pages about it are not there any more."""
    if kind in ALONE:
        return reverse("studio:draft_history", args=[kind, slug])
    if kind != "segment":
        return reverse(f"studio:{kind}_history", args=[slug])
    is_there = _find(kind, slug) is not None
    return reverse("studio:audience_history", args=[slug]) if is_there else reverse("studio:audiences_removed")


def _restore(request: HttpRequest, revision: Revision) -> HttpResponse:
    try:
        restored = restore_revision(revision, by=find_by(request), at=timezone.now())
    except BadDraft as error:
        why = " ".join(message for _, message in error.problems)
        messages.error(request, gettext("Nothing was restored: %(why)s") % {"why": why})
        return redirect(_place_history(revision.kind, revision.slug))
    said = {"name": (revision.definition or {}).get("name", revision.slug), "number": revision.version}
    if restored is None:
        messages.info(request, gettext("It says already what it said in version %(number)s.") % said)
    else:
        told = gettext(
            "“%(name)s” says again what it said in version %(number)s. Visitors meet it once it is published."
        )
        messages.success(request, told % said)
    return redirect(place_of(revision.kind, revision.slug))
