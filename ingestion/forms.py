"""The forms in which operators say what a key or a client is allowed, and from where a source may send."""

from typing import Any

from django import forms
from django.utils import timezone
from django.utils.translation import gettext

from ingestion.models import Source
from ingestion.origins import BadOrigin, read_origin
from ingestion.scopes import MEANINGS, Scope, read_scopes

MOST_ORIGINS = 100


class OriginsField(forms.CharField):
    """Origins, one per line."""

    widget = forms.Textarea({"rows": 4, "cols": 60, "spellcheck": "false"})

    def prepare_value(self, value: Any) -> Any:
        return "\n".join(value) if isinstance(value, list) else value

    def to_python(self, value: Any) -> Any:
        lines = [line.strip() for line in (value or "").splitlines() if line.strip()]
        if len(lines) > MOST_ORIGINS:
            raise forms.ValidationError(
                gettext("At most %(most)s origins; *. takes all hosts below one together.") % {"most": MOST_ORIGINS}
            )
        origins, problems = [], []
        for line in lines:
            try:
                origins.append(read_origin(line))
            except BadOrigin as error:
                problems.append(str(error))
        if problems:
            raise forms.ValidationError(problems)
        return list(dict.fromkeys(origins))

    def validate(self, value: Any) -> None:
        """Whatever was read is in order."""

    def run_validators(self, value: Any) -> None:
        """Those of a text do not apply to a list."""

    def has_changed(self, initial: Any, data: Any) -> bool:
        try:
            return bool((initial or []) != self.to_python(data))
        except forms.ValidationError:
            return True


class ScopesField(forms.MultipleChoiceField):
    """A box for each scope, with the sentence that explains it."""

    widget = forms.CheckboxSelectMultiple

    def __init__(self, **more: Any) -> None:
        choices = [(scope.value, f"{scope.value} – {meaning}") for scope, meaning in MEANINGS.items()]
        super().__init__(choices=choices, label="May", **more)

    def clean(self, value: Any) -> list[str]:
        return [scope.value for scope in read_scopes(super().clean(value))]


class SecretKeyForm(forms.Form):
    name = forms.CharField(max_length=120, help_text="Who holds it, such as “checkout”: what you will know it by.")
    scopes = ScopesField(initial=[Scope.DECIDE])
    expires = forms.DateTimeField(
        required=False,
        help_text="From then on it is refused. None: until it is revoked.",
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}),
    )

    def clean_expires(self) -> Any:
        expires = self.cleaned_data["expires"]
        if expires is not None and expires <= timezone.now():
            raise forms.ValidationError("That moment has passed.")
        return expires


class OAuthClientForm(forms.Form):
    name = forms.CharField(max_length=120, help_text="The program that gets tokens, such as “mailer”.")
    source = forms.ModelChoiceField(Source.objects.order_by("name"), help_text="Whose tokens they are.")
    scopes = ScopesField(help_text="What its tokens may be allowed at most; it may ask for less.")


class OAuthClientChangeForm(forms.Form):
    """The source stays what it is: it says where events and decisions come from."""

    name = forms.CharField(max_length=120)
    scopes = ScopesField()
