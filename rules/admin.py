"""The operators' pages of blocks, slots, rules and segments."""

import json
import time
from typing import TYPE_CHECKING, Any

import msgspec
from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.forms.widgets import Script
from django.http import HttpRequest
from django.utils.html import format_html

from profiles.organisation import find_zone
from rules import admin_offers as admin_offers  # registers its pages
from rules.admin_books import BookAdmin, say_when
from rules.admin_caps import CapsField
from rules.admin_drafts import RevisedAdmin
from rules.admin_schedule import ClockField, list_zones, read_clock, show_clock
from rules.admin_scheduled import ScheduledPublicationAdmin
from rules.admin_starters import StarterPages
from rules.definitions import BlockDefinition
from rules.describe import describe_block
from rules.draft_forms import DraftForm
from rules.engine import NOBODY
from rules.models import Block, Book, Rule, ScheduledPublication, Slot
from rules.render import BadBlock, RenderFailed, Seen, compile_block, render_block
from rules.render import Block as Ready
from rules.shapes import Shape
from segments.admin import CONDITION_HELP, SegmentAdmin, SegmentForm
from segments.forms import ConditionField, DocumentField, SourceText
from segments.models import Segment

FIT_PICTURES = "<style>img { max-width: 100%; height: auto }</style>"

if TYPE_CHECKING:
    RuleInline = admin.TabularInline[Rule, Slot]
else:  # Django's own class takes no parameter
    RuleInline = admin.TabularInline

admin.site.register(Book, BookAdmin)
admin.site.register(ScheduledPublication, ScheduledPublicationAdmin)


class ShapeField(DocumentField):
    """The shape of a JSON block."""

    def check(self, document: Any) -> None:
        try:
            Shape(document)
        except BadBlock as error:
            raise ValidationError(str(error), code="invalid") from error


class BlockForm(DraftForm):
    shape = ShapeField(required=False, help_text="JSON Schema of what a JSON block says.")

    class Meta:
        widgets = {"source": SourceText(), "subject": SourceText(rows=1), "text": SourceText(rows=6)}


@admin.register(Block)
class BlockAdmin(RevisedAdmin):
    form = BlockForm
    list_display = ("name", "slug", "kind", "updated")
    list_filter = ("kind",)
    search_fields = ("name", "slug")
    ordering = ("name",)
    fields = ("name", "slug", "kind", "subject", "source", "text", "shape", "fallback", "preview", "updated")
    readonly_fields = ("preview", "updated")
    autocomplete_fields = ("fallback",)

    class Media:
        js = (Script("rules/block.js", type="module"),)

    @admin.display(description="As saved")
    def preview(self, block: Block) -> str:
        """What a visitor gets of whom nothing is known; HTML in a frame that runs nothing and knows no one."""
        if not block.pk:
            return "-"
        try:
            fallback = None if block.fallback is None else _compile(block.fallback)
            seen = Seen(NOBODY, {}, time.time_ns() // 1_000_000)
            answer = msgspec.json.decode(render_block(_compile(block, fallback), seen))
        except (BadBlock, RenderFailed) as error:
            return f"cannot be shown: {error}"
        if answer["kind"] == Block.Kind.JSON:
            return format_html("<pre>{}</pre>", json.dumps(answer["json"], indent=2, ensure_ascii=False))
        return format_html(
            '<iframe sandbox srcdoc="{}" title="Preview" width="640" height="420"></iframe>'
            "<p>{}What somebody unknown gets, without the styles of your site.</p>",
            FIT_PICTURES + answer["html"],
            f"Subject: {answer['subject']}. " if "subject" in answer else "",
        )


def _compile(block: Block, fallback: Ready | None = None) -> Ready:
    definition = msgspec.convert(describe_block(block), BlockDefinition)
    return compile_block(block.slug, definition, zone=find_zone(), fallback=fallback)


class RulesOfSlot(RuleInline):
    """The rules that compete for the slot, the first that holds on top."""

    model = Rule
    fields = readonly_fields = ("priority", "words", "block", "live")
    ordering = ("-priority", "slug")
    extra = 0
    can_delete = False
    show_change_link = True
    verbose_name_plural = "rules, the first that holds wins"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Rule]:
        return super().get_queryset(request).select_related("block")

    def has_add_permission(self, request: HttpRequest, obj: Slot | None = None) -> bool:
        return False

    @admin.display(description="When")
    def words(self, rule: Rule) -> str:
        return say_when(rule.condition)


class SlotForm(DraftForm):
    kinds = forms.MultipleChoiceField(
        required=False,
        choices=Block.Kind.choices,
        widget=forms.CheckboxSelectMultiple,
        help_text="The kinds of block it takes; none: all that fit its channel.",
    )


@admin.register(Slot)
class SlotAdmin(RevisedAdmin):
    form = SlotForm
    list_display = ("name", "slug", "channel", "default")
    list_filter = ("channel",)
    list_select_related = ("default",)
    search_fields = ("name", "slug")
    ordering = ("slug",)
    fields = ("name", "slug", "channel", "kinds", "default")
    autocomplete_fields = ("default",)
    inlines = (RulesOfSlot,)


class RuleForm(DraftForm):
    """The schedule is typed as the clocks of the rule's own zone show it."""

    condition = ConditionField(required=False, help_text=f"{CONDITION_HELP} Empty: the rule holds for everybody.")
    starts = ClockField(required=False)
    ends = ClockField(required=False, help_text="The first moment after.")
    zone = forms.ChoiceField(
        required=False, label="Time zone", choices=list_zones, help_text="Of the start and the end."
    )
    caps = CapsField()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for field in ("starts", "ends"):
            self.initial[field] = show_clock(getattr(self.instance, field), self.instance.zone)

    def clean(self) -> dict[str, Any] | None:
        cleaned = super().clean() or self.cleaned_data
        for field in ("starts", "ends"):
            if not {field, "zone"} & set(self.changed_data):
                cleaned[field] = getattr(self.instance, field)  # of an hour that clocks show twice, the same one
            elif cleaned.get(field) is not None:
                try:
                    cleaned[field] = read_clock(cleaned[field], cleaned.get("zone") or "")
                except forms.ValidationError as error:
                    self.add_error(field, error)
        return cleaned


@admin.register(Rule)
class RuleAdmin(StarterPages, RevisedAdmin):
    form = RuleForm
    list_display = ("name", "slot", "priority", "words", "block", "offer", "live")
    list_filter = ("live", "slot")
    list_select_related = ("slot", "block", "offer")
    search_fields = ("name", "slug", "block__name", "block__slug")
    ordering = ("slot__slug", "-priority", "slug")
    readonly_fields = ("words", "updated")
    fieldsets = (
        (None, {"fields": ("name", "slug", "slot", "priority", "weight", "block", "offer", "live")}),
        ("When it holds", {"fields": ("condition", "words", "purpose")}),
        ("How long, and how often", {"fields": ("starts", "ends", "zone", "caps", "updated")}),
    )

    autocomplete_fields = ("block", "offer")

    class Media:
        css = {"all": ("rules/drafts.css",)}

    @admin.display(description="In words")
    def words(self, rule: Rule) -> str:
        return say_when(rule.condition) if rule.pk else "-"


class RevisedSegmentForm(DraftForm, SegmentForm):
    pass


@admin.register(Segment)
class RevisedSegmentAdmin(RevisedAdmin, SegmentAdmin):
    """The pages of segments, whose edits are kept as those of everything else."""

    form = RevisedSegmentForm
