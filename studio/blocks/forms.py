"""The form of a block, with the fields that its kind has."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from rules.models import Block
from rules.render import BadBlock
from rules.shapes import Shape
from segments.forms import DocumentField
from studio.blocks.starts import FIELDS, STARTS
from studio.forms import NamedDraftForm


class ShapeField(DocumentField):
    """The shape of a JSON block."""

    def check(self, document: Any) -> None:
        try:
            Shape(document)
        except BadBlock as error:
            raise ValidationError(str(error), code="invalid") from error


def _code(language: str, rows: int) -> forms.Textarea:
    """A text area that static/studio/code.js makes an editor of."""
    return forms.Textarea({"rows": rows, "data-code": language, "spellcheck": "false", "class": "font-mono text-sm"})


class BlockForm(NamedDraftForm):
    """`kind` is that of the block, which stays what it was made as."""

    class Meta:
        model = Block
        fields = ["name", "slug", "source", "subject", "text", "shape", "fallback"]
        labels = {"name": _("Name"), "slug": _("Short name in addresses and code"), "source": _("Content")}
        field_classes = {"shape": ShapeField}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        block: Block = self.instance
        kept = {"name", "slug", "seen_version", *FIELDS[block.kind]}
        for name in [name for name in self.fields if name not in kept]:
            del self.fields[name]
        is_json = block.kind in (Block.Kind.JSON, Block.Kind.RECOMMENDATION)
        looks = {
            "source": (_code("json" if is_json else "liquid", 18), gettext("Content"), ""),
            "subject": (forms.TextInput({"autocomplete": "off", "data-merge": ""}), gettext("Subject"), ""),
            "text": (
                _code("liquid", 6),
                gettext("Text version"),
                gettext("For mail programs without HTML. Empty: it is made of the HTML."),
            ),
            "shape": (
                _code("json", 10),
                gettext("Shape"),
                gettext("JSON Schema of what the content says. It is checked when it is saved, and for each person."),
            ),
        }
        for name, (widget, label, help_text) in looks.items():
            if name in self.fields:
                field = self.fields[name]
                widget.attrs["class"] = f"{_look(widget)} {widget.attrs.get('class', '')}".strip()
                field.widget, field.label, field.help_text = widget, label, help_text
        if "fallback" in self.fields:
            fallback: Any = self.fields["fallback"]
            kinds = (Block.Kind.HTML, Block.Kind.JSON)
            fallback.queryset = Block.objects.filter(kind__in=kinds).exclude(pk=block.pk).order_by("name")
            fallback.label = gettext("Instead, while there is nothing to recommend")
            fallback.help_text = gettext("An HTML or JSON block.")
            fallback.required = True
            fallback.empty_label = gettext("Choose a block")
        if block.pk is None and not self.is_bound:
            self._start(block)

    def _start(self, block: Block) -> None:
        start = STARTS[block.kind]
        for name, said in (("source", start.source), ("subject", start.subject), ("shape", start.shape)):
            if name in self.fields and not self.initial.get(name):
                self.initial[name] = said


def _look(widget: forms.Widget) -> str:
    return "textarea w-full" if isinstance(widget, forms.Textarea) else "input w-full"
