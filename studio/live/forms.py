"""The forms of the catalogue: an event that is to come, what is said of one, a property that is to come."""

import json
from typing import Any

from django import forms
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from ingestion.catalogue import MAX_NAMES, MAX_PATH
from ingestion.models import EventType
from ingestion.schema_review import find_schema_problem
from studio.forms import StudioForm
from studio.setup.forms import GuardedForm

EXAMPLE = '{"strict": true, "required": ["product_id"], "properties": {"price": {"type": "number", "minimum": 0}}}'


class NewEventForm(StudioForm):
    name = forms.CharField(
        label=_("Name"), max_length=200, help_text=_("Exactly as it will be sent, such as “Order Completed”.")
    )
    description = forms.CharField(
        label=_("What is it?"),
        max_length=500,
        required=False,
        widget=forms.Textarea({"rows": 2}),
        help_text=_("When it is sent, and by what: for your colleagues."),
    )

    def clean_name(self) -> str:
        name: str = self.cleaned_data["name"]
        if EventType.objects.filter(name=name).exists():
            raise forms.ValidationError(gettext("There is an event of this name already."))
        if EventType.objects.count() >= MAX_NAMES:
            raise forms.ValidationError(
                gettext("The catalogue is full: it lists %(count)d events.") % {"count": MAX_NAMES}
            )
        return name


class SchemaField(forms.CharField):
    """A schema of the catalogue, written as JSON; empty: none."""

    widget = forms.Textarea({"rows": 8, "spellcheck": "false", "class": "font-mono text-sm"})

    def prepare_value(self, value: Any) -> Any:
        return json.dumps(value, indent=2, ensure_ascii=False) if isinstance(value, dict) else value

    def clean(self, value: Any) -> Any:
        text = super().clean(value).strip()
        if not text:
            return None
        try:
            document = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise forms.ValidationError(gettext("Not JSON: %(error)s.") % {"error": error}) from error
        if problem := find_schema_problem(document):
            raise forms.ValidationError(gettext("Not a schema. %(problem)s") % {"problem": problem})
        return document


class EventForm(GuardedForm):
    description = forms.CharField(
        label=_("What is it?"), max_length=500, required=False, widget=forms.Textarea({"rows": 2})
    )
    schema = SchemaField(
        label=_("Schema"),
        required=False,
        help_text=_(
            "What its properties must look like, as a small part of JSON Schema: type, required, properties, enum, "
            "minimum, maximum, maxLength. With “strict” events that do not fit are refused; without, it only describes."
        ),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["schema"].widget.attrs["placeholder"] = EXAMPLE


class PropertyForm(StudioForm):
    """A property that is to be remembered before it was ever seen."""

    path = forms.CharField(
        label=_("Property"),
        max_length=MAX_PATH,
        help_text=_("As it will be sent: “colour”, or “products.colour” for a field of every object in a list."),
    )

    def clean_path(self) -> str:
        path: str = self.cleaned_data["path"]
        if path.count(".") > 1:
            raise forms.ValidationError(
                gettext("Write a property, or list.field for the values of a field over a list.")
            )
        return path
