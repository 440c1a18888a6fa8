"""Where a page of the archive ends, as text for the call that asks for the next one."""

import base64
import binascii
from datetime import UTC, datetime

from personalization.graphql.problems import BAD_REQUEST, BadCall

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def write_cursor(at: datetime, number: int) -> str:
    """Where a page ends, for the one after it."""
    microseconds = (at - EPOCH) // (datetime.resolution)
    return base64.urlsafe_b64encode(f"{microseconds}.{number}".encode()).decode()


def read_cursor(cursor: str | None) -> tuple[datetime | None, int]:
    """Raises BadCall for one that was never given."""
    if cursor is None:
        return None, 0
    try:
        microseconds, _, number = base64.urlsafe_b64decode(cursor.encode()).decode().partition(".")
        return EPOCH + datetime.resolution * int(microseconds), _bounded(int(number))
    except (ValueError, OverflowError, binascii.Error):
        raise BadCall(BAD_REQUEST, "the cursor is not one that an answer gave as `next`") from None


def _bounded(number: int) -> int:
    if not 0 <= number < 2**63:
        raise ValueError("no number of a row")
    return number
