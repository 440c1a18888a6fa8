"""The forms of publishing: a note, a moment, a comment."""

from django import forms
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _

from profiles.organisation import lazy_zone
from studio.fields import MomentField
from studio.forms import StudioForm


class PublishForm(StudioForm):
    """`seen` is what was looked at: nothing else is published."""

    note = forms.CharField(
        label=_("Note"),
        max_length=200,
        required=False,
        help_text=_("What this is for; it stays beside the Book."),
        widget=forms.TextInput({"autocomplete": "off"}),
    )
    seen = forms.CharField(max_length=64, required=False, widget=forms.HiddenInput)


class ScheduleForm(PublishForm):
    """When it is to be published later."""

    at = MomentField(
        label=_("Publish at"),
        help_text=format_lazy(_("By the clocks of {zone}."), zone=lazy_zone()),
    )
    field_order = ("at", "note")


class ApproveForm(StudioForm):
    comment = forms.CharField(
        label=_("Comment"), max_length=500, required=False, widget=forms.TextInput({"autocomplete": "off"})
    )
    seen = forms.CharField(max_length=64, widget=forms.HiddenInput)


class DeclineForm(StudioForm):
    comment = forms.CharField(
        label=_("What is to be changed"),
        max_length=500,
        help_text=_("Whoever has asked reads this."),
        widget=forms.Textarea({"rows": 2}),
    )
