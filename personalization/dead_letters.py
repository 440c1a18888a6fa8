"""Dead letters: what their records say, and a slice of them put back with its entry in the audit trail."""

import json
from collections.abc import Callable
from datetime import datetime
from typing import Any

import msgspec
from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import QuerySet

from ingestion.accepted import unpack as unpack_accepted
from ingestion.models import DeadLetter
from personalization.wiring import replay
from profiles.audit import Act, record_act
from profiles.event import unpack

SHOWN_BYTES = 2_000  # of a record that cannot be read
SHOWN_LETTERS = 64_000  # of one that can
AT_ONCE = 100  # letters of one slice


class CannotBeRead(ValueError):
    """The record is none that this version of the product knows; the message says why."""


@transaction.atomic
def replay_slice(letters: QuerySet[DeadLetter], *, by: User, at: datetime, of: str) -> int:
    """Puts up to AT_ONCE letters that wait back, the oldest first; returns how many. `of` says which were meant. Raises
    LogUnavailable."""
    count = replay(letters.filter(replayed=None).defer("raw").order_by("pk")[:AT_ONCE])
    if count:
        record_act(Act.REPLAYED, by=by, at=at, kind="dead_letter", subject=of[:200], after={"letters": count})
    return count


def read_record(letter: DeadLetter) -> Any:
    """What the record says, by the names of its fields. Raises CannotBeRead."""
    read: Any = unpack_accepted if letter.log == DeadLetter.Log.ACCEPTED else unpack
    try:
        return _name_fields(read(bytes(letter.raw)))
    except (ValueError, RecursionError) as error:
        raise CannotBeRead(str(error)) from error


def show_record(letter: DeadLetter, change: Callable[[Any], Any] = lambda said: said) -> str:
    """The same as text; else why it cannot be read, and what can be seen of it."""
    try:
        return write_record(change(read_record(letter)))
    except CannotBeRead as error:
        return f"Cannot be decoded: {error}.\n\n{_show_bytes(bytes(letter.raw))}"


def _show_bytes(raw: bytes) -> str:
    try:
        return write_record(msgspec.msgpack.decode(raw))  # of another version of the product, perhaps
    except (ValueError, RecursionError):
        return f"{len(raw):,} bytes:\n{raw[:SHOWN_BYTES].hex(' ')}\n{raw[:SHOWN_BYTES]!r}"


def _name_fields(value: Any) -> Any:
    """Records travel as lists; people read names. Fields that say nothing are left out."""
    if isinstance(value, msgspec.Struct):
        named = {name: _name_fields(getattr(value, name)) for name in value.__struct_fields__}
        said = {name: inner for name, inner in named.items() if inner not in (None, {}, (), [])}
        return {"record": value.__struct_config__.tag, **said}
    return value


def write_record(value: Any) -> str:
    def say(other: object) -> str:
        return f"{len(other):,} bytes" if isinstance(other, bytes) else repr(other)

    return json.dumps(value, indent=2, ensure_ascii=False, default=say)[:SHOWN_LETTERS]
