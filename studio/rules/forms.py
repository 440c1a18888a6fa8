"""The forms of rules and slots."""

from typing import TYPE_CHECKING, Any

from django import forms
from django.utils.text import slugify
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from profiles.organisation import read_organisation
from rules.copying import find_free_slug
from rules.models import Block, Offer, Rule, Slot
from rules.starters import STARTERS
from segments.forms import ConditionField
from segments.models import Segment
from studio.forms import StudioDraftForm, StudioForm
from studio.rules import schedule
from studio.rules.caps import CapsField
from studio.rules.schedule import ClockField
from studio.rules.selects import LongSelect
from studio.rules.words import find_audience, make_condition

EVERYBODY, AUDIENCE, CONDITION = "everybody", "audience", "condition"
TAKEN = ("new",)  # addresses of pages


if TYPE_CHECKING:
    AnyModelChoice = forms.ModelChoiceField[Any]
else:  # Django's own class takes no parameter
    AnyModelChoice = forms.ModelChoiceField


class NamedChoice(AnyModelChoice):
    """Definitions by their names, known by their slugs."""

    def __init__(self, queryset: Any, **options: Any) -> None:
        super().__init__(queryset, **{"to_field_name": "slug", "blank": True, "widget": LongSelect, **options})


class BlockChoice(NamedChoice):
    def label_from_instance(self, obj: Any) -> str:
        return f"{obj.name} ({obj.get_kind_display()})"


class RuleForm(StudioDraftForm):
    """Where, who, what, when, how often. The parts of the page that answer while one types read it, too."""

    name = forms.CharField(label=_("Name"), max_length=120, widget=forms.TextInput({"autocomplete": "off"}))
    slug = forms.SlugField(
        label=_("Short name"),
        max_length=64,
        required=False,
        help_text=_("What developers and reports know it by; made of the name if empty, and stays."),
    )
    slot = NamedChoice(Slot.objects.order_by("name", "slug"), label=_("Slot"), empty_label=_("Choose a slot"))
    who = forms.ChoiceField(
        label=_("For whom"),
        choices=[
            (EVERYBODY, _("Everybody")),
            (AUDIENCE, _("People in an audience")),
            (CONDITION, _("People who match a condition")),
        ],
        widget=forms.RadioSelect,
    )
    audience = NamedChoice(
        Segment.objects.order_by("name", "slug"),
        label=_("Audience"),
        required=False,
        empty_label=_("Choose an audience"),
    )
    condition = ConditionField(label=_("Condition"), required=False, widget=forms.Textarea({"rows": 12}))
    block = BlockChoice(Block.objects.order_by("name", "slug"), label=_("Block"), empty_label=_("Choose a block"))
    offer = NamedChoice(Offer.objects.order_by("name", "slug"), label=_("Offer"), required=False, empty_label=_("None"))
    starts = ClockField(label=_("From"), help_text=_("Empty: from the moment it is published."))
    ends = ClockField(label=_("Until"), help_text=_("A day alone means until its end. Empty: for good."))
    zone = forms.ChoiceField(
        label=_("Time zone"), required=False, choices=schedule.list_zone_choices, widget=LongSelect
    )
    caps = CapsField(label=_("How often"))
    purpose = forms.ChoiceField(
        label=_("Consent"),
        required=False,
        help_text=_("Only people who agreed to this see it."),
    )
    priority = forms.IntegerField(label=_("Priority"), initial=0, help_text=_("The highest that holds wins."))
    weight = forms.IntegerField(
        label=_("Weight"),
        required=False,
        min_value=1,
        help_text=_("Its part of the people, among rules of the same priority."),
    )
    live = forms.BooleanField(
        label=_("Live"), required=False, help_text=_("Part of the next publication. Switched off, it leaves with that.")
    )

    class Meta:
        model = Rule
        fields = (
            *("name", "slug", "slot", "condition", "block", "offer", "starts", "ends", "zone", "caps"),
            *("purpose", "priority", "weight", "live"),
        )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        rule = self.instance
        if rule.pk is not None:
            del self.fields["slug"]
            self.initial.update(
                {
                    "starts": schedule.show_start(rule.starts, rule.zone),
                    "ends": schedule.show_end(rule.ends, rule.zone),
                }
            )
            self.initial.update({"slot": rule.slot.slug, "block": rule.block.slug})
            self.initial["offer"] = rule.offer.slug if rule.offer else None
            audience = find_audience(rule.condition)
            who = EVERYBODY if rule.condition is None else AUDIENCE if audience else CONDITION
            self.initial.update({"who": who, "audience": audience})
        else:
            self.initial.setdefault("who", AUDIENCE if self.initial.get("audience") else EVERYBODY)
        purposes = list(dict.fromkeys([*read_organisation().purposes, *([rule.purpose] if rule.purpose else [])]))
        choices: Any = [("", _("Not needed")), *((each, each.capitalize()) for each in purposes)]
        self.fields["purpose"].choices = choices  # type: ignore[attr-defined]

    def clean_slug(self) -> str:
        return _read_slug(self.cleaned_data["slug"]) or _make_slug(self.cleaned_data.get("name", ""), "rule")

    def clean(self) -> dict[str, Any] | None:
        cleaned = super().clean() or self.cleaned_data
        self._clean_whom(cleaned)
        zone = cleaned.get("zone") or ""
        for field, read in (("starts", schedule.read_start), ("ends", schedule.read_end)):
            clock = cleaned.get(field)
            if field in self.errors:
                continue
            if self.instance.pk is not None and not {field, "zone"} & set(self.changed_data):
                cleaned[field] = getattr(self.instance, field)  # of an hour that clocks show twice, the same one
            elif clock is not None:
                try:
                    cleaned[field] = read(clock, zone)
                except forms.ValidationError as error:
                    self.add_error(field, error)
        return cleaned

    def _clean_whom(self, cleaned: dict[str, Any]) -> None:
        who = cleaned.get("who")
        if who != CONDITION:
            self.errors.pop("condition", None)  # what stands in an editor that is not shown
            cleaned["condition"] = None
        if who != AUDIENCE:
            self.errors.pop("audience", None)
        if who == AUDIENCE and "audience" not in self.errors:
            audience = cleaned.get("audience")
            if audience is None:
                self.add_error("audience", gettext("Choose an audience."))
            elif find_audience(self.instance.condition) == audience.slug:
                cleaned["condition"] = self.instance.condition  # its ids stay
            else:
                cleaned["condition"] = make_condition(audience.slug)
        if who == CONDITION and not cleaned.get("condition") and "condition" not in self.errors:
            self.add_error("condition", gettext("Say whom it is for, or choose everybody."))


