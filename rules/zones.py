"""Time zones that a schedule can be in: those named after a place, and the one that a rule has."""

from functools import cache
from zoneinfo import ZoneInfo, available_timezones

from profiles import organisation
from segments.conditions.calendar import is_zone

_OTHERS = ("Etc/", "posix/", "right/", "SystemV/")  # name no place


@cache
def list_places() -> list[tuple[str, str]]:
    """Name and label of every zone that is named after a place, and of UTC."""
    places = (name for name in available_timezones() if "/" in name and not name.startswith(_OTHERS))
    return [(name, name.replace("_", " ")) for name in (*sorted(places), "UTC")]


def find_zone(zone: str) -> ZoneInfo:
    """The zone of that name; the organisation's where there is none."""
    return ZoneInfo(zone if zone and is_zone(zone) else organisation.find_zone())
