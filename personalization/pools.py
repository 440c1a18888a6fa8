"""Keeps the pools filled from which decisions take discount codes: lists in Redis, out of the codes in PostgreSQL.

A code goes one way: it waits in PostgreSQL, is handed to the list, leaves it together with the grant's record in the
accepted log, and comes back to PostgreSQL as a grant. It is marked as handed before it is put into the list, so that
whoever dies in between leaves a code in neither place, and never one in both.

Such codes are looked for and handed again by one rule. It reads in the direction in which codes go, the list first, the
accepted log next and PostgreSQL last, so that none slips by: what was handed and is found in none of the three, was not
granted. Before it reads, it takes the mark of the offer in POOLS. Whoever else is about to put codes into the list has
another mark then, and is refused; and as putting them in takes the mark away, that is done once however often the call
is repeated."""

import logging
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from uuid import uuid4

from django.conf import settings
from django.db import DatabaseError, InterfaceError, connection
from django.db.models.expressions import RawSQL
from django.utils import timezone

from ingestion.accepted import unpack
from ingestion.log_redis import FIELD
from ingestion.models import DeadLetter
from profiles import keys
from profiles.clients import Client
from profiles.decided import Granted
from profiles.locks import FILL_POOLS
from rules.pools import (
    Standing,
    find_code_offers,
    find_standings,
    find_withdrawn,
    hand_codes,
    list_handed,
    list_withdrawn,
    mark_handed,
    put_back,
)

logger = logging.getLogger(__name__)

LOW, HIGH = 2_000, 5_000  # codes of one list: below the first it is filled up to the second
LOOK_EVERY_MS = 10_000  # for codes that are in neither place
MOST_BEHIND = 20_000  # records the archiver has not taken yet; with more, one waits for it
READ_AT_ONCE = 1_000
LOOKED, SERVER = ":looked", ":server"  # in POOLS, beside the offers: when that was, and of which Redis

# KEYS: list, POOLS. ARGV: offer, mark. Takes the mark and says what the list has.
_OPEN = """
redis.call('HSET', KEYS[2], ARGV[1], ARGV[2])
return redis.call('LRANGE', KEYS[1], 0, -1)
"""
# ARGV: offer, mark, codes… Returns how many were put in, -1 when the mark is another one's.
_PUT_IN = """
if redis.call('HGET', KEYS[2], ARGV[1]) ~= ARGV[2] then return -1 end
redis.call('HSET', KEYS[2], ARGV[1], '')
local there, added = {}, 0
for _, code in ipairs(redis.call('LRANGE', KEYS[1], 0, -1)) do there[code] = true end
for i = 3, #ARGV do
  if not there[ARGV[i]] then
    redis.call('RPUSH', KEYS[1], ARGV[i])
    added = added + 1
  end
end
return added
"""
# ARGV: codes… Returns those that were in the list, and are not any more.
_TAKE_OUT = """
local wanted, found, kept = {}, {}, {}
for _, code in ipairs(ARGV) do wanted[code] = true end
for _, code in ipairs(redis.call('LRANGE', KEYS[1], 0, -1)) do
  table.insert(wanted[code] and found or kept, code)
end
if #found > 0 then
  redis.call('DEL', KEYS[1])
  for _, code in ipairs(kept) do redis.call('RPUSH', KEYS[1], code) end
end
return found
"""
# ARGV: offer. Returns what was in the list, which is no more; nobody's mark is good any longer.
_EMPTY = """
local found = redis.call('LRANGE', KEYS[1], 0, -1)
redis.call('DEL', KEYS[1])
redis.call('HDEL', KEYS[2], ARGV[1])
return found
"""


def fill_pools(client: Client) -> dict[str, int]:
    """One look at every pool; returns how many codes were put into which. Of several processes, one does it."""
    live = find_code_offers()
    marks = {name.decode(): mark.decode() for name, mark in client.hgetall(keys.POOLS).items()}
    if not live and not marks:
        return {}
    with _alone() as is_alone:
        return _Pools(client, marks).fill(live) if is_alone else {}


