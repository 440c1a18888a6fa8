"""The operators' pages of snapshots: freezing a segment, and what became of its people since."""

from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import redirect
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.views.decorators.http import require_http_methods

from profiles.organisation import find_zone
from segments.admin_pages import SegmentPages, address_of
from segments.cohorts import compare_cohorts
from segments.forms import PastField
from segments.lists import NAME_LENGTH, draft_snapshot
from segments.models import Segment
from segments.queries import read_roster
from segments.standing import find_standing

FREEZABLE = (Segment.Kind.CONDITION, Segment.Kind.LIST)
NOT_FROZEN = {
    Segment.Kind.SNAPSHOT: "is a snapshot, and stays as it is",
    Segment.Kind.CLUSTER: "follows what a model says, of which no past is kept",
    Segment.Kind.LOOKALIKE: "follows what a model says, of which no past is kept",
}


class FreezeForm(forms.Form):
    name = forms.CharField(
        max_length=NAME_LENGTH, widget=forms.TextInput({"class": "vTextField", "autocomplete": "off"})
    )
    as_of = PastField(required=False, label="As of", help_text="Leave it empty for now.")


class SnapshotPages(SegmentPages):
    def get_urls(self) -> list[URLPattern]:
        wrap = self.admin_site.admin_view
        return [
            path("<int:id>/freeze/", wrap(self.show_freeze), name="segments_freeze"),
            path("<int:id>/compare/", wrap(self.show_comparison), name="segments_compare"),
            *super().get_urls(),
        ]

    @method_decorator(require_http_methods(["GET", "HEAD", "POST"]))
    def show_freeze(self, request: HttpRequest, id: int) -> HttpResponseBase:
        """With POST: the draft of a snapshot is made, of now or of a past moment."""
        segment = self.find_segment(request, id, "add_segment")
        if segment.kind not in FREEZABLE:
            messages.error(request, f"{segment} {NOT_FROZEN[Segment.Kind(segment.kind)]}: it cannot be frozen.")
            return redirect(address_of(segment))
        today = timezone.localdate().isoformat()
        form = FreezeForm(request.POST or None, initial={"name": f"{segment.name[: NAME_LENGTH - 12]}, {today}"})
        if request.method == "POST" and form.is_valid():
            as_of = form.cleaned_data["as_of"] or timezone.now().replace(microsecond=0)
            frozen = draft_snapshot(segment, as_of=as_of, name=form.cleaned_data["name"])
            self.save_model(request, frozen, form, change=False)
            self.log_addition(request, frozen, f"Frozen from {segment.slug}.")
            messages.success(request, f"{frozen} is saved as a draft; its people are looked for once it is published.")
            return redirect(address_of(frozen))
        context = {"title": "Freeze", "form": form, "zone": find_zone()}
        return self.show_page(request, "freeze", segment, context)

    @method_decorator(require_http_methods(["GET", "HEAD"]))
    def show_comparison(self, request: HttpRequest, id: int) -> HttpResponseBase:
        """Who of the snapshot is in the segment that `with` names today."""
        segment = self.find_segment(request, id, "view_segment")
        if segment.kind != Segment.Kind.SNAPSHOT:
            messages.error(request, f"{segment} is no snapshot; freeze it, to compare it with what it is later.")
            return redirect(address_of(segment))
        answers = dict(read_roster().answers)
        key = answers.pop(segment.slug, None)
        names = dict(Segment.objects.filter(slug__in=answers).values_list("slug", "name"))
        others = sorted(((slug, names.get(slug, slug)) for slug in answers), key=lambda other: other[1].lower())
        chosen = request.GET.get("with", segment.frozen_from.slug if segment.frozen_from else "")
        context: dict[str, Any] = {"title": "Compare", "others": others, "chosen": chosen}
        if key is not None and chosen in answers:
            cohorts = compare_cohorts(key, answers[chosen])
            context |= {
                "cohorts": cohorts,
                "name": names.get(chosen, chosen),
                "share": 100 * cohorts.stayed / max(cohorts.then, 1),
                "standing": find_standing(segment),
            }
        return self.show_page(request, "compare", segment, context)
