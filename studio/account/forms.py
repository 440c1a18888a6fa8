"""The forms of signing in and of one's own account."""

from typing import Any

from django import forms
from django.contrib.auth.forms import AuthenticationForm, PasswordChangeForm, SetPasswordForm
from django.utils.translation import gettext_lazy as _

from studio.account.recovery import read_code
from studio.forms import StudioForm, StudioRenderer, dress

CODE_LENGTH = 40  # with the dashes and spaces that people type


class SignInForm(AuthenticationForm):
    default_renderer = StudioRenderer

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        dress(self)


class CodeForm(StudioForm):
    """A code of the app, or one of the recovery codes."""

    code = forms.CharField(
        label=_("Code"),
        max_length=CODE_LENGTH,
        help_text=_("The six digits that your app shows now, or one of your recovery codes."),
        widget=forms.TextInput({"autocomplete": "one-time-code", "autofocus": True, "inputmode": "text"}),
    )

    def clean_code(self) -> str:
        return read_code(self.cleaned_data["code"])


class NewPasswordForm(PasswordChangeForm):
    default_renderer = StudioRenderer

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        dress(self)


class FirstPasswordForm(SetPasswordForm):  # type: ignore[type-arg]  # Django's own class takes no parameter
    default_renderer = StudioRenderer

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        dress(self)


class PasswordForm(StudioForm):
    """The password once more, before something that a stranger at an open screen must not do."""

    password = forms.CharField(
        label=_("Your password"), widget=forms.PasswordInput({"autocomplete": "current-password"})
    )
