"""The operators' pages of blocks, slots and rules."""

import json
import time
from typing import TYPE_CHECKING, Any

import msgspec
from django import forms
from django.conf import settings
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html

from rules.admin_books import BookAdmin, say_when
from rules.definitions import BlockDefinition
from rules.describe import describe_block
from rules.engine import NOBODY
from rules.models import Block, Book, Rule, Slot
from rules.render import BadBlock, RenderFailed, Seen, compile_block, render_block
from rules.render import Block as Ready
from rules.shapes import Shape
from segments.admin import CONDITION_HELP, DraftAdmin
from segments.forms import BadJson, ConditionField, DocumentField, SourceText, read_json

FIT_PICTURES = "<style>img { max-width: 100%; height: auto }</style>"

if TYPE_CHECKING:
    BlockModelForm = forms.ModelForm[Block]
    RuleModelForm = forms.ModelForm[Rule]
    RuleInline = admin.TabularInline[Rule, Slot]
else:  # Django's own classes take no parameter
    BlockModelForm = RuleModelForm = forms.ModelForm
    RuleInline = admin.TabularInline

admin.site.register(Book, BookAdmin)


class ShapeField(DocumentField):
    """The shape of a JSON block."""

    def check(self, document: Any) -> None:
        try:
            Shape(document)
        except BadBlock as error:
            raise ValidationError(str(error), code="invalid") from error


class BlockForm(BlockModelForm):
    """Refuses a source that cannot be rendered, with the place of the mistake."""

    shape = ShapeField(required=False, help_text="JSON Schema of what a JSON block says.")

    class Meta:
        widgets = {"source": SourceText(), "subject": SourceText(rows=1), "text": SourceText(rows=6)}

    def clean_source(self) -> str:
        return str(self.cleaned_data["source"]).replace("\r\n", "\n")  # a browser's line ends are no change

    def clean(self) -> dict[str, Any] | None:
        cleaned = super().clean() or self.cleaned_data
        kind, source = cleaned.get("kind"), cleaned.get("source")
        if kind and source and not self.errors:
            try:
                if kind in (Block.Kind.JSON, Block.Kind.RECOMMENDATION):
                    read_json(source)
                compile_block("", self._define(kind, source, cleaned))
            except BadBlock as error:
                self.add_error(error.field, str(error).removeprefix(": "))
            except BadJson as error:
                self.add_error("source", str(error))
        return cleaned

    def _define(self, kind: str, source: str, cleaned: dict[str, Any]) -> BlockDefinition:
        fallback = cleaned.get("fallback")
        return BlockDefinition(
            kind,
            source,
            subject=cleaned.get("subject") or "",
            text=cleaned.get("text") or "",
            shape=cleaned.get("shape"),
            fallback=fallback.slug if fallback else None,
        )


@admin.register(Block)
class BlockAdmin(DraftAdmin):
    form = BlockForm
    list_display = ("name", "slug", "kind", "updated")
    list_filter = ("kind",)
    search_fields = ("name", "slug")
    ordering = ("name",)
    fields = ("name", "slug", "kind", "source", "subject", "text", "shape", "fallback", "preview", "updated")
    readonly_fields = ("preview", "updated")
    autocomplete_fields = ("fallback",)

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
    return compile_block(block.slug, definition, zone=settings.PZ_TIME_ZONE, fallback=fallback)


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


@admin.register(Slot)
class SlotAdmin(DraftAdmin):
    list_display = ("name", "slug", "default")
    list_select_related = ("default",)
    search_fields = ("name", "slug")
    ordering = ("slug",)
    fields = ("name", "slug", "default")
    autocomplete_fields = ("default",)
    inlines = (RulesOfSlot,)


class RuleForm(RuleModelForm):
    condition = ConditionField(required=False, help_text=f"{CONDITION_HELP} Empty: the rule holds for everybody.")


@admin.register(Rule)
class RuleAdmin(DraftAdmin):
    form = RuleForm
    list_display = ("name", "slot", "priority", "words", "block", "live")
    list_filter = ("live", "slot")
    list_select_related = ("slot", "block")
    search_fields = ("name", "slug", "block__name", "block__slug")
    ordering = ("slot__slug", "-priority", "slug")
    fields = ("name", "slug", "slot", "priority", "block", "live", "condition", "words", "updated")
    readonly_fields = ("words", "updated")
    autocomplete_fields = ("block",)

    @admin.display(description="When")
    def words(self, rule: Rule) -> str:
        return say_when(rule.condition) if rule.pk else "-"
