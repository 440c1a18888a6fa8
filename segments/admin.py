"""The operators' pages of segments, and what is common to everything that waits to be published."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin
from django.forms.widgets import Script
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.html import format_html
from django.utils.text import format_lazy

from profiles.admin import ModelAdmin
from profiles.organisation import lazy_zone
from segments.admin_export import ExportPages
from segments.admin_lists import ListPages
from segments.admin_snapshots import FREEZABLE, SnapshotPages
from segments.conditions.language import BadCondition
from segments.forms import ConditionField, PastField, list_problems
from segments.in_words import say_definition
from segments.kinds import find_kind_problem
from segments.membership import SegmentCycle, compile_segments
from segments.models import Segment
from segments.moments import say_moment
from segments.queries import read_roster
from segments.standing import find_standing

if TYPE_CHECKING:
    SegmentModelForm = forms.ModelForm[Segment]
else:  # Django's own class takes no parameter
    SegmentModelForm = forms.ModelForm

KINDS = {
    Segment.Kind.CONDITION: "Condition: whoever it holds for, kept up to date with every event",
    Segment.Kind.LIST: "Uploaded list: whoever is in a file of ids that you upload",
    Segment.Kind.SNAPSHOT: "Snapshot of a moment: whoever a condition held for then; they stay in it",
    Segment.Kind.CLUSTER: "Cluster: whoever a model puts into a cluster of people alike",
    Segment.Kind.LOOKALIKE: "Lookalike: whoever a model finds to be like the people of a segment",
}
MODELS = {
    Segment.Kind.CLUSTER: "Models fill it later, by the cluster they give to people. Nobody is in it before.",
    Segment.Kind.LOOKALIKE: "Models fill it later, by the score they give to people. Nobody is in it before.",
}
NOBODY = {
    Segment.Kind.LIST: "Nobody yet: upload a file with their ids.",
    Segment.Kind.SNAPSHOT: "They are looked for when it is published.",
}
AS_OF_HELP = format_lazy(
    "Of a snapshot: the moment it is of. Empty: the moment it is published. Times are those of {zone}.",
    zone=lazy_zone(),
)
CONDITION_HELP = "A tree in JSON; docs/reference/conditions.md tells of every kind and operator, with examples."
EXAMPLE = {
    "v": 1,
    "root": {
        "id": "views",
        "kind": "event",
        "event": "Product Viewed",
        "op": "at_least",
        "value": 3,
        "window": {"last": 30, "unit": "days"},
    },
}


class DraftAdmin(ModelAdmin):
    """Pages of something that visitors meet only once it is published; its slug is what others know it by."""

    save_on_top = True

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        fields = [str(name) for name in super().get_readonly_fields(request, obj)]
        return fields if obj is None else ["slug", *fields]

    def get_prepopulated_fields(self, request: HttpRequest, obj: Any = None) -> dict[str, Sequence[str]]:
        return {"slug": ("name",)} if obj is None else {}


class SegmentForm(SegmentModelForm):
    """Refuses a condition that is none, or that a segment of its kind cannot have."""

    class Meta:
        widgets = {"description": forms.Textarea({"rows": 2, "cols": 100, "class": "vLargeTextField"})}

    kind = forms.ChoiceField(
        required=False, choices=list(KINDS.items()), widget=forms.RadioSelect({"class": "radiolist"})
    )
    as_of = PastField(required=False, label="As of", help_text=AS_OF_HELP)
    condition = ConditionField(help_text=CONDITION_HELP)

    def clean(self) -> dict[str, Any] | None:
        cleaned = super().clean() or self.cleaned_data
        kind = cleaned.get("kind") or self.instance.kind
        cleaned["kind"] = kind
        if kind != Segment.Kind.SNAPSHOT:
            cleaned["as_of"] = None
        if kind == Segment.Kind.LIST:
            cleaned["condition"] = None
            self.errors.pop("condition", None)  # what stands in a field that a list does not have
        elif "condition" in cleaned:
            self._check(kind, cleaned["condition"])
        return cleaned

    def _check(self, kind: str, tree: Any) -> None:
        """Refuses what only a rule can ask, a segment that asks for itself, and what its kind is not about."""
        slug = self.instance.slug or self.cleaned_data.get("slug") or "segment"
        try:
            compile_segments({slug: tree})
        except BadCondition as error:
            self.add_error("condition", forms.ValidationError(list_problems(error)))
            return
        except SegmentCycle:
            self.add_error("condition", f"The segment refers to itself; remove {slug} from its condition.")
        if (problem := find_kind_problem(kind, tree)) is not None:
            self.add_error("condition", problem)


class SegmentAdmin(ListPages, SnapshotPages, ExportPages, DraftAdmin):
    """Is registered where its edits are kept as revisions (rules.admin)."""

    form = SegmentForm
    change_form_template = "admin/segments/change_form.html"
    list_display = ("name", "slug", "kind", "words", "live", "updated", "health")
    list_filter = ("kind", "live")
    search_fields = ("name", "slug", "description")
    ordering = ("name",)
    readonly_fields = ("words", "standing", "updated")

    class Media:
        js = (Script("segments/kinds.js", type="module"),)

    def get_fields(self, request: HttpRequest, obj: Segment | None = None) -> Any:
        if obj is None:
            return ["name", "slug", "kind", "as_of", "description", "live", "condition"]
        moment = ["as_of"] if obj.kind == Segment.Kind.SNAPSHOT else []
        condition = [] if obj.kind == Segment.Kind.LIST else ["condition"]
        standing = [] if obj.kind == Segment.Kind.CONDITION else ["standing"]
        return ["name", "slug", "kind", *moment, "description", "live", *condition, "words", *standing, "updated"]

    def get_readonly_fields(self, request: HttpRequest, obj: Segment | None = None) -> list[str]:
        # What people of a list and of a condition are stored by differs, so that a segment keeps its kind.
        fields = super().get_readonly_fields(request, obj)
        return fields if obj is None else ["kind", *fields]

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        return {"condition": EXAMPLE, "kind": Segment.Kind.CONDITION, **super().get_changeform_initial_data(request)}

    def render_change_form(self, request: HttpRequest, context: Any, *args: Any, **kwargs: Any) -> HttpResponse:
        segment = kwargs.get("obj")
        if segment is not None:
            more = {"key": read_roster().answers.get(segment.slug), "can_freeze": segment.kind in FREEZABLE}
            context.update({**more, **self.describe_list(segment)})
        return super().render_change_form(request, context, *args, **kwargs)

    def response_add(self, request: HttpRequest, obj: Segment, post_url_continue: str | None = None) -> HttpResponse:
        """From a new list straight to where its people are uploaded."""
        answer = super().response_add(request, obj, post_url_continue)
        goes_on = not {"_continue", "_addanother", "_popup"} & request.POST.keys()
        may = request.user.has_perm("segments.change_segment")
        if obj.kind == Segment.Kind.LIST and goes_on and may:
            return redirect("admin:segments_upload", obj.pk)
        return answer

    @admin.display(description="Health")
    def health(self, segment: Segment) -> str:
        return format_html('<a href="{}">look</a>', reverse("segments_segment_health", args=[segment.slug]))

    @admin.display(description="In words")
    def words(self, segment: Segment) -> str:
        return say_definition(segment.kind, segment.condition, segment.as_of) if segment.pk else "-"

    @admin.display(description="Its people")
    def standing(self, segment: Segment) -> str:
        return say_standing(segment)


def say_standing(segment: Segment) -> str:
    """How many people a segment that is not evaluated has, and whether it answers."""
    if segment.kind in MODELS:
        return MODELS[Segment.Kind(segment.kind)]
    standing = find_standing(segment)
    if standing is None or (standing.people == 0 and segment.kind == Segment.Kind.LIST):
        return NOBODY[Segment.Kind(segment.kind)]
    people = "its people are looked for" if standing.people is None else f"{standing.people:,} people"
    moment = standing.version.as_of
    of = f", as of {say_moment(moment)}" if moment else ""
    progress = f" ({standing.progress})" if standing.progress else ""
    return f"Version {standing.version.version}{of}: {people}; {standing.state.words}{progress}."
