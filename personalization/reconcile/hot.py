"""The hot side of some people, read and, where the log cannot mend it, compared and put right in one step."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import NamedTuple

import zstandard

from ingestion.settling import NotSettled
from profiles import keys
from profiles.clients import Client
from profiles.event import partition_of
from profiles.profile import Profile, unpack
from profiles.store import digest_of
from profiles.whole import read_mark

READ_AT_ONCE = 500

# KEYS: a tally. ARGV: (name, "-" or "=" and the code found, the same of the code wanted)… Nothing is written when
# something else is found by now.
_MEND_TALLY = """
for i = 1, #ARGV, 3 do
  local held = redis.call('HGET', KEYS[1], ARGV[i])
  if (held and '=' .. held or '-') ~= ARGV[i + 1] then return 0 end
end
for i = 1, #ARGV, 3 do
  if ARGV[i + 2] == '-' then
    redis.call('HDEL', KEYS[1], ARGV[i])
  else
    redis.call('HSET', KEYS[1], ARGV[i], string.sub(ARGV[i + 2], 2))
  end
end
return 1
"""
# KEYS: a counter of everybody. ARGV: what to add; what to say instead if it says no number; for how many milliseconds
# it is kept, 0 for ever.
_MEND_TOTAL = """
local answer = redis.pcall('INCRBY', KEYS[1], ARGV[1])
if type(answer) == 'table' then redis.call('SET', KEYS[1], ARGV[2]) end
if ARGV[3] ~= '0' then redis.call('PEXPIRE', KEYS[1], ARGV[3]) end
"""
# KEYS: a profile. ARGV: its bytes. Takes it away if it is still that.
_TAKE_AWAY = """
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('DEL', KEYS[1])
"""


class Hot(NamedTuple):
    """One person as Redis has them: the packed profile (None: there is none), the moment of the timer in Unix
    milliseconds, and the tally."""

    packed: bytes | None
    timer: int | None
    tally: dict[str, str]


class HotSide:
    """Every call may raise redis.RedisError."""

    def __init__(self, client: Client, *, partitions: int) -> None:
        self._client = client
        self._partitions = partitions
        self._mend_total = client.register_script(_MEND_TOTAL)
        self._mend_tally = client.register_script(_MEND_TALLY)
        self._take_away = client.register_script(_TAKE_AWAY)

    def read(self, ids: Iterable[str]) -> dict[str, Hot]:
        """Raises NotSettled while Redis is not whole: whoever is missing then is on the way."""
        found: dict[str, Hot] = {}
        wanted = list(ids)
        with self._whole():
            for start in range(0, len(wanted), READ_AT_ONCE):
                found |= self._read(wanted[start : start + READ_AT_ONCE])
        return found

    def read_totals(self, names: Sequence[str]) -> dict[str, str]:
        """What counters of everybody say, "0" where there is none. Raises NotSettled."""
        with self._whole():
            said = self._client.mget([keys.total(name) for name in names]) if names else []
        return {name: "0" if each is None else each.decode() for name, each in zip(names, said, strict=True)}

    @contextmanager
    def _whole(self) -> Iterator[None]:
        mark = read_mark(self._client)
        yield
        if not mark or mark != read_mark(self._client):
            raise NotSettled("Waiting for Redis to be filled from PostgreSQL.")

    def _read(self, ids: Sequence[str]) -> dict[str, Hot]:
        homes: dict[int, list[str]] = defaultdict(list)
        for id in ids:
            homes[partition_of(id, self._partitions)].append(id)
        look = self._client.pipeline(transaction=False)
        look.mget([keys.profile(id) for id in ids])
        for number, some in homes.items():
            look.execute_command("ZMSCORE", keys.timers(number), *some)
        for id in ids:
            look.hgetall(keys.tally(id))
        packed, *rest = look.execute()
        timers = {
            id: None if at is None else int(float(at))
            for some, scores in zip(homes.values(), rest[: len(homes)], strict=True)
            for id, at in zip(some, scores, strict=True)
        }
        tallies = rest[len(homes) :]
        return {
            id: Hot(raw, timers[id], {name.decode(): said.decode() for name, said in tally.items()})
            for id, raw, tally in zip(ids, packed, tallies, strict=True)
        }

    def find_erased(self, ids: Sequence[str]) -> set[str]:
        """Those who were erased in the last days: of them the archive may still be forgetting."""
        if not ids or not self._client.exists(keys.ERASED):
            return set()
        stones = self._client.mget([keys.erased(digest_of(id)) for id in ids])
        return {id for id, stone in zip(ids, stones, strict=True) if stone is not None}

    def mend_tally(self, id: str, wrong: Mapping[str, tuple[str | None, str | None]]) -> bool:
        """Puts grants right, (found, expected) of each by name; False when something else is found by now."""
        said = [word for name, (found, wanted) in wrong.items() for word in (name, _say(found), _say(wanted))]
        return bool(self._mend_tally(keys=[keys.tally(id)], args=said))

    def mend_total(self, name: str, *, add: int, otherwise: int, kept_ms: int) -> None:
        """Adds to a counter of everybody, whoever counts meanwhile; one that says no number says `otherwise` then."""
        self._mend_total(keys=[keys.total(name)], args=[add, otherwise, kept_ms])

    def take_code(self, offer: str, code: str) -> None:
        """Out of the pool of an offer, if it is there."""
        self._client.lrem(keys.codes(offer), 0, code)

    def take_away(self, id: str, packed: bytes) -> bool:
        """Removes what stands in a profile's place and is none: every processor would stumble over it."""
        return bool(self._take_away(keys=[keys.profile(id)], args=[packed]))


def read_profile(packed: bytes | memoryview | None) -> Profile | None:
    """None for what cannot be read as well."""
    if packed is None:
        return None
    try:
        return unpack(bytes(packed))
    except (ValueError, zstandard.ZstdError):
        return None


def _say(code: str | None) -> str:
    return "-" if code is None else f"={code}"