class SlotForm(StudioDraftForm):
    """A named place."""

    name = forms.CharField(label=_("Name"), max_length=120, widget=forms.TextInput({"autocomplete": "off"}))
    slug = forms.SlugField(
        label=_("Short name"),
        max_length=64,
        required=False,
        help_text=_("What pages ask for it by, such as home-hero; made of the name if empty, and stays."),
    )
    channel = forms.ChoiceField(
        label=_("Where it is"),
        choices=[
            (Slot.Channel.WEB, _("Web page")),
            (Slot.Channel.EMAIL, _("E-mail")),
            (Slot.Channel.JSON, _("App or back end, as JSON")),
        ],
    )
    kinds = forms.MultipleChoiceField(
        label=_("Takes"),
        required=False,
        choices=Block.Kind.choices,
        widget=forms.CheckboxSelectMultiple,
        help_text=_("Kinds of block; none chosen: all that fit where it is."),
    )
    default = BlockChoice(
        Block.objects.order_by("name", "slug"),
        label=_("When no rule matches"),
        required=False,
        empty_label=_("The page’s own content"),
    )

    class Meta:
        model = Slot
        fields = ("name", "slug", "channel", "kinds", "default")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk is not None:
            del self.fields["slug"]
            self.initial["default"] = self.instance.default.slug if self.instance.default else None

    def clean_slug(self) -> str:
        wanted = _read_slug(self.cleaned_data["slug"])
        return wanted or _make_slug(self.cleaned_data.get("name", ""), "slot", is_new=False)


class StarterForm(StudioForm):
    """A template, and the slot it is for."""

    starter = forms.ChoiceField(choices=[(each.name, each.title) for each in STARTERS])
    slot = NamedChoice(Slot.objects.order_by("name", "slug"), label=_("Slot"), empty_label=_("Choose a slot"))


def _read_slug(slug: str) -> str:
    if slug in TAKEN:
        raise forms.ValidationError(gettext("That is the address of a page; choose another short name."))
    return slug


def _make_slug(name: str, otherwise: str, *, is_new: bool = True) -> str:
    slug = slugify(name)[:60] or otherwise
    slug = f"{slug}-{otherwise}" if slug in TAKEN else slug
    return find_free_slug(slug) if is_new else slug
