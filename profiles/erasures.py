"""Erasures: their receipts, which say who it was to nobody, and what is removed of the durable side of people."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import connection
from django.db.models import Q, QuerySet
from django.utils.crypto import salted_hmac

from profiles.models import AuditEntry, Drift, Erasure, Identifier, MergeRecord, SpentMark, StoredProfile
from profiles.store import mark_of

SALT = "profiles.erasures"
BY_LENGTH = 150
MAX_HOSTS = 1_000  # profiles that somebody was part of for a time
ABOUT_PEOPLE = ("person", "points")  # kinds of entries of the audit trail whose subject is a profile
APART = "apart"  # what an entry names of a merge that was undone: the other profile
ERASED = "erased"
RETENTION = "(retention)"  # who has idle visitors forgotten; no login is called so

Pending = Mapping[str, Any]


def open_receipt(profile_id: UUID, *, by: str, at: datetime) -> Erasure:
    return Erasure.objects.create(profile=digest_profile(profile_id), by=by[:BY_LENGTH], requested=at)


def open_receipts(profile_ids: Sequence[UUID], *, by: str, at: datetime) -> list[Erasure]:
    return Erasure.objects.bulk_create(
        Erasure(profile=digest_profile(id), by=by[:BY_LENGTH], requested=at) for id in profile_ids
    )


def forget_receipts(*, by: str, before: datetime) -> None:
    """Removes those asked for by somebody before a moment, but for what is under way."""
    Erasure.objects.filter(by=by, requested__lt=before, pending=[]).delete()


def digest_profile(profile_id: UUID) -> str:
    """What a receipt says of whom it is about: with the product's secret key it can be compared, and never read."""
    return digest_name(profile_id.hex)


def digest_name(name: str) -> str:
    """The same of an identifier, `u:…` or `a:…`, or of the 32 digits of a profile's id."""
    return salted_hmac(SALT, name, algorithm="sha256").hexdigest()


def match_receipts(term: str) -> Q:
    """Receipts of whoever was known by an identifier (`u:…`, `a:…`, or the id alone) or a profile's id."""
    names = [term, f"u:{term}", f"a:{term}"]
    with suppress(ValueError):
        names.append(UUID(term).hex)
    digests = [digest_name(name) for name in names]
    found = Q(profile__in=digests)
    for digest in digests:
        found |= Q(names__contains=[digest])
    return found


def list_receipts_of(term: str) -> list[Erasure]:
    """Those that match, the newest first."""
    return list(Erasure.objects.filter(match_receipts(term)).order_by("-requested"))


def note_pending(
    erasure_id: UUID, pending: Pending, counts: Mapping[str, int], *, names: Iterable[str], at: datetime
) -> None:
    """What was removed at once, and what is left to be; `names` are what the person was known by. One that was asked
    for in a database that is lost since gets a receipt without a profile."""
    receipt, _ = Erasure.objects.select_for_update().get_or_create(pk=erasure_id, defaults={"requested": at})
    receipt.pending = [*receipt.pending, pending]
    receipt.names = sorted({*receipt.names, *map(digest_name, names)})
    receipt.counts = _add(receipt.counts, counts)
    receipt.done = None
    receipt.save()


def settle_pending(receipt: Erasure, pending: Pending, counts: Mapping[str, int], *, at: datetime) -> None:
    """It is removed; with the last of it, the receipt says when, and names nobody any more."""
    receipt.pending = [each for each in receipt.pending if each != pending]
    receipt.counts = _add(receipt.counts, counts)
    receipt.done = None if receipt.pending else at
    receipt.save()


def list_unfinished() -> list[UUID]:
    return list(Erasure.objects.exclude(pending=[]).order_by("requested").values_list("pk", flat=True))


def list_unanswered() -> list[Erasure]:
    """Receipts of erasures that somebody asked for, and of which the archive has heard no more."""
    return list(Erasure.objects.filter(done=None, pending=[]).exclude(by=RETENTION).order_by("requested"))


def list_known() -> Iterator[UUID]:
    """Every profile that the durable side knows, some of them more than once."""
    yield from StoredProfile.objects.values_list("id", flat=True).iterator()
    for key, id in Identifier.objects.values_list("key", "profile_id").iterator():
        yield id
        if key.startswith("p:"):
            yield UUID(key[2:])


def _add(known: Mapping[str, int], more: Mapping[str, int]) -> dict[str, int]:
    return dict(sorted((Counter(known) + Counter(more)).items()))


def forget_events(ids: Sequence[str], *, before: int) -> int:
    """Removes the archived events of profiles that their logs held before a position; their marks stay for a while."""
    with connection.cursor() as cursor:
        cursor.execute(
            "DELETE FROM profiles_archivedevent WHERE profile_id = ANY(%s::uuid[]) AND position < %s "
            "RETURNING source, message_id, received",
            [list(ids), before],
        )
        messages = cursor.fetchall()
    keep_marks(messages)
    return len(messages)


