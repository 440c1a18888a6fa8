"""The forms of the organisation: its clocks, what it asks consent to, how long things are kept."""

from collections.abc import Collection
from typing import Any

from django import forms
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from ingestion.organising import LEAST_DAYS, MOST_DAYS, NO_ZONE
from profiles.organisation import Organisation
from rules.queries import Asking, list_asking
from rules.zones import list_places
from studio.forms import StudioForm
from studio.kinds import ORGANISATION_FIELDS
from studio.rules.selects import LongSelect


class OrganisationForm(StudioForm):
    """A part of what the organisation chooses; `seen` is the version of it that was looked at."""

    part: str
    chosen: tuple[str, ...]  # the fields of an Organisation that it is about
    overtaken_by: int | None = None  # the version that somebody else has saved since
    seen = forms.IntegerField(widget=forms.HiddenInput, required=False)

    def __init__(self, *args: Any, now: Organisation, **kwargs: Any) -> None:
        self.now = now
        initial = {"seen": now.version, **{field: getattr(now, field) for field in self.chosen}}
        super().__init__(*args, initial=initial, auto_id=f"{self.part}_%s", **kwargs)

    def tell_overtaken(self, version: int, said: str) -> None:
        """What was sent is shown again; sent once more, it is saved."""
        self.add_error(None, said)
        self.overtaken_by = version
        data: Any = self.data
        self.data = data = data.copy()
        data["seen"] = version

    def read(self) -> dict[str, Any]:
        """The fields of an Organisation that it says."""
        return {field: self.cleaned_data[field] for field in self.chosen}


class TimeForm(OrganisationForm):
    part, chosen = "time", ("zone",)
    zone = forms.ChoiceField(
        label=ORGANISATION_FIELDS["zone"], widget=LongSelect, error_messages={"invalid_choice": _(NO_ZONE)}
    )

    def __init__(self, *args: Any, now: Organisation, **kwargs: Any) -> None:
        super().__init__(*args, now=now, **kwargs)
        named = list_places()
        others = [] if now.zone in dict(named) else [(now.zone, now.zone)]  # the environment may say any
        self.fields["zone"].choices = [*others, *named]  # type: ignore[attr-defined]


class PurposesField(forms.CharField):
    """Purposes, one per line; cleaned to a tuple."""

    widget = forms.Textarea({"spellcheck": "false", "autocapitalize": "off"})

    def prepare_value(self, value: Any) -> Any:
        return "\n".join(value) if isinstance(value, tuple) else value

    def to_python(self, value: Any) -> Any:
        return tuple(line.strip() for line in (value or "").splitlines() if line.strip())

    def run_validators(self, value: Any) -> None:
        """Those of a text do not apply to a tuple."""


class ConsentForm(OrganisationForm):
    """A purpose that rules ask for is taken out only by who has been told of them, and says so."""

    part, chosen = "consent", ("purposes",)
    purposes = PurposesField(
        label=ORGANISATION_FIELDS["purposes"],
        required=False,
        help_text=_("One per line, such as email: as your consent banner names them."),
    )
    sure = forms.BooleanField(label=_("Take it out all the same"), required=False)

    def __init__(self, *args: Any, now: Organisation, **kwargs: Any) -> None:
        super().__init__(*args, now=now, **kwargs)
        self.asking: list[Asking] = []
        lines = str(self.data.get("purposes", "")).count("\n") if self.is_bound else len(now.purposes)
        self.fields["purposes"].widget.attrs["rows"] = min(max(4, lines + 1), 12)

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        gone = set(self.now.purposes) - set(cleaned.get("purposes", self.now.purposes))
        self.asking = find_asking(gone)
        if self.asking and not cleaned.get("sure"):
            self.add_error(None, gettext("Rules ask for what you take out; nothing is saved yet."))
        return cleaned


def find_asking(purposes: Collection[str]) -> list[Asking]:
    """The rules that ask for one of these."""
    return [each for each in list_asking() if each.purpose in purposes] if purposes else []


class DaysField(forms.IntegerField):
    """A number of days; how many it may be is said when it is saved."""

    def __init__(self, field: str, **more: Any) -> None:
        bounds = {"min": LEAST_DAYS[field], "max": MOST_DAYS}
        super().__init__(widget=forms.NumberInput({**bounds, "class": "max-w-44"}), **more)


class RetentionForm(OrganisationForm):
    part, chosen = "retention", tuple(LEAST_DAYS)
    retention_days = DaysField(
        "retention_days",
        label=ORGANISATION_FIELDS["retention_days"],
        help_text=_(
            "How far back conditions can look for single events. With more, less is forgotten from now on; with less, "
            "each person’s older events are forgotten with their next one. The archive keeps them for as long as the "
            "operator has set."
        ),
    )
    changes_days = DaysField(
        "changes_days",
        label=ORGANISATION_FIELDS["changes_days"],
        help_text=_("How long it is kept of each audience. What is older goes in the coming night, for good."),
    )
    decisions_days = DaysField(
        "decisions_days",
        label=ORGANISATION_FIELDS["decisions_days"],
        help_text=_(
            "How long they can be explained and replayed, at least. What is older goes in the coming night, by whole "
            "months, for good."
        ),
    )


FORMS: dict[str, type[OrganisationForm]] = {form.part: form for form in (TimeForm, ConsentForm, RetentionForm)}
