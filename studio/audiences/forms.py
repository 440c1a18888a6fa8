"""The forms of audiences: their definition, the file of a list, a moment to be kept."""

from typing import Any

from django import forms
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from segments.forms import ConditionField, PastField
from segments.lists import NAME_LENGTH, find_free_slug
from segments.models import SLUG_LENGTH, Segment, Upload
from studio.fields import ListFileField
from studio.forms import StudioDraftForm, StudioForm

RESERVED = ("new", "removed")  # what else the addresses of audiences lead to
ADD, REPLACE = "add", "replace"
CONDITION = forms.Textarea({"rows": 16, "class": "font-mono text-sm", "spellcheck": "false"})


class AudienceForm(StudioDraftForm):
    """Of a new audience or a stored one; an instance says of which kind it is."""

    condition = ConditionField(label=_("Condition"), widget=CONDITION)
    as_of = PastField(
        required=False,
        label=_("As of"),
        help_text=_("The moment whose people are kept. Empty: the moment at which it is published."),
    )

    class Meta:
        model = Segment
        fields = ("name", "slug", "description", "condition", "as_of", "live")
        labels = {"name": _("Name"), "description": _("Description"), "live": _("Live")}
        help_texts = {"live": _("Part of the next publication. Switched off, it leaves with that.")}
        widgets = {"description": forms.Textarea({"rows": 2})}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["name"].widget.attrs["autocomplete"] = "off"
        if self.instance.kind == Segment.Kind.LIST:
            del self.fields["condition"]
        if self.instance.kind != Segment.Kind.SNAPSHOT:
            del self.fields["as_of"]
        if self.instance.pk is not None:
            del self.fields["slug"]
        else:
            self.fields["slug"] = forms.SlugField(
                max_length=SLUG_LENGTH,
                required=False,
                label=_("Short name"),
                help_text=_("By which rules and developers know it. It is made of the name, and stays as it is."),
                widget=forms.TextInput(
                    {"class": "input w-full", "autocomplete": "off", "data-slug-of": "id_name", "spellcheck": "false"}
                ),
            )

    def clean_slug(self) -> str:
        slug: str = self.cleaned_data["slug"] or find_free_slug(
            self.cleaned_data.get("name", ""), otherwise="audience", reserved=RESERVED
        )
        if slug in RESERVED:
            raise forms.ValidationError(gettext("The Studio uses this word itself; choose another one."))
        return slug


class UploadForm(StudioForm):
    file = ListFileField(
        label=_("File"),
        help_text=_("A CSV file, or one id on each line; plain or packed with gzip, in UTF-8."),
    )
    how = forms.ChoiceField(
        required=False,
        label=_("These people"),
        choices=[
            (ADD, _("come in beside those who are in the list")),
            (REPLACE, _("take the place of those who are in the list")),
        ],
        initial=ADD,
        widget=forms.RadioSelect,
    )
    column = forms.CharField(
        required=False,
        max_length=255,
        label=_("Column"),
        help_text=_(
            "With the ids: its name or, in a file without a header, its number. Columns called profile_id, user_id, "
            "anonymous_id or id are found by themselves."
        ),
        widget=forms.TextInput({"autocomplete": "off"}),
    )
    ids = forms.ChoiceField(
        required=False,
        label=_("Its ids are"),
        choices=[
            ("", _("what the column is called, else user ids")),
            (Upload.Ids.USER, _("User ids")),
            (Upload.Ids.ANONYMOUS, _("Anonymous ids")),
            (Upload.Ids.PROFILE, _("Profile ids")),
        ],
    )


class FreezeForm(StudioForm):
    name = forms.CharField(max_length=NAME_LENGTH, label=_("Name"), widget=forms.TextInput({"autocomplete": "off"}))
    as_of = PastField(required=False, label=_("As of"), help_text=_("Leave it empty for now."))


class CohortForm(StudioForm):
    """Which other audience a snapshot is compared with."""

    with_slug = forms.ChoiceField(label=_("Compare with"))

    def __init__(self, *args: Any, others: list[tuple[str, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choices: Any = self.fields["with_slug"]
        choices.choices = others
