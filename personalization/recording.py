"""The commit of a decision: caps are counted, offers granted and the decision written down, all or nothing of it."""

from collections.abc import Sequence
from typing import NamedTuple

import redis
from redis.exceptions import NoScriptError

from ingestion.accepted import pack
from ingestion.log_redis import FIELD
from personalization.served import Served
from profiles import keys
from profiles.clients import AsyncClient
from profiles.decided import Decided
from profiles.event import partition_of
from profiles.sharing import SharedTrips
from profiles.store import StoreUnavailable
from profiles.whole import NOT_WHOLE
from rules.engine import Offer
from rules.tally import EVERYBODY, Counter

# KEYS: the tally, the accepted log, then the counters of everybody and the pools of codes, as their places say.
# ARGV: the decision's record, profile, id and moment; the number of counters, (name, most, milliseconds kept, place in
# KEYS or 0 for the tally)…, the number of grants, (name, offer, period, points, place of its pool or 0)…, then fields
# of the tally that are over. Nothing is written unless everything is allowed. Answers the number and the name of what
# is not, or the codes in the order of the grants; 3 when Redis is not whole, and nobody knows what was granted before.
_COMMIT = """
if redis.call('EXISTS', 'WHOLE') == 0 then return {3} end
local counters, at = tonumber(ARGV[5]), 6
for i = 1, counters do
  local name, most, place = ARGV[at], tonumber(ARGV[at + 1]), tonumber(ARGV[at + 3])
  local count = place > 0 and redis.call('GET', KEYS[place]) or redis.call('HGET', KEYS[1], name)
  if tonumber(count or 0) >= most then return {1, name} end
  at = at + 4
end
local grants, first = tonumber(ARGV[at]), at + 1
at = first
local known = {}
for i = 1, grants do
  known[i] = redis.call('HGET', KEYS[1], ARGV[at])
  local pool = tonumber(ARGV[at + 4])
  if not known[i] and pool > 0 and redis.call('LLEN', KEYS[pool]) == 0 then return {2, ARGV[at + 1]} end
  at = at + 5
end
local codes = {0}
for i = 1, grants do
  local from = first + (i - 1) * 5
  local name, offer, period, points, pool = unpack(ARGV, from, from + 4)
  local code = known[i] or redis.call('HGET', KEYS[1], name)
  if not code then
    code = tonumber(pool) > 0 and redis.call('LPOP', KEYS[tonumber(pool)]) or ''
    redis.call('HSET', KEYS[1], name, code)
    redis.call('XADD', KEYS[2], '*', 'FIELD',
      cmsgpack.pack({'granted', ARGV[2], offer, period, code, tonumber(points), ARGV[3], tonumber(ARGV[4])}))
  end
  codes[i + 1] = code
end
local from = 6
for i = 1, counters do
  local name, kept, place = ARGV[from], tonumber(ARGV[from + 2]), tonumber(ARGV[from + 3])
  if place > 0 then
    redis.call('INCR', KEYS[place])
    if kept > 0 then redis.call('PEXPIRE', KEYS[place], kept) end
  else
    redis.call('HINCRBY', KEYS[1], name, 1)
  end
  from = from + 4
end
for i = at, #ARGV do redis.call('HDEL', KEYS[1], ARGV[i]) end
redis.call('XADD', KEYS[2], '*', 'FIELD', ARGV[1])
return codes
""".replace("FIELD", FIELD.decode()).replace("WHOLE", keys.WHOLE)


# KEYS: accepted logs, one for each record. ARGV: the records, of decisions that neither count nor grant anything.
_APPEND = """
for i = 1, #KEYS do redis.call('XADD', KEYS[i], '*', 'FIELD', ARGV[i]) end
return {0}
""".replace("FIELD", FIELD.decode())


class Claim(NamedTuple):
    """What a decision wants to commit: its record, the counters it adds to, the offers it grants by the grants' names,
    and what of the tally is over."""

    decided: Decided
    counters: Sequence[Counter] = ()
    grants: Sequence[tuple[str, Offer]] = ()
    over: Sequence[str] = ()


