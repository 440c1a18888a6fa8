"""Forms of offers: what they are, codes that come in or are made, and points that are added or spent."""

from typing import Any
from uuid import uuid4

from django import forms
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from rules.codes import MOST_GENERATED, SHORTEST, find_generating_fault
from rules.models import Offer
from rules.points import MOST_POINTS
from studio.fields import ListFileField
from studio.forms import NamedDraftForm, StudioForm

EVERY = [
    ("campaign", _("once in the whole campaign")),
    ("week", _("once a week")),
    ("day", _("once a day")),
    ("hour", _("once an hour")),
]


class OfferForm(NamedDraftForm):
    """The kind stays what it was: what people were granted of it would mean something else."""

    class Meta:
        model = Offer
        fields = ["name", "slug", "kind", "points", "every"]
        labels = {
            "name": _("Name"),
            "slug": _("Short name in addresses and code"),
            "kind": _("What a person gets"),
            "points": _("How many points"),
            "every": _("How often"),
        }
        widgets = {"kind": forms.RadioSelect}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["every"].choices = EVERY  # type: ignore[attr-defined]  # a choice field
        self.fields["every"].help_text = gettext("Each person gets it, however often a rule shows it.")
        self.fields["points"].help_text = gettext("Granted each time; of loyalty points alone.")
        self.fields["points"].required = False
        offer = self.instance
        if offer.pk is None:
            return
        del self.fields["kind"]
        if offer.kind != Offer.Kind.POINTS:
            del self.fields["points"]

    def clean(self) -> dict[str, Any] | None:
        cleaned = super().clean() or self.cleaned_data
        kind = cleaned.get("kind") or self.instance.kind
        if kind == Offer.Kind.POINTS and not cleaned.get("points"):
            self.add_error("points", gettext("How many points does a person get?"))
        if kind != Offer.Kind.POINTS:
            cleaned["points"] = 0
        return cleaned


class CodesForm(StudioForm):
    file = ListFileField(
        label=_("File"),
        help_text=_("One code in each line, or a CSV with a column called code; plain or packed with gzip, in UTF-8."),
    )
    column = forms.CharField(
        label=_("Column"),
        required=False,
        max_length=255,
        help_text=_("The name of the column with the codes or, in a file without a header, its number."),
        widget=forms.TextInput({"autocomplete": "off"}),
    )


class GenerateForm(StudioForm):
    count = forms.IntegerField(label=_("How many"), min_value=1, max_value=MOST_GENERATED, initial=1_000)
    beginning = forms.CharField(
        label=_("Beginning"),
        required=False,
        max_length=40,
        strip=False,
        help_text=_("Of all of them, such as SUMMER-."),
        widget=forms.TextInput({"autocomplete": "off"}),
    )
    length = forms.IntegerField(
        label=_("Characters after it"),
        min_value=SHORTEST,
        initial=10,
        help_text=_("Nobody can foresee them, and none is taken for another one: no 0 and O, no 1, I and L."),
    )

    def clean(self) -> dict[str, Any] | None:
        cleaned = super().clean() or self.cleaned_data
        if not self.errors:
            fault = find_generating_fault(cleaned["count"], cleaned["beginning"], cleaned["length"])
            if fault is not None:
                raise forms.ValidationError(fault)
        return cleaned


class PointsForm(StudioForm):
    """`key` is made with the form, so that what is sent twice is booked once."""

    ADD, SPEND = "add", "spend"

    act = forms.ChoiceField(
        label=_("What happens"),
        choices=[(ADD, _("Points are added")), (SPEND, _("Points are spent"))],
        initial=ADD,
        widget=forms.RadioSelect,
    )
    points = forms.IntegerField(label=_("Points"), min_value=1, max_value=MOST_POINTS)
    note = forms.CharField(label=_("Why"), max_length=200, help_text=_("Stands in the ledger."))
    key = forms.RegexField(r"^studio:[0-9a-f]{32}\Z", widget=forms.HiddenInput)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["key"].initial = f"studio:{uuid4().hex}"
