"""The operators' pages of blocks, slots and rules."""

import json
from typing import TYPE_CHECKING, Any

import msgspec
from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html

from rules import admin_offers as admin_offers  # registers its pages
from rules.admin_books import BookAdmin, say_when
from rules.definitions import BlockDefinition
from rules.engine import NOBODY
from rules.models import Block, Book, Rule, Slot
from rules.render import BadBlock, RenderFailed, compile_block, render_block
from rules.review import find_block_problem
from segments.admin import CONDITION_HELP, DraftAdmin
from segments.forms import BadJson, ConditionField, SourceText, read_json

FIT_PICTURES = "<style>img { max-width: 100%; height: auto }</style>"

if TYPE_CHECKING:
    BlockModelForm = forms.ModelForm[Block]
    RuleModelForm = forms.ModelForm[Rule]
    RuleInline = admin.TabularInline[Rule, Slot]
else:  # Django's own classes take no parameter
    BlockModelForm = RuleModelForm = forms.ModelForm
    RuleInline = admin.TabularInline

admin.site.register(Book, BookAdmin)


class BlockForm(BlockModelForm):
    """Refuses a source that cannot be rendered, with the place of the mistake."""

    class Meta:
        widgets = {"source": SourceText()}

    def clean_source(self) -> str:
        return str(self.cleaned_data["source"]).replace("\r\n", "\n")  # a browser's line ends are no change

    def clean(self) -> dict[str, Any] | None:
        cleaned = super().clean() or self.cleaned_data
        kind, source = cleaned.get("kind"), cleaned.get("source")
        if kind and source and (problem := self._find_problem(kind, source)):
            self.add_error("source", problem)
        return cleaned

    def _find_problem(self, kind: str, source: str) -> str | None:
        if kind == Block.Kind.JSON:
            try:
                read_json(source)
            except BadJson as error:
                return str(error)
        return find_block_problem(BlockDefinition(kind, source))


@admin.register(Block)
class BlockAdmin(DraftAdmin):
    form = BlockForm
    list_display = ("name", "slug", "kind", "updated")
    list_filter = ("kind",)
    search_fields = ("name", "slug")
    ordering = ("name",)
    fields = ("name", "slug", "kind", "source", "preview", "updated")
    readonly_fields = ("preview", "updated")

    @admin.display(description="As saved")
    def preview(self, block: Block) -> str:
        """What a visitor gets of whom nothing is known; HTML in a frame that runs nothing and knows no one."""
        if not block.pk:
            return "-"
        try:
            ready = compile_block(block.slug, BlockDefinition(block.kind, block.source))
            answer = msgspec.json.decode(render_block(ready, NOBODY, {}))
        except (BadBlock, RenderFailed) as error:
            return f"cannot be shown: {error}"
        if block.kind == Block.Kind.JSON:
            return format_html("<pre>{}</pre>", json.dumps(answer["json"], indent=2, ensure_ascii=False))
        return format_html(
            '<iframe sandbox srcdoc="{}" title="Preview" width="640" height="420"></iframe>'
            "<p>What somebody unknown gets, without the styles of your site.</p>",
            FIT_PICTURES + answer["html"],
        )


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
