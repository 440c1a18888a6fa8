"""Writes of discount codes: uploaded, generated, withdrawn; all of a call, or with an exception nothing."""

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import IO

from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.auth.models import User
from django.contrib.contenttypes.models import ContentType
from django.db import connection, transaction
from django.utils.translation import gettext

from profiles.audit import Act, record_act
from profiles.writing import write_number, write_within
from rules.code_files import MAX_CODE, CodeFile, find_code_fault
from rules.models import Offer, OfferCode
from segments.upload_columns import SHOWN_PROBLEMS, Problem
from segments.upload_lines import BadUpload

ALPHABET = b"23456789ABCDEFGHJKMNPQRSTUVWXYZ"  # nothing that is taken for something else: 0 and O, 1, I and L
EVEN = 256 // len(ALPHABET) * len(ALPHABET)  # bytes below it fall on every letter equally often
MOST_GENERATED = 1_000_000
SHORTEST = 6  # characters that chance chooses
GUESSES = 1_000_000  # that somebody has to make, on average, to meet one of the codes
BLOCK = 65_536

TWICE = "the code stands in a line before this one as well"
KNOWN = "the offer has this code already"
GRANTED = "somebody was granted this code before"


class NoCodes(ValueError):
    """What was asked makes no codes; the message says why, and how to mend it."""


class NobodyGetsOne(BadUpload):
    """A file without a single code that can be meant; `problems` are the first of its bad lines."""

    def __init__(self, problems: list[Problem]) -> None:
        self.problems = problems
        super().__init__(gettext("None of its lines has a code that can be meant; nothing was changed."))


@dataclass(frozen=True)
class Uploaded:
    """What became of a file: its lines with a code, how many of these are new to the offer, how many lines were left
    out as they have none, and the first problems of either kind."""

    rows: int
    added: int
    refused: int
    problems: list[Problem]

    @property
    def duplicates(self) -> int:
        return self.rows - self.added


@transaction.atomic
def upload_codes(
    offer: Offer, file: IO[bytes], *, column: str = "", most: int, by: User | None, at: datetime
) -> Uploaded:
    """The codes of a file, beside those that the offer has; they are granted in the order of the file.

    `column` and `most` are as in segments.upload_columns.ColumnFile. Raises BadUpload and NoCodes."""
    _require_codes(offer)
    read = CodeFile(file, column=column, most=most)
    rows = _copy_codes((row.line, row.id) for row in read)
    if not rows:
        raise NobodyGetsOne(read.problems)
    problems = sorted([*read.problems, *_list_duplicates(offer)])[:SHOWN_PROBLEMS]
    added = _store_codes(offer)
    _note(offer, Act.UPLOADED, f"Uploaded {added:,} codes.", by=by, at=at)
    return Uploaded(rows, added, read.refused, problems)


@transaction.atomic
def generate_codes(
    offer: Offer, *, count: int, prefix: str = "", length: int = 10, by: User | None = None, at: datetime
) -> int:
    """`count` new codes: `prefix`, and `length` characters that nobody can foresee. Raises NoCodes."""
    _require_codes(offer)
    known = OfferCode.objects.filter(offer=offer).count()
    if (fault := find_generating_fault(count, prefix, length, known=known)) is not None:
        raise NoCodes(fault)
    added = 0
    while added < count:  # once, but for a code that chance makes twice
        _copy_codes(enumerate(_draw_codes(count - added, prefix, length), start=1))
        added += _store_codes(offer)
    _note(offer, Act.UPLOADED, f"Generated {added:,} codes.", by=by, at=at)
    return added


def find_generating_fault(count: int, prefix: str, length: int, *, known: int = 0) -> str | None:
    """Why codes of this form cannot be made, and how to mend it."""
    if not 1 <= count <= MOST_GENERATED:
        return gettext("Generate 1 to %(most)s codes at once.") % {"most": write_number(MOST_GENERATED)}
    if length < SHORTEST or len(prefix) + length > MAX_CODE:
        said = gettext("At least %(least)s characters are left to chance, and a code has at most %(most)s in all.")
        return said % {"least": SHORTEST, "most": MAX_CODE}
    if prefix and (prefix != prefix.strip() or find_code_fault(prefix) is not None):
        return gettext("The beginning may have letters, digits and signs that can be seen, and no space at its ends.")
    if len(ALPHABET) ** length < (count + known) * GUESSES:
        said = gettext("So many codes of %(length)s characters could be guessed; make them longer.")
        return said % {"length": length}
    return None


