"""Moments as people read them, in the organisation's time zone."""

from datetime import datetime

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext


def say_moment(at: datetime | str | None) -> str:
    """A moment that a snapshot is of, as it is stored or as a Book has it; None is that of its publishing."""
    if at is None:
        return gettext("the moment of publishing")
    moment = datetime.fromisoformat(at) if isinstance(at, str) else at
    return str(date_format(timezone.localtime(moment), "j M Y, H:i:s"))
