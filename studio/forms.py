"""Forms of the Studio: how their fields look, and the form of a draft that two people may have open."""

from typing import Any

from django import forms
from django.forms.renderers import TemplatesSetting
from django.forms.widgets import Input
from django.utils.translation import gettext

from rules.draft_forms import DraftForm

RESERVED = ("new",)  # what else the addresses of drafts lead to
LOOKS: tuple[tuple[type[forms.Widget], str], ...] = (
    (forms.CheckboxInput, "toggle toggle-primary"),
    (forms.CheckboxSelectMultiple, "checkbox checkbox-sm"),
    (forms.RadioSelect, "radio radio-sm"),
    (forms.Select, "select w-full"),
    (forms.Textarea, "textarea w-full"),
    (forms.FileInput, "file-input w-full"),
    (forms.HiddenInput, ""),
    (Input, "input w-full"),
)


class StudioRenderer(TemplatesSetting):
    """Draws each field by our own template; widgets are Django's."""

    form_template_name = "studio/parts/form.html"
    field_template_name = "studio/parts/field.html"


def dress(form: forms.BaseForm) -> None:
    """Gives the widgets of a form their looks."""
    for bound in form.fields.values():
        look = next((look for kind, look in LOOKS if isinstance(bound.widget, kind)), "")
        said = bound.widget.attrs.get("class", "")
        bound.widget.attrs["class"] = f"{look} {said}".strip()


class StudioForm(forms.Form):
    """A form that looks like the Studio: `{{ form }}` draws it whole, `{{ form.name.as_field_group }}` one field."""

    default_renderer = StudioRenderer

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        dress(self)


class StudioDraftForm(DraftForm):
    """Of a draft: says every problem, and who has changed it since the form was opened. Saved by studio.saving."""

    default_renderer = StudioRenderer

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        dress(self)

    @property
    def overtaken_by(self) -> int | None:
        """The version that somebody else has saved since the form was opened."""
        seen = self.cleaned_data.get("seen_version") if self.is_bound else None
        if seen is None or self.instance.pk is None:
            return None
        stored = type(self.instance)._default_manager.filter(pk=self.instance.pk)
        version: int | None = stored.values_list("version", flat=True).first()
        return None if version == seen else version


class NamedDraftForm(StudioDraftForm):
    """Of a draft that is given its slug by hand, once: beside the names of drafts stands the page of a new one."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk is not None:
            del self.fields["slug"]
            return
        self.fields["slug"].widget.attrs["data-slug-of"] = "id_name"
        self.fields["slug"].help_text = gettext("Letters, digits and hyphens. It stays as it is once it is saved.")

    def clean_slug(self) -> str:
        slug = str(self.cleaned_data["slug"])
        if slug in RESERVED:
            raise forms.ValidationError(gettext("This name is taken by a page; choose another one."))
        return slug
