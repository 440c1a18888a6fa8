"""Why something that came in was not taken: a closed list, and what is told about one refusal. Pure."""

from enum import StrEnum

import msgspec
from msgspec.structs import replace

from profiles.consent import Permission, may_keep

MAX_SAMPLE = 1_024  # bytes of a refused event that are kept for the debugger


class Refused(StrEnum):
    """Every reason there is. docs/reference/refusals.md says what each means and how to mend it."""

    # The whole body or frame
    BROKEN_JSON = "broken_json"
    NOT_UTF8 = "not_utf8"
    BAD_GZIP = "bad_gzip"
    BAD_BATCH = "bad_batch"
    TOO_LARGE_BODY = "too_large_body"
    TOO_MANY_EVENTS = "too_many_events"
    UNKNOWN_KEY = "unknown_key"
    ORIGIN_REFUSED = "origin_refused"
    # One event
    TOO_LARGE_EVENT = "too_large_event"
    TOO_DEEP = "too_deep"
    TOO_MANY_KEYS = "too_many_keys"
    MISSING_TYPE = "missing_type"
    BAD_TYPE = "bad_type"
    MISSING_EVENT = "missing_event"
    MISSING_IDENTITY = "missing_identity"
    TOO_LONG_ID = "too_long_id"
    TOO_LONG_NAME = "too_long_name"
    BAD_TIMESTAMP = "bad_timestamp"
    BAD_FIELD = "bad_field"
    BAD_TEXT = "bad_text"
    SCHEMA_MISMATCH = "schema_mismatch"
    ALIAS_TO_SELF = "alias_to_self"
    NO_CONSENT = "no_consent"


# Not taken, and nobody's mistake: strict mode does not turn these into an error.
HARMLESS = frozenset({Refused.ALIAS_TO_SELF, Refused.NO_CONSENT})


class Refusal(msgspec.Struct, frozen=True):
    """One refusal: `message` says what is wrong, where, and how to mend it, without quoting any value of the event.

    `at` is when it came in, Unix milliseconds; `sample` its first bytes and the ids behind them, for the
    debugger only.
    """

    reason: Refused
    message: str
    at: int
    message_id: str | None = None
    sample: bytes = b""


def heed_consent(refusal: Refusal, permission: Permission) -> Refusal:
    """Of a body that is refused whole: without consent it counts, and no sample of it is kept."""
    return refusal if may_keep(permission) else replace(refusal, sample=b"")
