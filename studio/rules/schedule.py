"""When a rule is on, as people type it: a day, and a time where it is not the whole day, by the clocks of a zone."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Any, NamedTuple

from django import forms
from django.core.exceptions import ValidationError
from django.utils.formats import date_format
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from profiles import organisation
from rules.zones import find_zone, list_places

FIRST, LAST = 1970, 2999  # years
MIDNIGHT = time()


class Clock(NamedTuple):
    """What was typed: `time` None is the whole day."""

    day: date
    time: time | None


class ClockWidget(forms.MultiWidget):
    """A day, and a time that may stay empty."""

    template_name = "studio/rules/clock.html"

    def __init__(self) -> None:
        day = forms.DateInput({"type": "date", "min": "1970-01-01"}, format="%Y-%m-%d")
        hour = forms.TimeInput({"type": "time"}, format="%H:%M")
        super().__init__({"day": day, "time": hour})

    def decompress(self, value: Clock | None) -> list[Any]:
        if value is None:
            return [None, None]
        told = value.time
        return [value.day, None if told is None else told.isoformat("seconds" if told.second else "minutes")]

    def get_context(self, name: str, value: Any, attrs: dict[str, Any] | None) -> dict[str, Any]:
        context: dict[str, Any] = super().get_context(name, value, attrs)
        day, hour = context["widget"]["subwidgets"]
        for part, said in ((day, gettext("Day")), (hour, gettext("Time"))):
            part["attrs"] |= {"aria-label": said, "class": "input w-auto"}
        if str(hour["value"] or "").count(":") == 2:
            hour["attrs"]["step"] = "1"
        return context


class ClockField(forms.MultiValueField):
    """Cleaned to a Clock, or None."""

    def __init__(self, **options: Any) -> None:
        fields = (
            forms.DateField(required=False, input_formats=("%Y-%m-%d",)),
            forms.TimeField(required=False, input_formats=("%H:%M", "%H:%M:%S")),
        )
        super().__init__(
            **{
                "fields": fields,
                "widget": ClockWidget(),
                "required": False,
                "require_all_fields": False,
                **options,
            }
        )

    def compress(self, data_list: list[Any]) -> Clock | None:
        day, hour = data_list or (None, None)
        if day is None and hour is not None:
            raise ValidationError(gettext("A time needs its day."))
        return None if day is None else Clock(day, hour)


def list_zone_choices() -> list[tuple[str, Any]]:
    return [("", _("The organisation's: %(zone)s") % {"zone": organisation.find_zone()}), *list_places()]


def show_start(at: datetime | None, zone: str) -> Clock | None:
    """A start as one types it: midnight is the whole day."""
    if at is None:
        return None
    local = at.astimezone(find_zone(zone))
    return Clock(local.date(), None if local.time() == MIDNIGHT else local.time())


def show_end(at: datetime | None, zone: str) -> Clock | None:
    """An end as one types it: the midnight after a day is the end of that day."""
    if at is None:
        return None
    local = at.astimezone(find_zone(zone))
    return (
        Clock(local.date() - timedelta(days=1), None) if local.time() == MIDNIGHT else Clock(local.date(), local.time())
    )


def read_start(clock: Clock, zone: str) -> datetime:
    """Raises ValidationError for what clocks never show."""
    return _read(clock.day, clock.time, zone)


def read_end(clock: Clock, zone: str) -> datetime:
    """The first moment after; raises ValidationError for what clocks never show."""
    _check_year(clock.day)
    return _read(clock.day if clock.time else clock.day + timedelta(days=1), clock.time, zone)


def _read(day: date, hour: time | None, zone: str) -> datetime:
    _check_year(day)
    shown = datetime.combine(day, hour or MIDNIGHT)
    at = shown.replace(tzinfo=find_zone(zone))
    settled = at.astimezone(UTC).astimezone(find_zone(zone))
    if hour is not None and settled.replace(tzinfo=None) != shown:
        raise ValidationError(gettext("Clocks are put forward then, and never show that; choose another time."))
    return settled


def _check_year(day: date) -> None:
    if not FIRST <= day.year <= LAST:
        raise ValidationError(gettext("Choose a day of our time."))


def say_start(at: datetime, zone: str) -> str:
    """`1 August 2027`, with the time where it is none of midnight."""
    return _say(show_start(at, zone), zone, is_end=False)


def say_end(at: datetime, zone: str) -> str:
    """`31 August 2027, end of the day`, or with the time."""
    return _say(show_end(at, zone), zone, is_end=True)


def _say(clock: Clock | None, zone: str, *, is_end: bool) -> str:
    if clock is None:
        return ""
    day = date_format(clock.day, "j F Y")
    if clock.time is None:
        said = gettext("%(day)s, end of the day") % {"day": day} if is_end else day
    else:
        said = gettext("%(day)s at %(time)s") % {"day": day, "time": clock.time.strftime("%H:%M")}
    if zone and zone != organisation.find_zone():
        return gettext("%(moment)s in %(place)s") % {"moment": said, "place": zone.rpartition("/")[2].replace("_", " ")}
    return said


def say_state(starts: datetime | None, ends: datetime | None, zone: str, now: datetime) -> tuple[str, str]:
    """Whether it is on by its schedule, and in words: (`always`, `ahead`, `running` or `over`, words)."""
    if ends is not None and ends <= now:
        return "over", gettext("Ended %(day)s") % {"day": say_end(ends, zone)}
    if starts is not None and now < starts:
        if ends is None:
            return "ahead", gettext("From %(day)s") % {"day": say_start(starts, zone)}
        both = {"day": say_start(starts, zone), "end": say_end(ends, zone)}
        return "ahead", gettext("From %(day)s until %(end)s") % both
    if ends is not None:
        return "running", gettext("Until %(day)s") % {"day": say_end(ends, zone)}
    return (
        ("running", gettext("Since %(day)s") % {"day": say_start(starts, zone)})
        if starts
        else ("always", gettext("Always"))
    )
