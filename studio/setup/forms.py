"""The forms of set-up: a source, a secret key, an OAuth client."""

import json
from collections.abc import Mapping
from hashlib import sha256
from typing import Any

from django import forms
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from ingestion.forms import OriginsField
from ingestion.models import Source
from ingestion.origins import BadOrigin, read_origin
from ingestion.scopes import Scope, read_scopes
from studio.forms import StudioForm
from studio.setup.words import KINDS, SCOPES


def digest(said: Mapping[str, Any]) -> str:
    """A mark of what was said when a form was opened."""
    return sha256(json.dumps(said, sort_keys=True, default=str).encode()).hexdigest()[:16]


class GuardedForm(StudioForm):
    """Of something that another may change meanwhile: `now` is what is stored, and the form says when it differs from
    what was shown."""

    seen = forms.CharField(required=False, widget=forms.HiddenInput)

    def __init__(self, *args: Any, now: Mapping[str, Any], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._mark = digest(now)
        self.fields["seen"].initial = self._mark

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        if (seen := cleaned.get("seen")) and seen != self._mark:
            data: Any = self.data
            self.data = data = data.copy()
            data[self.add_prefix("seen")] = self._mark
            raise forms.ValidationError(
                gettext("Somebody else has changed this since you opened it. Save again to have it your way.")
            )
        return cleaned


class NewSourceForm(StudioForm):
    """Three questions at most."""

    name = forms.CharField(
        label=_("What is it called?"), max_length=120, help_text=_("As your colleagues know it: “Shop”, “Loyalty app”.")
    )
    kind = forms.ChoiceField(
        label=_("What sends the events?"),
        choices=[(kind, label) for kind, (label, _says, _icon) in KINDS.items()],
        widget=forms.RadioSelect,
        initial=Source.Kind.SITE,
    )
    address = forms.CharField(
        label=_("At which address are its pages?"),
        required=False,
        max_length=200,
        help_text=_(
            "Such as https://shop.example. Pages elsewhere cannot send then. Leave it empty if you are not sure."
        ),
    )

    def clean_address(self) -> str:
        text = self.cleaned_data["address"].strip()
        if not text:
            return ""
        try:
            return read_origin(text if "://" in text else f"https://{text}")
        except BadOrigin as error:
            raise forms.ValidationError(str(error)) from error


class SourceForm(GuardedForm):
    name = forms.CharField(label=_("Name"), max_length=120)
    kind = forms.ChoiceField(label=_("Kind"), choices=[(kind, label) for kind, (label, _s, _i) in KINDS.items()])
    origins = OriginsField(
        label=_("Pages that may send and ask"),
        required=False,
        help_text=_(
            "One address per line, such as https://shop.example or https://*.shop.example for every host below it. "
            "None: pages anywhere may."
        ),
    )
    strict = forms.BooleanField(
        label=_("Answer invalid events with an error"),
        required=False,
        help_text=_("For the time of development. SDKs expect success, and send what is refused again and again."),
    )
    debug = forms.BooleanField(
        label=_("Show visitors’ pages what the engine sees of them"),
        required=False,
        help_text=_("Anybody who opens the page can read it in the browser’s console. Not for production."),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["origins"].widget.attrs["rows"] = 3


class ScopesField(forms.MultipleChoiceField):
    """A box for each scope, with the sentence that explains it."""

    widget = forms.CheckboxSelectMultiple

    def __init__(self, **more: Any) -> None:
        super().__init__(choices=[(scope.value, says) for scope, says in SCOPES.items()], label=_("May"), **more)

    def clean(self, value: Any) -> list[str]:
        return [scope.value for scope in read_scopes(super().clean(value))]


class SecretKeyForm(StudioForm):
    name = forms.CharField(
        label=_("Who holds it?"), max_length=120, help_text=_("Such as “checkout”: what you will know it by.")
    )
    scopes = ScopesField(initial=[Scope.DECIDE])
    expires = forms.DateTimeField(
        label=_("Until when is it good?"),
        required=False,
        help_text=_("From then on it is refused. Empty: until it is revoked."),
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
    )

    def clean_expires(self) -> Any:
        expires = self.cleaned_data["expires"]
        if expires is not None and expires <= timezone.now():
            raise forms.ValidationError(gettext("That moment has passed."))
        return expires


class NewClientForm(StudioForm):
    name = forms.CharField(label=_("Which program?"), max_length=120, help_text=_("Such as “mailer”."))
    source = forms.ModelChoiceField(
        Source.objects.order_by("name"),
        label=_("For which source?"),
        help_text=_("Its events and calls are counted there."),
    )
    scopes = ScopesField(help_text=_("What its tokens may be allowed at most; it may ask for less."))


class ClientForm(GuardedForm):
    """The source stays what it is: it says where events and decisions come from."""

    name = forms.CharField(label=_("Name"), max_length=120)
    scopes = ScopesField()
