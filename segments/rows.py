"""Rows of what happened in segments, as they are written. Pure."""

from datetime import datetime
from typing import NamedTuple


class ChangeRow(NamedTuple):
    """Somebody entered or left a segment: `cause` is what it came from, `because` the message or build."""

    profile_id: str
    segment: str
    what: str
    at: datetime
    cause: str
    because: str
