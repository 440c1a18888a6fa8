"""Numbers and moments as people read them, in the language of whoever reads; the moments in the organisation's zone."""

from datetime import datetime

from django.utils import timezone
from django.utils.formats import date_format, number_format
from django.utils.translation import get_language, gettext


def write_number(number: int) -> str:
    """Such as 12,345."""
    return number_format(number, force_grouping=True)


def write_moment(at: datetime) -> str:
    """To the second, such as 27 Nov 2026, 08:00:00."""
    return write_clock(timezone.localtime(at))


def write_minute(at: datetime) -> str:
    """To the minute."""
    # Translators: the form of a moment as Django writes it, such as 27 Nov 2026, 08:00
    return date_format(timezone.localtime(at), gettext("j M Y, H:i"))


def write_day(local: datetime) -> str:
    """The day of a moment by the clocks of its own zone, such as 27 Nov 2026."""
    # Translators: the form of a day as Django writes it, such as 27 Nov 2026
    return date_format(local, gettext("j M Y"))


def write_clock(local: datetime) -> str:
    """A moment as the clocks of its own zone show it, to the second."""
    # Translators: the form of a moment as Django writes it, such as 27 Nov 2026, 08:00:00
    return date_format(local, gettext("j M Y, H:i:s"))


def write_known(text: str) -> str:
    """What is stored in English, in the reader's language where it is one of the product's own sentences."""
    return gettext(text) if text else ""


def write_within(label: str) -> str:
    """A label as a part of a sentence: English begins it small, German leaves it as it is."""
    language = get_language() or "en"
    return label.lower() if language.startswith("en") else label
