"""Keeping the people of a moment, and what became of them since."""

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from rules.drafts import save_draft
from rules.validating import BadDraft
from segments.cohorts import compare_cohorts
from segments.lists import NAME_LENGTH, draft_snapshot
from segments.models import Segment
from segments.queries import read_roster
from studio.audiences.editing import FREEZABLE
from studio.audiences.finding import find_segment, show_about
from studio.audiences.forms import CohortForm, FreezeForm
from studio.pages import find_by, needs
from studio.roles import Ability


@needs(Ability.EDIT, methods=("GET", "HEAD", "POST"))
def show_freeze(request: HttpRequest, slug: str) -> HttpResponse:
    """With POST: the draft of a snapshot is made, of now or of a past moment."""
    segment = find_segment(slug)
    if segment.kind not in FREEZABLE:
        messages.error(request, gettext("Only an audience by a condition and a list can be kept as a snapshot."))
        return redirect("studio:audience", slug)
    today = timezone.localdate().isoformat()
    form = FreezeForm(request.POST or None, initial={"name": f"{segment.name[: NAME_LENGTH - 12]}, {today}"})
    if request.method == "POST" and form.is_valid():
        at = timezone.now()
        moment = form.cleaned_data["as_of"] or at.replace(microsecond=0)
        frozen = draft_snapshot(segment, as_of=moment, name=form.cleaned_data["name"])
        try:
            save_draft(frozen, by=find_by(request), at=at, expected=0, note=f"Snapshot of {segment.slug}")
        except BadDraft as error:
            for _field, message in error.problems:
                form.add_error(None, message)
        else:
            said = gettext("“%(name)s” is saved as a draft; its people are looked for once it is published.")
            messages.success(request, said % {"name": frozen.name})
            return redirect("studio:audience", frozen.slug)
    status = 422 if form.errors else 200
    return show_about(request, "freeze", segment, {"title": _("Snapshot"), "form": form}, status=status)


@needs(Ability.LOOK)
def show_cohorts(request: HttpRequest, slug: str) -> HttpResponse:
    """Who of the snapshot is in another audience today."""
    segment = find_segment(slug)
    if segment.kind != Segment.Kind.SNAPSHOT:
        raise Http404
    answers = dict(read_roster().answers)
    key = answers.pop(slug, None)
    names = dict(Segment.objects.filter(slug__in=answers).values_list("slug", "name"))
    others = sorted(((each, names.get(each, each)) for each in answers), key=lambda other: other[1].casefold())
    chosen = request.GET.get("with_slug", segment.frozen_from.slug if segment.frozen_from else "")
    form = CohortForm(initial={"with_slug": chosen}, others=others)
    context: dict[str, Any] = {
        "title": _("Compare with today"),
        "form": form,
        "others": others,
        "is_in_force": bool(key),
    }
    if key is not None and chosen in answers:
        cohorts = compare_cohorts(key, answers[chosen])
        share = 100 * cohorts.stayed / max(cohorts.then, 1)
        context |= {"cohorts": cohorts, "other": names.get(chosen, chosen), "other_slug": chosen, "share": share}
    return show_about(request, "cohorts", segment, context)
