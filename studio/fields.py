"""Fields that several forms of the Studio have."""

from typing import Any

from django import forms
from django.conf import settings
from django.utils.translation import gettext

from profiles.writing import write_number


class MomentField(forms.DateTimeField):
    """A moment by the organisation's clocks, as browsers send it."""

    widget = forms.DateTimeInput({"type": "datetime-local"}, format="%Y-%m-%dT%H:%M")
    input_formats = ("%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M")


class ListFileField(forms.FileField):
    """A file of lines, plain or packed, as large as lists may be."""

    widget = forms.FileInput({"accept": ".csv,.txt,.tsv,.gz,text/csv,text/plain"})

    def clean(self, data: Any, initial: Any = None) -> Any:
        file = super().clean(data, initial)
        if file and file.size > settings.PZ_MAX_LIST_BYTES:
            said = gettext(
                "The file has %(size)s bytes, and %(most)s are taken; pack it with gzip, or upload it in parts."
            )
            sizes = {"size": write_number(file.size), "most": write_number(settings.PZ_MAX_LIST_BYTES)}
            raise forms.ValidationError(said % sizes)
        return file