@contextmanager
def _alone() -> Iterator[bool]:
    """Whether no other process fills pools meanwhile. The lock ends with the connection; who goes on without it is
    refused by Redis."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s)", [FILL_POOLS])
        (is_alone,) = cursor.fetchone()
    try:
        yield is_alone
    finally:
        if is_alone:  # a pool keeps connections open, and their locks with them
            with suppress(DatabaseError, InterfaceError), connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_unlock(%s)", [FILL_POOLS])


class _Pools:
    """One look. `marks` is what POOLS said before it."""

    def __init__(self, client: Client, marks: Mapping[str, str]) -> None:
        self._client = client
        self._marks = marks
        self._added: dict[str, int] = {}
        scripts = (_OPEN, _PUT_IN, _TAKE_OUT, _EMPTY)
        self._open, self._put_in, self._take_out, self._empty = map(client.register_script, scripts)

    def fill(self, live: Collection[str]) -> dict[str, int]:
        for slug in sorted(self._marks.keys() - live - {LOOKED, SERVER}):
            put_back(slug, _decode(self._empty(keys=_keys(slug), args=[slug])))
        for slug in sorted(find_withdrawn(live)):
            put_back(slug, _decode(self._take_out(keys=_keys(slug), args=list_withdrawn(slug))))
        lengths = self._measure(sorted(live))
        low = find_standings([slug for slug, length in lengths.items() if length < LOW])
        for slug, standing in low.items():
            if standing.waits:
                self._hand(slug, HIGH - lengths[slug])
        self._look_for_lost(lengths, low)
        return self._added

    def _measure(self, slugs: Sequence[str]) -> dict[str, int]:
        pipeline = self._client.pipeline(transaction=False)
        for slug in slugs:
            pipeline.llen(keys.codes(slug))
        return dict(zip(slugs, pipeline.execute(), strict=True))

    def _hand(self, slug: str, most: int) -> None:
        mark = uuid4().hex
        self._client.hset(keys.POOLS, slug, mark)
        codes = hand_codes(slug, most=most, at=timezone.now())  # committed, and only then put in
        self._put(slug, mark, codes)

    def _put(self, slug: str, mark: str, codes: Sequence[str]) -> None:
        added = self._put_in(keys=_keys(slug), args=[slug, mark, *codes])
        if added < 0:
            logger.warning("the pool of %s is another process's: its codes are looked for", slug)
        elif added:
            self._added[slug] = self._added.get(slug, 0) + added

    def _look_for_lost(self, lengths: Mapping[str, int], low: Mapping[str, Standing]) -> None:
        """Hands codes again that were handed, and are neither in the list nor granted; and takes out of lists what
        somebody was granted, as a Redis that lost its last second has them again."""
        server = str(self._client.info("server")["run_id"])
        is_other = self._marks.get(SERVER) != server
        doubtful = [
            slug
            for slug, standing in low.items()
            if (standing.withdrawn or not standing.waits) and standing.handed + standing.withdrawn != lengths[slug]
        ]
        now = int(timezone.now().timestamp() * 1000)
        is_early = 0 <= now - int(self._marks.get(LOOKED, 0)) < LOOK_EVERY_MS
        wanted = sorted(lengths) if is_other else [] if is_early else doubtful
        if (wanted or is_other) and self._count_behind() <= MOST_BEHIND:
            self._look_into(wanted)
            self._client.hset(keys.POOLS, mapping={LOOKED: now, SERVER: server})

    def _look_into(self, slugs: Sequence[str]) -> None:
        marks = {slug: uuid4().hex for slug in slugs}
        inside = {slug: _decode(self._open(keys=_keys(slug), args=[slug, mark])) for slug, mark in marks.items()}
        granted = self._list_granted() if slugs else set()
        for slug, codes in inside.items():
            known = {handed.code: handed for handed in list_handed(slug, also=codes)}
            there = set(codes)
            wrong = [code for code in codes if code not in known or known[code].is_granted]
            if wrong and (taken := self._take_out(keys=_keys(slug), args=wrong)):
                logger.warning("%s: %d codes are taken out of the pool: granted before, or removed", slug, len(taken))
            mark_handed(slug, codes, at=timezone.now())
            # The last one handed comes first: of a Redis that was emptied, nobody knows what was granted just before,
            # and that was of the first ones.
            lost = [each for each in known.values() if not each.is_granted and each.code not in there]
            lost = [each for each in lost if (slug, each.code) not in granted]
            put_back(slug, [each.code for each in lost if each.is_withdrawn])
            again = [each.code for each in lost if not each.is_withdrawn]
            if again:
                logger.info("%s: %d codes that were lost on the way are handed again", slug, len(again))
            self._put(slug, marks[slug], again)

    def _count_behind(self) -> int:
        pipeline = self._client.pipeline(transaction=False)
        for partition in range(settings.PZ_PARTITIONS):
            pipeline.xlen(keys.accepted(partition))
        return sum(pipeline.execute())

    def _list_granted(self) -> set[tuple[str, str]]:
        """Offer and code of the grants that have not come to PostgreSQL yet, or were set aside on the way."""
        found = set()
        for partition in range(settings.PZ_PARTITIONS):
            start = "-"
            while entries := self._client.xrange(keys.accepted(partition), start, "+", READ_AT_ONCE):
                found |= {grant for _, fields in entries if (grant := _read_grant(fields.get(FIELD, b"")))}
                start = b"(" + entries[-1][0]
        letters = DeadLetter.objects.filter(log=DeadLetter.Log.ACCEPTED)
        letters = letters.annotate(place=RawSQL("position('granted'::bytea in raw)", [])).filter(place__gt=0)
        return found | {grant for raw in letters.values_list("raw", flat=True) if (grant := _read_grant(bytes(raw)))}


def _read_grant(raw: bytes) -> tuple[str, str] | None:
    with suppress(ValueError):  # what cannot be read is set aside by the archiver
        record = unpack(raw)
        if isinstance(record, Granted):
            return record.offer, record.code
    return None


def _keys(slug: str) -> list[str]:
    return [keys.codes(slug), keys.POOLS]


def _decode(codes: Sequence[bytes]) -> list[str]:
    return [code.decode() for code in codes]
