"""The history of a draft: who changed what, line by line, and back to any of it."""

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext

from rules.describe import KINDS
from rules.drafts import list_revisions, restore_revision
from rules.models import Revision
from rules.revisions import list_edits, say_author
from rules.validating import BadDraft
from studio.pages import find_by, needs, show
from studio.roles import Ability

PER_PAGE = 20


def make_history(kind: str) -> Callable[..., Any]:
    """The view of the history of a kind of draft; with POST one of its revisions is restored."""

    @needs(Ability.LOOK, methods=("GET", "HEAD", "POST"))
    def show_history(request: Any, slug: str) -> HttpResponse:
        revisions = list_revisions(kind, slug)
        draft: Any = KINDS[kind]._default_manager.filter(slug=slug).first()
        if not revisions and draft is None:
            raise Http404
        if request.method == "POST" and request.visitor.may(Ability.EDIT):
            return _restore(request, kind, slug)
        start = _read_number(request.GET.get("from", "0"))
        some = revisions[start : start + PER_PAGE + 1]
        edits = list_edits(some)
        if len(edits) > PER_PAGE:
            edits = edits[:PER_PAGE]
        context = {
            "title": gettext("History of %(name)s") % {"name": draft.name if draft else slug},
            "draft": draft,
            "kind": kind,
            "edits": [(each, say_author(each.revision)) for each in edits],
            "newest": revisions[0].version if revisions else 0,
            "older": start + PER_PAGE if len(revisions) > start + PER_PAGE else None,
            "back": reverse(f"studio:{kind}", args=[slug]) if draft else reverse(f"studio:{kind}s"),
        }
        return show(request, "studio/parts/history.html", context)

    return show_history


def _restore(request: HttpRequest, kind: str, slug: str) -> HttpResponse:
    pk = _read_number(request.POST.get("revision", ""))
    revision = Revision.objects.filter(pk=pk, kind=kind, slug=slug).first()
    if revision is None:
        raise Http404
    try:
        made = restore_revision(revision, by=find_by(request), at=timezone.now())
    except BadDraft as error:
        said = "; ".join(message for _, message in error.problems)
        messages.error(request, gettext("It cannot be restored: %(why)s") % {"why": said})
        return redirect(request.path)
    if made is None:
        messages.info(request, gettext("It says that already."))
    else:
        messages.success(request, gettext("It is as in version %(version)s again.") % {"version": revision.version})
    return redirect(f"studio:{kind}", slug)


def _read_number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0
