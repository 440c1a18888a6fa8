"""Caps as a small table: how often a rule is shown in each period, to each person and to everybody together."""

from collections.abc import Mapping
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.template.loader import render_to_string
from django.utils.safestring import SafeString

from rules.models import PERIODS

SPANS: Mapping[str, str] = {"hour": "an hour", "day": "a day", "week": "a week", "campaign": "in the whole campaign"}
OF: Mapping[str, str] = {"person": "to each person", "everybody": "to everybody together"}
PLACES = [(per, of) for of in OF for per, _ in PERIODS]
MAX_DIGITS = 10


class CapsWidget(forms.Widget):
    """A number for each period, of a person and of everybody; empty is no cap."""

    def render(self, name: str, value: Any, attrs: Any = None, renderer: Any = None) -> SafeString:
        typed = {(cap.get("per"), cap.get("of", "person")): cap.get("most") for cap in _list_caps(value)}
        rows = [
            {"span": SPANS[per], "cells": [_fill_cell(name, per, of, typed.get((per, of))) for of in OF]}
            for per, _ in PERIODS
        ]
        return render_to_string("admin/rules/caps.html", {"rows": rows, "columns": list(OF.values())})

    def value_from_datadict(self, data: Mapping[str, Any], files: Any, name: str) -> list[dict[str, str]]:
        typed = {(per, of): str(data.get(_name(name, per, of)) or "").strip() for per, of in PLACES}
        return [{"most": most, "per": per, "of": of} for (per, of), most in typed.items() if most]

    def value_omitted_from_data(self, data: Mapping[str, Any], files: Any, name: str) -> bool:
        return not any(_name(name, per, of) in data for per, of in PLACES)

    def id_for_label(self, id_: str) -> str:
        return ""  # there are several


class CapsField(forms.Field):
    widget = CapsWidget

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"required": False, "help_text": "Empty: as often as the rule wins.", **options})

    def to_python(self, value: Any) -> list[dict[str, Any]]:
        caps = []
        for cap in value or []:
            most = str(cap["most"])
            if not (most.isascii() and most.isdigit()) or len(most) > MAX_DIGITS or int(most) < 1:
                where = f"{SPANS[cap['per']]} {OF[cap['of']]}"
                raise ValidationError(f"At most how often {where}? Use a whole number from 1, or leave it empty.")
            caps.append({**cap, "most": int(most)})
        return caps

    def has_changed(self, initial: Any, data: Any) -> bool:
        return _number(initial) != _number(data)


def _list_caps(value: Any) -> list[Mapping[str, Any]]:
    return [cap for cap in value if isinstance(cap, Mapping)] if isinstance(value, list) else []


def _number(value: Any) -> dict[tuple[Any, Any], str]:
    return {(cap.get("per"), cap.get("of", "person")): str(cap.get("most")) for cap in _list_caps(value)}


def _name(name: str, per: str, of: str) -> str:
    return f"{name}-{of}-{per}"


def _fill_cell(name: str, per: str, of: str, most: Any) -> dict[str, Any]:
    said = f"At most so often {SPANS[per]} {OF[of]}"
    return {"name": _name(name, per, of), "value": "" if most is None else most, "label": said}
