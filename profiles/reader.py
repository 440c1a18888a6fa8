"""Reads profiles for the read path: identity, state and what decisions look at, in one round trip."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import redis

from profiles import keys
from profiles.clients import AsyncClient
from profiles.event import derive_profile_id
from profiles.profile import Profile, unpack, unpack_without_events
from profiles.sharing import SharedTrips
from profiles.store import StoreUnavailable
from profiles.whole import NOT_WHOLE

# KEYS: pairs of an identifier's key and the key of the profile it stands for while nothing links it elsewhere; then
# counters, then pools. ARGV: prefixes of profiles, tallies and offsets; the number of partitions, of pairs and of
# counters; and for each pair whether its tally is asked for. Answers the linked profile id ("" for none), the packed
# state (""), the offset of its partition and the tally of each pair; then the counters (""), then the pools' lengths.
# Of a Redis that is not whole it answers nothing: who is not there may be somebody all the same.
_READ = """
if redis.call('EXISTS', 'WHOLE') == 0 then return {} end
local found, pairs, counters = {}, tonumber(ARGV[5]), tonumber(ARGV[6])
for i = 1, pairs do
  local linked = redis.call('GET', KEYS[2 * i - 1])
  local id = linked or string.sub(KEYS[2 * i], #ARGV[1] + 1)
  found[4 * i - 3] = linked or ''
  found[4 * i - 2] = redis.call('GET', ARGV[1] .. id) or ''
  local partition = tonumber(string.sub(id, 1, 8), 16) % ARGV[4]
  found[4 * i - 1] = redis.call('GET', ARGV[3] .. string.format('%d', partition)) or ''
  found[4 * i] = ARGV[6 + i] == '1' and redis.call('HGETALL', ARGV[2] .. id) or {}
end
for i = 2 * pairs + 1, 2 * pairs + counters do found[#found + 1] = redis.call('GET', KEYS[i]) or '' end
for i = 2 * pairs + counters + 1, #KEYS do found[#found + 1] = redis.call('LLEN', KEYS[i]) end
return found
""".replace("WHOLE", keys.WHOLE)
FIELDS = 4  # of a pair's answer


class Wanted(NamedTuple):
    """What a decision looks at: the person's histories, their tally, counters of everybody, and pools of codes."""

    history: bool = True
    tally: bool = False
    totals: tuple[str, ...] = ()
    pools: tuple[str, ...] = ()


NOTHING = Wanted()


class Found(NamedTuple):
    """`position` is how far the log of the profile's partition had been applied. `tally` has the counters (`s:…`) and
    grants (`g:…`) of the person, `totals` and `stock` are by the names that were wanted."""

    profile_id: str
    profile: Profile | None
    position: str = ""
    tally: Mapping[str, str] = {}
    totals: Mapping[str, int] = {}
    stock: Mapping[str, int] = {}


class _Question(NamedTuple):
    identifier: str
    wanted: Wanted


class ProfileReader:
    """Profiles by identifier, for an event loop. Calls made while a round trip is under way share the next one."""

    def __init__(self, client: AsyncClient, *, partitions: int) -> None:
        self._read = client.register_script(_READ)
        self._partitions = partitions
        self._trips: SharedTrips[_Question, Found] = SharedTrips(self._travel)

    async def read(self, identifier: str, deadline: float, wanted: Wanted = NOTHING) -> Found:
        """The profile `identifier` stands for (`u:…`, `a:…`, or `p:…` for a profile's own id); raises StoreUnavailable,
        or TimeoutError after `deadline` seconds."""
        return await self._trips.ask(_Question(identifier, wanted), deadline)

    async def _travel(self, questions: Sequence[_Question]) -> list[Found | Exception]:
        derived = [_derive(question.identifier) for question in questions]
        totals = tuple(dict.fromkeys(name for question in questions for name in question.wanted.totals))
        pools = tuple(dict.fromkeys(name for question in questions for name in question.wanted.pools))
        names = [
            name
            for question, id in zip(questions, derived, strict=True)
            for name in (keys.identifier(question.identifier), keys.profile(id))
        ]
        names += [*map(keys.total, totals), *map(keys.codes, pools)]
        sizes = (self._partitions, len(questions), len(totals))
        tallies = ("1" if question.wanted.tally else "0" for question in questions)
        try:
            answer: list[Any] = await self._read(
                keys=names, args=[keys.profile(""), keys.tally(""), keys.offset(""), *sizes, *tallies]
            )
        except redis.RedisError as error:
            raise StoreUnavailable(f"Redis: {type(error).__name__}: {error}") from error
        if not answer:
            raise StoreUnavailable(NOT_WHOLE)
        rest = answer[FIELDS * len(questions) :]
        counted = {name: int(count or 0) for name, count in zip(totals, rest[: len(totals)], strict=True)}
        stock = dict(zip(pools, rest[len(totals) :], strict=True))
        return [
            _read_found(answer[FIELDS * number : FIELDS * (number + 1)], id, question.wanted, counted, stock)
            for number, (question, id) in enumerate(zip(questions, derived, strict=True))
        ]


def _derive(identifier: str) -> str:
    """The profile of an identifier that nothing links elsewhere; `p:…` names it."""
    return identifier[2:] if identifier.startswith("p:") else derive_profile_id(identifier)


def _read_found(
    answer: Sequence[Any], derived: str, wanted: Wanted, totals: Mapping[str, int], stock: Mapping[str, int]
) -> "Found | Exception":
    linked, packed, position, fields = answer
    tally = {fields[at].decode(): fields[at + 1].decode() for at in range(0, len(fields), 2)}
    return Found(
        linked.decode() if linked else derived,
        _unpack(packed, wanted) if packed else None,
        position.decode(),
        tally,
        totals,
        stock,
    )


def _unpack(packed: bytes, wanted: Wanted) -> Profile:
    return unpack(packed) if wanted.history else unpack_without_events(packed)
