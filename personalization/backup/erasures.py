"""Who was erased stays erased: receipts kept apart from backups, and people erased again after one was restored."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import NamedTuple
from uuid import UUID

import msgspec
from django.conf import settings
from django.utils import timezone

from ingestion.log_redis import RedisLog
from personalization.backup.manifest import Refused, name_key
from personalization.people import describe_erasure, find_living
from personalization.programs import write_private
from personalization.rebuilding import list_waiting
from profiles.clients import Client
from profiles.erasures import digest_profile, list_known, list_unanswered
from profiles.event import Erase, Event, Record, pack, partition_of
from profiles.identity import identifiers
from profiles.models import Erasure
from profiles.store import list_profiles

FORMAT = 1


class Known(msgspec.Struct, frozen=True):
    """A receipt, with the digests of every id that it is about; the first is of the profile it was asked for."""

    id: UUID
    requested: datetime
    by: str
    digests: list[str]


class Erasures(msgspec.Struct, frozen=True):
    """`key` tells the SECRET_KEY that the digests take."""

    format: int
    key: str
    erasures: list[Known]


class Again(NamedTuple):
    """How many profiles are to be erased, and the receipts that cannot be repeated, each with the profile that whom it
    erased is a part of here."""

    asked: int
    left: Sequence[tuple[UUID, UUID]]


def export_erasures(path: Path) -> int:
    """Writes all receipts into a file, in the place of a former one; returns how many."""
    known = [
        Known(receipt.pk, receipt.requested, receipt.by, list(dict.fromkeys((receipt.profile, *receipt.names))))
        for receipt in Erasure.objects.order_by("requested").iterator()
    ]
    text = msgspec.json.encode(Erasures(FORMAT, name_key(), known)).decode()
    try:
        write_private(path, text)
    except OSError as error:
        raise Refused(f"{path} cannot be written ({error.strerror}).") from error
    return len(known)


def read_erasures(path: Path) -> list[Known]:
    """Raises Refused."""
    try:
        found = msgspec.json.decode(path.read_bytes(), type=Erasures)
    except (OSError, ValueError) as error:
        raise Refused(f"{path} is no file of `manage.py export_erasures` ({type(error).__name__}).") from error
    if found.format > FORMAT:
        raise Refused(f"{path} has format {found.format}, and only {FORMAT} is known here: use a newer version.")
    if found.key != name_key():
        raise Refused(f"{path} was written under another SECRET_KEY: nobody can be told by it.")
    return found.erasures


def erase_again(known: Sequence[Known], client: Client) -> Again:
    """Asks for the erasures of `known` that the database does not know of, and for those it knows and that no log asks
    for. They are done once processors and the archiver run."""
    waiting = list(list_waiting(client))
    asked = {UUID(record.erasure) for record in waiting if isinstance(record, Erase)}
    receipts = {receipt.profile: receipt for receipt in list_unanswered() if receipt.pk not in asked}
    for each in known:
        if not Erasure.objects.filter(pk=each.id).exists():
            receipt = Erasure.objects.create(
                pk=each.id, profile=each.digests[0], names=each.digests, requested=each.requested, by=each.by
            )
            receipts |= dict.fromkeys(each.digests, receipt)
    return _ask(receipts, waiting, client) if receipts else Again(0, ())


def _ask(receipts: Mapping[str, Erasure], waiting: Sequence[Record], client: Client) -> Again:
    people = dict[UUID, Erasure]()
    for id in (*list_known(), *_list_named(waiting)):
        if (receipt := receipts.get(digest_profile(id))) is not None:
            people[id] = receipt
    living = {id: find_living(id) for id in people}
    left = sorted({(people[id].pk, now) for id, now in living.items() if now not in people})
    log, found = RedisLog(client), [id for id, now in living.items() if id == now]
    for id in found:
        request = pack(describe_erasure(id, people[id]))
        log.append({partition_of(id.hex, settings.PZ_PARTITIONS): [request]})
    open_ones = {people[id].pk for id in found} | {receipt for receipt, _ in left}
    nobody = [receipt.pk for receipt in receipts.values() if receipt.pk not in open_ones]
    Erasure.objects.filter(pk__in=nobody).update(done=timezone.now())
    return Again(len(found), left)


def _list_named(waiting: Sequence[Record]) -> Iterator[UUID]:
    """The profiles that waiting events may make."""
    for record in waiting:
        if isinstance(record, Event):
            yield from map(UUID, list_profiles(identifiers(record)))
