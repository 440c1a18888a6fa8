"""The schedule of a rule as one types it: days and hours as the clocks of its own time zone show them."""

from datetime import UTC, datetime
from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from profiles import organisation
from rules.zones import find_zone, list_places

FORMAT = "%Y-%m-%dT%H:%M:%S"


def list_zones() -> list[tuple[str, str]]:
    """Every time zone that is named after a place, the organisation's first."""
    return [("", f"the organisation's, {organisation.find_zone()}"), *list_places()]


class ClockField(forms.DateTimeField):
    """What a clock shows, of a time zone that another field names."""

    widget = forms.DateTimeInput({"type": "datetime-local", "step": "1"}, format=FORMAT)

    def to_python(self, value: Any) -> datetime | None:
        if value in self.empty_values:
            return None
        if isinstance(value, datetime):
            return value
        try:
            return datetime.fromisoformat(str(value)).replace(tzinfo=None)
        except ValueError as error:
            raise ValidationError("That is no moment; it is written as in 2026-11-27T08:00.", code="invalid") from error


def show_clock(at: datetime | None, zone: str) -> datetime | None:
    """What the clocks of a zone show at a moment."""
    return None if at is None else at.astimezone(find_zone(zone)).replace(tzinfo=None)


def read_clock(shown: datetime, zone: str) -> datetime:
    """The moment at which the clocks of a zone show that, the first one when they show it twice. Raises ValidationError
    for what they never show."""
    at = shown.replace(tzinfo=find_zone(zone))
    if at.astimezone(UTC).astimezone(find_zone(zone)).replace(tzinfo=None) != shown:
        raise ValidationError("Clocks are put forward then, and never show that; choose another time.")
    return at
