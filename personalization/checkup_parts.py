"""One part of the product as the page of its health shows it: a light, figures, and what to do."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from django.utils.translation import gettext as _

UNITS = ("B", "KB", "MB", "GB", "TB")


class Light(StrEnum):
    GOOD = "good"
    WARNING = "warning"  # somebody should look at it soon
    BAD = "bad"  # something does not happen because of it


@dataclass(frozen=True)
class Figure:
    label: str
    value: Any
    at: datetime | None = None


@dataclass(frozen=True)
class Part:
    """`todo` says what is wrong and how to mend it; empty while nothing is."""

    key: str
    name: str
    icon: str
    light: Light
    says: str
    figures: tuple[Figure, ...] = field(default=())
    todo: str = ""


def say_bytes(count: float) -> str:
    """1.2 GB."""
    for unit in UNITS:
        if count < 1_000 or unit == UNITS[-1]:
            return f"{count:.0f} {unit}" if unit == "B" or count >= 100 else f"{count:.1f} {unit}"
        count /= 1_000
    raise AssertionError


def say_lag(milliseconds: int) -> str:
    """How far something is behind."""
    if milliseconds < 100:
        return _("none")
    if milliseconds < 10_000:
        return _("%(count).1f s") % {"count": milliseconds / 1_000}
    seconds = milliseconds // 1_000
    return str(timedelta(seconds=seconds)) if seconds >= 120 else _("%(count)d s") % {"count": seconds}


def by_lag(milliseconds: int, *, warning: int, bad: int) -> Light:
    return Light.BAD if milliseconds >= bad else Light.WARNING if milliseconds >= warning else Light.GOOD