def keep_marks(messages: Iterable[tuple[str, str, datetime]]) -> None:
    """Keeps the marks of messages (source, messageId, when it was received) whose events are not kept."""
    rows = [SpentMark(mark=mark_of(source, id), received=received) for source, id, received in messages]
    SpentMark.objects.bulk_create(rows, batch_size=1_000)


def forget_marks(*, now: datetime) -> None:
    """Removes those that no dedup window holds any more."""
    SpentMark.objects.filter(received__lt=now - 2 * timedelta(hours=settings.PZ_DEDUP_HOURS)).delete()


def forget_profiles(ids: Sequence[str]) -> int:
    """Removes the copies of profiles."""
    return _execute("DELETE FROM profiles_storedprofile WHERE id = ANY(%s::uuid[])", [list(ids)])


def forget_drift(ids: Sequence[str], *, until: datetime | None) -> int:
    """Removes the evidence that profiles were mended, up to a moment; None: all of it."""
    drift = Drift.objects.filter(profile_id__in=ids)
    removed, _ = (drift if until is None else drift.filter(noticed__lte=until)).delete()
    return removed


def forget_identifiers_of(ids: Sequence[str], *, keep: Iterable[str]) -> int:
    """Removes what the durable map says of profiles, but for the keys to be kept."""
    return _execute(
        "DELETE FROM profiles_identifier WHERE (profile_id = ANY(%(ids)s::uuid[]) OR key = ANY(%(keys)s)) "
        "AND key <> ALL(%(keep)s)",
        {"ids": list(ids), "keys": [f"{kind}:{id}" for id in ids for kind in "ps"], "keep": list(keep)},
    )


def list_identifiers_of(ids: Sequence[str]) -> list[str]:
    """The keys under which the durable map knows profiles, or keeps others apart from them."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT key FROM profiles_identifier WHERE profile_id = ANY(%s::uuid[]) OR key = ANY(%s)",
            [list(ids), [f"{kind}:{id}" for id in ids for kind in "ps"]],
        )
        return [key for (key,) in cursor.fetchall()]


def forget_merges(ids: Sequence[str], names: Sequence[str], *, before: int) -> int:
    """Removes the merges of profiles, and empties what was kept of others while one of these was a part of them: such a
    merge cannot be undone any more. `names` are the identifiers."""
    theirs = MergeRecord.objects.filter(Q(loser_id__in=ids) | Q(winner_id__in=ids), position__lt=before)
    gone = {*names, *(f"{kind}:{id}" for id in ids for kind in "ps")}
    _empty_hosts(theirs.exclude(undone=None), set(map(UUID, ids)), gone)
    removed, _ = theirs.delete()
    return removed


def forget_acts(ids: Sequence[str], *, until: datetime | None) -> int:
    """Entries of the audit trail stay, and say who did what when, but no longer to whom. Those that are newer than
    `until` are somebody's who is new; None: all."""
    named = _name(ids)
    acts = AuditEntry.objects.filter(kind__in=ABOUT_PEOPLE)
    acts = acts if until is None else acts.filter(at__lte=until)
    about = acts.filter(subject__in=named).update(subject=ERASED, name=ERASED, before={}, after={}, note="")
    return about + acts.filter(**{f"after__{APART}__in": named}).update(before={}, after={})


def find_acts(ids: Sequence[str]) -> QuerySet[AuditEntry]:
    """The entries that `forget_acts` takes the person out of."""
    named = _name(ids)
    acts = AuditEntry.objects.filter(kind__in=ABOUT_PEOPLE)
    return acts.filter(Q(subject__in=named) | Q(**{f"after__{APART}__in": named}))


def _name(ids: Sequence[str]) -> list[str]:
    """Both forms of each id."""
    return [form for id in ids for form in (id, str(UUID(id)))]


def _empty_hosts(stays: Iterable[MergeRecord], ids: set[UUID], gone: set[str]) -> None:
    """A stay is a merge that was undone, and what its winner became a part of meanwhile."""
    waiting = [(stay.winner_id, stay, stay.undone) for stay in stays]
    for _ in range(MAX_HOSTS):
        if not waiting:
            return
        host, stay, until = waiting.pop()
        if host in ids:
            continue
        during = MergeRecord.objects.filter(Q(at__gte=stay.at) | Q(pk__gt=stay.pk), at__lte=until)
        during.filter(winner_id=host).exclude(loser_id__in=ids).update(before=b"")
        for merge in during.filter(loser_id=host):
            kept = [key for key in merge.keys if key not in gone]
            MergeRecord.objects.filter(pk=merge.pk).update(state=b"", keys=kept)
            waiting.append((merge.winner_id, merge, min(filter(None, (until, merge.undone)))))


def _execute(query: str, asked: Sequence[Any] | Mapping[str, Any]) -> int:
    with connection.cursor() as cursor:
        cursor.execute(query, asked)
        return int(cursor.rowcount)
