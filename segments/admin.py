"""The operators' pages of segments, and what is common to everything that waits to be published."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html

from profiles.admin import ModelAdmin
from segments.conditions.language import BadCondition
from segments.conditions.parse import parse_condition
from segments.conditions.words import say_condition
from segments.forms import ConditionField, list_problems
from segments.membership import SegmentCycle, compile_segments
from segments.models import Segment

if TYPE_CHECKING:
    SegmentModelForm = forms.ModelForm[Segment]
else:  # Django's own class takes no parameter
    SegmentModelForm = forms.ModelForm

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


def say_stored(tree: object) -> str:
    """A stored condition in words, or that and why it cannot be read."""
    try:
        return say_condition(parse_condition(tree))
    except BadCondition as error:
        return f"cannot be read: {'; '.join(list_problems(error))}"


class SegmentForm(SegmentModelForm):
    """Refuses a condition that is none, or that a segment cannot have."""

    class Meta:
        widgets = {"description": forms.Textarea({"rows": 2, "cols": 100, "class": "vLargeTextField"})}

    condition = ConditionField(help_text=CONDITION_HELP)

    def clean_condition(self) -> Any:
        """Refuses what only a rule can ask, and a segment that asks for itself."""
        tree = self.cleaned_data["condition"]
        slug = self.instance.slug or self.cleaned_data.get("slug") or "segment"
        try:
            compile_segments({slug: tree})
        except BadCondition as error:
            raise forms.ValidationError(list_problems(error)) from error
        except SegmentCycle as error:
            raise forms.ValidationError(f"The segment refers to itself; remove {slug} from its condition.") from error
        return tree


@admin.register(Segment)
class SegmentAdmin(DraftAdmin):
    form = SegmentForm
    list_display = ("name", "slug", "words", "live", "updated", "health")
    list_filter = ("live",)
    search_fields = ("name", "slug", "description")
    ordering = ("name",)
    fields = ("name", "slug", "description", "live", "condition", "words", "updated")
    readonly_fields = ("words", "updated")

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        return {"condition": EXAMPLE, **super().get_changeform_initial_data(request)}

    @admin.display(description="Health")
    def health(self, segment: Segment) -> str:
        return format_html('<a href="{}">look</a>', reverse("segments_segment_health", args=[segment.slug]))

    @admin.display(description="In words")
    def words(self, segment: Segment) -> str:
        return say_stored(segment.condition) if segment.pk else "-"
