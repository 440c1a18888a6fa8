"""What the processor has to know of each kind of record: what to load for it, by what it is known to have been applied
before, and who applies it. Pure."""

from collections.abc import Iterable, Mapping

from msgspec import ValidationError

from ingestion.erasing import erase_person
from ingestion.filling import enrol_people, fill_profiles, settle_profiles
from ingestion.mending import mend_profile
from ingestion.merging import merge_profile, retire_profile
from ingestion.recalling import recall_properties
from ingestion.splitting import restore_profile, split_profile
from ingestion.steps import Outcome, Work, apply_event
from profiles.event import (
    Enrol,
    Erase,
    Event,
    Fill,
    Mend,
    Merge,
    Recall,
    Record,
    Restore,
    Retire,
    Settle,
    Split,
    pack,
    unpack,
    user_key,
)
from profiles.identity import apart_key, identifiers, retired_key, route
from profiles.store import mark_of, mark_of_record


def apply_record(work: Work, record: Record) -> None:
    match record:
        case Event():
            apply_event(work, record)
        case Retire():
            retire_profile(work, record)
        case Merge() if (mark := mark_of_record(pack(record))) not in work.seen:
            if merge_profile(work, record):
                work.mark(mark)
        case Split():
            split_profile(work, record)
        case Restore() if (mark := mark_of_record(pack(record))) not in work.seen:
            restore_profile(work, record)
            work.mark(mark)
        case Merge() | Restore():
            work.count("-", Outcome.DUPLICATE)
        case Fill():
            fill_profiles(work, record)
        case Enrol():
            enrol_people(work, record)
        case Settle():
            settle_profiles(work, record)
        case Recall():
            recall_properties(work, record)
        case Erase():
            erase_person(work, record)
        case Mend():
            mend_profile(work, record)


def needed_identifiers(record: Record) -> tuple[str, ...]:
    """The identifiers a record's steps look up."""
    match record:
        case Event():
            return identifiers(record)
        case Retire():
            ids = (retired_key(record.loser), retired_key(record.winner), apart_key(record.loser))
            return (*ids, record.identifier, user_key(record.user_id))
        case Merge():
            return (retired_key(record.winner), user_key(record.user_id))
        case Split():
            return (retired_key(record.loser), retired_key(record.winner), apart_key(record.loser), *record.keys)
        case Restore() | Mend():
            return (retired_key(record.profile),)
        case Enrol():
            return tuple(identifier for identifier, _ in record.people if identifier)
        case Recall():
            return (retired_key(record.profile),)
        case Erase():
            return (retired_key(record.profile), *record.keys)
        case Fill() | Settle():
            return ()


def find_mark(record: Record | None) -> bytes | None:
    """What would tell that the record has been applied before, of those that change more when they come twice."""
    match record:
        case Event():
            return mark_of(record.source, record.id)
        case Merge() | Restore():
            return mark_of_record(pack(record))
    return None


def expected_profiles(record: Record, links: Mapping[str, str]) -> Iterable[str]:
    """The profiles a record will most likely touch, to be loaded with its batch."""
    match record:
        case Event():
            return (route(record, links.get),)
        case Retire():
            return (record.loser,)
        case Merge():
            return (links.get(retired_key(record.winner), record.winner),)
        case Split():
            return (record.winner,)
        case Restore() | Mend():
            return (record.profile,)
        case Recall() | Erase():
            return (links.get(retired_key(record.profile), record.profile),)
        case Fill() | Settle():
            return record.profiles
        case Enrol():
            return (links.get(identifier, profile_id) for identifier, profile_id in record.people)


def decode(raw: bytes) -> Record | None:
    try:
        return unpack(raw)
    except (ValidationError, ValueError):
        return None
