"""A choice among hundreds, drawn at once: Django's own draws each option by a template."""

from collections.abc import Mapping
from typing import Any

from django import forms
from django.forms.utils import flatatt
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString


class LongSelect(forms.Select):
    def render(self, name: str, value: Any, attrs: Any = None, renderer: Any = None) -> SafeString:
        given: Mapping[str, Any] = self.build_attrs(self.attrs, {**(attrs or {}), "name": name})
        chosen = "" if value is None else str(value)
        options = format_html_join(
            "",
            '<option value="{}"{}>{}</option>',
            (
                (str(each), SafeString(" selected") if str(each) == chosen else "", label)
                for each, label in self.choices
            ),
        )
        return format_html("<select{}>{}</select>", flatatt(given), options)  # type: ignore[arg-type]  # any mapping does