@transaction.atomic
def withdraw_codes(offer: Offer, *, by: User | None = None, at: datetime) -> int:
    """Every code of which no grant is known; returns how many. Those in the pool are taken out by the next look at it,
    within a second: one that is granted until then stays granted."""
    waiting, _ = OfferCode.objects.filter(offer=offer, handed=None).delete()
    handed = OfferCode.objects.filter(offer=offer, granted=None, withdrawn=None).exclude(handed=None)
    called_back = handed.update(withdrawn=at)
    _note(offer, Act.REMOVED, f"Withdrew {waiting + called_back:,} codes.", by=by, at=at)
    return waiting + called_back


def _require_codes(offer: Offer) -> None:
    if offer.kind != Offer.Kind.CODE:
        said = gettext("%(offer)s has no codes: its kind is %(kind)s.")
        raise NoCodes(said % {"offer": offer, "kind": write_within(offer.get_kind_display())})


def _draw_codes(count: int, prefix: str, length: int) -> Iterator[str]:
    letters = bytes(ALPHABET[byte % len(ALPHABET)] for byte in range(256))
    uneven = bytes(range(EVEN, 256))
    rest = ""
    while count:
        rest += os.urandom(BLOCK).translate(letters, delete=uneven).decode()
        whole = min(len(rest) // length, count)
        for place in range(0, whole * length, length):
            yield prefix + rest[place : place + length]
        rest = rest[whole * length :]
        count -= whole


def _copy_codes(codes: Iterable[tuple[int, str]]) -> int:
    """Puts codes with their lines where PostgreSQL can be asked about them; returns how many they are."""
    rows = 0
    with connection.wrap_database_errors, connection.cursor() as cursor:
        cursor.execute("SELECT set_config('jit', 'off', true), set_config('work_mem', '64MB', true)")
        cursor.execute("CREATE TEMPORARY TABLE IF NOT EXISTS rules_read (line bigint, code text) ON COMMIT DROP")
        cursor.execute("TRUNCATE rules_read")
        with cursor.copy("COPY rules_read (line, code) FROM STDIN") as copy:
            for row in codes:
                copy.write_row(row)
                rows += 1
        cursor.execute("ANALYZE rules_read")
    return rows


def _list_duplicates(offer: Offer) -> list[Problem]:
    """The first lines whose code is not new, of each kind."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT read.line, read.code FROM rules_read AS read JOIN (SELECT code, min(line) AS first FROM rules_read "
            "GROUP BY code HAVING count(*) > 1) AS twice ON twice.code = read.code WHERE read.line > twice.first "
            "ORDER BY read.line LIMIT %s",
            [SHOWN_PROBLEMS],
        )
        found = [Problem(line, code, TWICE) for line, code in cursor.fetchall()]
        cursor.execute(
            "SELECT min(read.line), read.code, bool_or(known.id IS NULL) FROM rules_read AS read "
            "LEFT JOIN rules_offercode AS known ON known.offer_id = %s AND known.code = read.code "
            "WHERE known.id IS NOT NULL OR EXISTS (SELECT FROM rules_grant AS grants WHERE grants.offer = %s "
            "AND grants.code = read.code) GROUP BY read.code ORDER BY min(read.line) LIMIT %s",
            [offer.pk, offer.slug, SHOWN_PROBLEMS],
        )
        return found + [Problem(line, code, GRANTED if gone else KNOWN) for line, code, gone in cursor.fetchall()]


def _store_codes(offer: Offer) -> int:
    """How many of the codes that were read are new to the offer. One that was granted is never taken again, not even
    where its offer was removed and made anew."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO rules_offercode (offer_id, code) SELECT %s, fresh.code FROM (SELECT code, min(line) AS line "
            "FROM rules_read GROUP BY code) AS fresh WHERE NOT EXISTS (SELECT FROM rules_grant AS grants "
            "WHERE grants.offer = %s AND grants.code = fresh.code) ORDER BY fresh.line "
            "ON CONFLICT (offer_id, code) DO NOTHING",
            [offer.pk, offer.slug],
        )
        return int(cursor.rowcount)


def _note(offer: Offer, act: Act, said: str, *, by: User | None, at: datetime) -> None:
    """In the history of the offer, of which the codes themselves are no part."""
    record_act(act, by=by, at=at, kind="offer", subject=offer.slug, name=offer.name, note=said)
    if by is not None:
        LogEntry.objects.create(
            user=by,
            content_type=ContentType.objects.get_for_model(Offer),
            object_id=str(offer.pk),
            object_repr=str(offer)[:200],
            action_flag=CHANGE,
            change_message=said,
            action_time=at,
        )
