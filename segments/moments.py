"""Moments as people read them, in the organisation's time zone."""

from datetime import datetime

from django.utils.translation import gettext

from profiles.writing import write_moment


def say_moment(at: datetime | str | None) -> str:
    """A moment that a snapshot is of, as it is stored or as a Book has it; None is that of its publishing."""
    if at is None:
        return gettext("the moment of publishing")
    moment = datetime.fromisoformat(at) if isinstance(at, str) else at
    return write_moment(moment)
