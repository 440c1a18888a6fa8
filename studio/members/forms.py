"""The forms of the people who work here."""

from django import forms
from django.contrib.auth.validators import UnicodeUsernameValidator
from django.utils.translation import gettext_lazy as _

from studio.forms import StudioForm
from studio.roles import MEANINGS, Role


class RoleForm(StudioForm):
    role = forms.ChoiceField(label=_("Role"), widget=forms.RadioSelect, initial=Role.VIEWER)
    personal = forms.BooleanField(
        label=_("Sees personal data"),
        required=False,
        help_text=_("Names, addresses and ids of people unmasked; analysts and publishers may export and erase too."),
    )

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        choices = [(role.value, f"{role.label}: {MEANINGS[role]}") for role in Role]
        self.fields["role"].choices = choices  # type: ignore[attr-defined]  # of a ChoiceField, in the reader's language


class TakeInForm(RoleForm):
    name = forms.CharField(
        label=_("Name"),
        max_length=150,
        validators=[UnicodeUsernameValidator()],
        help_text=_("What they sign in with, such as an e-mail address."),
        widget=forms.TextInput({"autocomplete": "off"}),
    )
    field_order = ["name", "role", "personal"]


class MemberForm(RoleForm):
    active = forms.BooleanField(
        label=_("May sign in"), required=False, help_text=_("Off: signed out everywhere, and kept out.")
    )