class Committed(NamedTuple):
    """The codes of the grants, "" for one without. Or nothing was committed: the counter `full`, or the offer
    `exhausted`, was used up by somebody else since it was looked at."""

    codes: tuple[str, ...] = ()
    full: str | None = None
    exhausted: str | None = None


class DecisionRecorder:
    """For an event loop. Decisions of the same moment share a round trip."""

    def __init__(self, client: AsyncClient, *, partitions: int) -> None:
        self._client = client
        self._commit_sha = client.register_script(_COMMIT).sha
        self._append_sha = client.register_script(_APPEND).sha
        self._partitions = partitions
        self._trips: SharedTrips[Claim, Committed] = SharedTrips(self._travel)
        self.served = Served(client)

    async def record(self, claim: Claim, deadline: float) -> Committed:
        """Commits, or says what stands against it. Raises StoreUnavailable, or TimeoutError after `deadline` seconds,
        when it is not known whether it was committed."""
        committed = await self._trips.ask(claim, deadline)
        if committed.full is None and committed.exhausted is None:
            self.served.count(claim.decided.at)
        return committed

    async def _travel(self, claims: Sequence[Claim]) -> list[Committed | Exception]:
        try:
            answers = await self._send(claims)
            again = [number for number, answer in enumerate(answers) if isinstance(answer, NoScriptError)]
            if again:  # Redis does not know the scripts yet, or was restarted
                for script in (_COMMIT, _APPEND):
                    await self._client.script_load(script)
                for number, answer in zip(again, await self._send([claims[each] for each in again]), strict=True):
                    answers[number] = answer
        except redis.RedisError as error:
            raise StoreUnavailable(f"Redis: {type(error).__name__}: {error}") from error
        return [_read_answer(answer) for answer in answers]

    async def _send(self, claims: Sequence[Claim]) -> list[object]:
        """One command for all decisions that are recorded and nothing else, and one for each of the others."""
        pipeline = self._client.pipeline(transaction=False)
        logs, records, places = [], [], []
        for claim in claims:
            decided = claim.decided
            log = keys.accepted(partition_of(decided.profile or decided.id, self._partitions))
            if claim.counters or claim.grants:
                places.append(len(pipeline))
                pipeline.execute_command("EVALSHA", self._commit_sha, *_arguments(claim, log))
            else:
                places.append(-1)
                logs.append(log)
                records.append(pack(decided))
        if records:
            pipeline.execute_command("EVALSHA", self._append_sha, len(logs), *logs, *records)
        found = await pipeline.execute(raise_on_error=False)
        return [found[place] for place in places]


def _arguments(claim: Claim, log: str) -> list[str | bytes | int]:
    decided = claim.decided
    names: list[str] = [keys.tally(decided.profile), log]
    arguments: list[str | bytes | int] = [pack(decided), decided.profile, decided.id, decided.at, len(claim.counters)]
    for counter in claim.counters:
        place = 0
        if counter.name.startswith(EVERYBODY):
            names.append(keys.total(counter.name))
            place = len(names)
        arguments += (counter.name, counter.most, counter.kept_ms, place)
    arguments.append(len(claim.grants))
    for name, offer in claim.grants:
        place = 0
        if offer.said.kind == "code":
            names.append(keys.codes(offer.slug))
            place = len(names)
        arguments += (name, offer.slug, name.rpartition(":")[2], offer.said.points, place)
    return [len(names), *names, *arguments, *claim.over]


def _read_answer(answer: object) -> Committed | Exception:
    if isinstance(answer, Exception):
        return StoreUnavailable(f"Redis: {type(answer).__name__}: {answer}")
    assert isinstance(answer, list)
    if answer[0] == 0:
        return Committed(tuple(code.decode() for code in answer[1:]))
    if answer[0] == 3:
        return StoreUnavailable(NOT_WHOLE)
    name = answer[1].decode()
    return Committed(full=name) if answer[0] == 1 else Committed(exhausted=name)
