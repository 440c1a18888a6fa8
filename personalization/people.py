"""One person across the packages: who is meant, telling everything that is known of them, and erasing them."""

from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from datetime import datetime
from uuid import UUID

import redis
import zstandard
from asgiref.sync import sync_to_async
from django.conf import settings
from django.db import connection
from django.utils import timezone

from ingestion.log import LogUnavailable
from ingestion.log_redis import RedisLog
from personalization.person_document import write_document
from personalization.person_sections import Person
from personalization.wiring import make_store, redis_client
from profiles import keys
from profiles.erasures import list_identifiers_of, open_receipt
from profiles.event import Erase, derive_profile_id, pack, partition_of
from profiles.identity import retired_key
from profiles.models import ArchivedEvent, Erasure, Identifier, StoredProfile
from profiles.past import to_milliseconds
from profiles.profile import Profile, unpack
from profiles.queries import list_former
from profiles.store import StoreUnavailable
from segments.queries import read_roster
from segments.roster import name_segments

MAX_HOPS = 100  # merges followed from a retired profile to the one that lives


class UnknownPerson(Exception):
    """Nothing is known under that name."""


def find_person(term: str) -> UUID:
    """The profile that an identifier (`u:…`, `a:…`) or a profile's id stands for by now. Raises UnknownPerson, and
    StoreUnavailable."""
    person = find_anybody(term)
    if not is_known(person):
        raise UnknownPerson(f"nobody is known as {term}")
    return person


def find_anybody(term: str) -> UUID:
    """The same of somebody who need not be known: an identifier stands for a profile before anything is known of it.
    Raises UnknownPerson for what is no such term."""
    return find_living(_read_term(term))


def find_living(profile_id: UUID) -> UUID:
    """The profile that took this one over, over however many merges, or itself. Raises StoreUnavailable."""
    store, id = make_store(), profile_id.hex
    for _ in range(MAX_HOPS):
        key = retired_key(id)
        if (successor := store.find_links([key]).get(key)) is None:
            break
        id = successor
    return UUID(id)


def is_known(profile_id: UUID) -> bool:
    """Whether there is anything to export, or to erase."""
    return (
        bool(make_store().load([profile_id.hex]))
        or StoredProfile.objects.filter(pk=profile_id).exists()
        or Identifier.objects.filter(profile_id=profile_id).exists()
        or ArchivedEvent.objects.filter(profile_id=profile_id).exists()
    )


def find_profile(person: UUID) -> Profile | None:
    """The profile as hot as it is to be had, also while Redis is away; None when nothing is known, or none
    of it can be read."""
    with suppress(StoreUnavailable):
        if (hot := make_store().load([person.hex]).get(person.hex)) is not None:
            return hot
    stored = StoredProfile.objects.filter(pk=person).values_list("state", flat=True).first()
    try:
        return None if stored is None else unpack(bytes(stored))
    except (ValueError, zstandard.ZstdError):  # of another version of the product
        return None


def request_erasure(profile_id: UUID, *, by: str, at: datetime) -> Erasure:
    """Has a person forgotten, with every profile that became part of them; the receipt says when it is done, also when
    nobody is known. `by` is who asks for it, not who it is about. Raises StoreUnavailable or LogUnavailable with
    nothing asked for."""
    person = find_living(profile_id)
    receipt = open_receipt(person, by=by, at=at)
    try:
        log = RedisLog(redis_client())
        log.append({partition_of(person.hex, settings.PZ_PARTITIONS): [pack(describe_erasure(person, receipt))]})
    except LogUnavailable:
        receipt.delete()
        raise
    return receipt


def describe_erasure(person: UUID, receipt: Erasure, *, idle_since: int = 0) -> Erase:
    """What the person's partition is asked; `idle_since` as in the record. Of somebody idle, what was received since
    then and comes to its turn behind the request is somebody's who is new: nothing acknowledged is lost."""
    ids = [id.hex for id in (person, *list_former(person))]
    return Erase(
        profile=person.hex,
        erasure=receipt.pk.hex,
        at=idle_since or to_milliseconds(receipt.requested),
        keys=tuple(dict.fromkeys((*list_identifiers_of(ids), *map(retired_key, ids[1:])))),
        idle_since=idle_since,
    )


def export_person(profile_id: UUID) -> Iterator[bytes]:
    """Everything that is known of a person, as one JSON document in pieces (docs/how-to/erase-a-person.md). Raises
    UnknownPerson and StoreUnavailable before the first of them."""
    person = find_living(profile_id)
    if not is_known(person):
        raise UnknownPerson(f"nobody is known as {profile_id}")
    profile, former = _load(person), list_former(person)
    ids = list(dict.fromkeys((person, *former, *_list_names(profile, {person, *former}))))
    stored = list_identifiers_of([id.hex for id in ids])
    names = list(dict.fromkeys(key for key in (*profile.identifiers, *stored) if key[:2] in ("u:", "a:")))
    named = name_segments(profile, read_roster().answers)
    return write_document(named, former, Person(ids, names), _read_counters(person), at=timezone.now())


async def stream_export(pieces: Iterator[bytes]) -> AsyncIterator[bytes]:
    """The pieces of `export_person` for an event loop. However slowly they are read, no connection is held for it."""
    while piece := await sync_to_async(_advance)(pieces):
        yield piece


def _advance(pieces: Iterator[bytes]) -> bytes:
    try:
        return next(pieces, b"")
    finally:
        if not connection.in_atomic_block:
            connection.close()  # back to the pool, until the reader wants more


def _list_names(profile: Profile, person: set[UUID]) -> list[UUID]:
    """The ids that follow from the person's identifiers: a device that was noted may be somebody else's."""
    links = make_store().find_links(profile.identifiers)
    derived = {key: UUID(derive_profile_id(key)) for key in profile.identifiers}
    return [id for key, id in derived.items() if (UUID(links[key]) if key in links else id) in person]


def _read_counters(person: UUID) -> dict[str, str]:
    """What decisions have counted and granted for the person. Raises StoreUnavailable."""
    try:
        found = redis_client().hgetall(keys.tally(person.hex))
    except redis.RedisError as error:
        raise StoreUnavailable(f"Redis: {type(error).__name__}: {error}") from error
    return {name.decode(): value.decode() for name, value in sorted(found.items())}


def _load(person: UUID) -> Profile:
    """As hot as it is to be had. Raises StoreUnavailable: what is exported is to be all."""
    if (hot := make_store().load([person.hex]).get(person.hex)) is not None:
        return hot
    stored = StoredProfile.objects.filter(pk=person).values_list("state", flat=True).first()
    return Profile(id=person.hex) if stored is None else unpack(bytes(stored))


def _read_term(term: str) -> UUID:
    if term[:2] in ("u:", "a:"):
        linked = make_store().find_links([term]).get(term)
        if linked is not None:
            return UUID(linked)
        stored = Identifier.objects.filter(key=term).values_list("profile_id", flat=True).first()
        return stored or UUID(derive_profile_id(term))
    try:
        return UUID(term)
    except ValueError:
        raise UnknownPerson(f"{term} is neither an identifier such as u:42 or a:f00 nor the id of a profile") from None
