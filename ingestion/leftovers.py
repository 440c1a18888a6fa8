"""What lies about a person where nothing keeps an index of people: dead letters, and samples of refused events."""

import json
import re
from collections.abc import Callable, Iterable, Sequence

import msgspec
from django.db import connection

from ingestion.accepted import Applied
from ingestion.accepted import unpack as unpack_accepted
from ingestion.models import DeadLetter, Refusal
from ingestion.refusals import MAX_SAMPLE
from profiles import keys
from profiles.clients import Client
from profiles.event import Event, unpack

READ_AT_ONCE = 500
SHORTEST_CUT = 3  # letters of an id at the end of a sample that can tell whose it is

_encode = msgspec.msgpack.Encoder().encode


def forget_letters(ids: Sequence[str], names: Sequence[str]) -> int:
    """Removes dead letters about profiles, and events that carry their identifiers `names` (`u:…`, `a:…`)."""
    removed, _ = DeadLetter.objects.filter(pk__in=find_letters(ids, names)).delete()
    return removed


def find_letters(ids: Sequence[str], names: Sequence[str]) -> list[int]:
    """The letters that `forget_letters` removes."""
    known = [_encode(text) for text in (*ids, *names)]
    words = [_encode(name[2:]) for name in names]
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT id, log, raw FROM ingestion_deadletter AS letter WHERE EXISTS ("
            "SELECT FROM unnest(%s::bytea[]) AS word WHERE position(word IN letter.raw) > 0)",
            [[*known, *words]],
        )
        return [id for id, log, raw in cursor.fetchall() if _is_about(log, bytes(raw), set(names), known)]


def _is_about(log: str, raw: bytes, names: set[str], known: Iterable[bytes]) -> bool:
    """An id of somebody may be a word of somebody else's event; what nobody can read is taken for theirs."""
    try:
        record = unpack(raw) if log == DeadLetter.Log.EVENTS else unpack_accepted(raw)
    except (msgspec.ValidationError, ValueError):
        return True
    if any(word in raw for word in known):
        return True
    event = record.event if isinstance(record, Applied) else record
    if not isinstance(event, Event):
        return False
    said = ("u:", event.user_id), ("a:", event.anonymous_id), ("u:", event.previous_id), ("a:", event.previous_id)
    return any(kind + id in names for kind, id in said if id is not None)


def forget_refusals(names: Sequence[str]) -> int:
    """Removes the stored refusals whose samples carry one of the identifiers."""
    removed, _ = Refusal.objects.filter(pk__in=find_refusals(names)).delete()
    return removed


def find_refusals(names: Sequence[str], *, surely: bool = False) -> list[int]:
    """The refusals that `forget_refusals` removes; with `surely` those alone whose events are about the identifiers:
    others may have such a word in them, or an id that begins alike and is cut off."""
    names_any = compile_ids(names) if surely else compile_names(names)
    words = [name[2:] for name in names]
    words += [json.dumps(word)[1:-1] for word in words] + [word[:SHORTEST_CUT] for word in words]
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT id, sample FROM ingestion_refusal AS refusal WHERE EXISTS ("
            "SELECT FROM unnest(%s::text[]) AS word WHERE strpos(refusal.sample, word) > 0)",
            [[word.replace("\0", "") for word in words]],
        )
        return [id for id, sample in cursor.fetchall() if names_any(sample)]


def trim_refused(client: Client, names: Sequence[str]) -> int:
    """Removes the same from the stream of the newest refusals."""
    names_any, removed, start = compile_names(names), 0, "-"
    while entries := client.xrange(keys.REFUSED, min=start, count=READ_AT_ONCE):
        found = [id for id, fields in entries if names_any(fields.get(b"sample", b"").decode(errors="replace"))]
        if found:
            removed += client.xdel(keys.REFUSED, *found)
        start = "(" + entries[-1][0].decode()
    return removed


def compile_ids(names: Sequence[str]) -> Callable[[str], bool]:
    """Tells whether a sample has one of the identifiers, whole, as an id."""
    words = {name[2:] for name in names}
    forms = {json.dumps(word, ensure_ascii=ascii) for word in words for ascii in (True, False)}
    forms |= {word for word in words if word.lstrip("-").isdecimal()}
    any_form = "|".join(map(re.escape, sorted(forms)))
    pattern = re.compile(rf'"(?:anonymous|user|previous)_?[iI]d"\s*:\s*(?:{any_form})(?![\w.])') if forms else None
    return lambda sample: pattern is not None and pattern.search(sample) is not None


def compile_names(names: Sequence[str]) -> Callable[[str], bool]:
    """Tells whether a sample, the first bytes of JSON, carries one of the identifiers: as a text, as a number of one of
    the ids, or cut off at its end."""
    words = {name[2:] for name in names}
    forms = {json.dumps(word, ensure_ascii=ascii) for word in words for ascii in (True, False)}
    numbers = {word for word in words if word.lstrip("-").isdecimal()}
    parts = [re.escape(form) for form in sorted(forms)]
    parts += [rf'[iI]d"\s*:\s*{re.escape(number)}(?![\d.])' for number in sorted(numbers)]
    pattern = re.compile("|".join(parts)) if parts else None

    def names_any(sample: str) -> bool:
        if pattern is not None and pattern.search(sample):
            return True
        cut = sample.rpartition('"')[2].rstrip("\N{REPLACEMENT CHARACTER}")
        is_cut = len(sample.encode()) >= MAX_SAMPLE and len(cut) >= SHORTEST_CUT
        return is_cut and any(form[1:].startswith(cut) for form in forms)

    return names_any
