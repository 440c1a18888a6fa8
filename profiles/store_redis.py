"""The profile store on Redis or Valkey: reads are pipelines, the commit is one Lua script."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import redis

from profiles import keys
from profiles.clients import Client
from profiles.profile import Profile, unpack
from profiles.store import (
    ERASED_S,
    PERIODS,
    Commit,
    Conflict,
    Fenced,
    Outdated,
    Reading,
    StoreUnavailable,
    Tombstone,
    digest_of,
    list_profiles,
)

START = "0-0"
Argument = str | bytes | int

# A script is atomic as MULTI/EXEC is, and can compare before it writes. It first checks everything, then writes;
# nothing after the checks can fail but for lack of memory, which the first write meets (see docs/adr).
# KEYS: offset, tries, seen now, seen before, seen after, names of definitions… A number of one that is not there
# counts as 0.
# ARGV: expected offset, new offset, suspect ("" to end the suspicion), seconds to keep the marks, numbers of the
# definitions…, number of marks, marks…, number of links, (key, expected, new or "-" to remove it)…, number of
# takeovers, (tally of the loser, of the winner)…, then (length, command…)…
_COMMIT = """
if (redis.call('GET', KEYS[1]) or '0-0') ~= ARGV[1] then return 'fenced' end
for i = 6, #KEYS do
  if (redis.call('GET', KEYS[i]) or '0') ~= ARGV[i - 1] then return 'outdated' end
end
local first = #KEYS + 1
local at, marks = first, tonumber(ARGV[first - 1])
for from = at, at + marks - 1, 1000 do
  local to = math.min(from + 999, at + marks - 1)
  for k = 3, 5 do
    for _, seen in ipairs(redis.call('SMISMEMBER', KEYS[k], unpack(ARGV, from, to))) do
      if seen == 1 then return 'seen' end
    end
  end
end
at = at + marks
local links = tonumber(ARGV[at])
for i = at + 1, at + links * 3, 3 do
  if (redis.call('GET', ARGV[i]) or '') ~= ARGV[i + 1] then return 'linked' end
end
if ARGV[1] ~= ARGV[2] then
  redis.call('SET', KEYS[1], ARGV[2])
  redis.call('DEL', KEYS[2])
  if ARGV[3] ~= '' then redis.call('HSET', KEYS[2], 'suspect', ARGV[3]) end
end
for from = first, first + marks - 1, 1000 do
  redis.call('SADD', KEYS[3], unpack(ARGV, from, math.min(from + 999, first + marks - 1)))
end
if marks > 0 then redis.call('EXPIRE', KEYS[3], ARGV[4]) end
for i = at + 1, at + links * 3, 3 do
  if ARGV[i + 2] == '-' then
    redis.call('DEL', ARGV[i])
  elseif ARGV[i + 2] ~= '' then
    redis.call('SET', ARGV[i], ARGV[i + 2])
  end
end
at = at + links * 3 + 1
local takeovers = tonumber(ARGV[at])
for i = at + 1, at + takeovers * 2, 2 do
  local tally = redis.call('HGETALL', ARGV[i])
  for k = 1, #tally, 2 do
    if string.sub(tally[k], 1, 2) == 's:' then
      redis.call('HINCRBY', ARGV[i + 1], tally[k], tally[k + 1])
    else
      redis.call('HSETNX', ARGV[i + 1], tally[k], tally[k + 1])
    end
  end
  redis.call('DEL', ARGV[i])
end
at = at + takeovers * 2 + 1
while at <= #ARGV do
  local length = tonumber(ARGV[at])
  redis.call(unpack(ARGV, at + 1, at + length))
  at = at + length + 1
end
return 'done'
"""

# Whoever lost the partition must not leave a suspicion behind that nobody would come to the end of.
# KEYS: offset, tries. ARGV: expected offset, fields and values of the hash.
_ATTEMPT = """
if (redis.call('GET', KEYS[1]) or '0-0') ~= ARGV[1] then return 'fenced' end
redis.call('HSET', KEYS[2], unpack(ARGV, 2))
return 'done'
"""


class RedisStore:
    """Promises of ProfileStore. `client` must answer bytes (decode_responses off) and have a socket timeout."""

    def __init__(self, client: Client, dedup_ms: int) -> None:
        self._client = client
        self._dedup_ms = dedup_ms
        self._commit = client.register_script(_COMMIT)
        self._attempt = client.register_script(_ATTEMPT)

    def offset(self, partition: int) -> str:
        with _translated():
            raw = self._client.get(keys.offset(partition))
        return raw.decode() if raw else START

    def read(
        self, partition: int, offset: str, identifiers: Sequence[str], marks: Sequence[bytes], now: int
    ) -> Reading:
        pipeline = self._client.pipeline(transaction=False)
        pipeline.hmget(keys.tries(partition), [f"batch:{offset}", f"alone:{offset}", "suspect"])
        if identifiers:
            pipeline.mget([keys.identifier(key) for key in identifiers])
        if marks:
            for key in self._seen_keys(now):
                pipeline.execute_command("SMISMEMBER", key, *marks)
        pipeline.exists(keys.ERASED)  # after the links: whoever finds them taken away finds the tombstone too
        with _translated():
            *answered, anybody_erased = pipeline.execute()
        answers: Iterator[Any] = iter(answered)
        in_batch, alone, suspect = next(answers)
        found = next(answers) if identifiers else []
        flags = zip(*(next(answers) for _ in PERIODS), strict=True) if marks else ()
        return Reading(
            links=read_links(identifiers, found),
            seen={mark for mark, seen in zip(marks, flags, strict=False) if any(seen)},
            failed_in_batch=int(in_batch or 0),
            failed_alone=int(alone or 0),
            suspect=suspect.decode() if suspect else None,
            erased=self._find_erased(identifiers) if anybody_erased else {},
        )

    def _find_erased(self, identifiers: Sequence[str]) -> dict[str, Tombstone]:
        """Asked only while there are any."""
        ids = list_profiles(identifiers)
        if not ids:
            return {}
        with _translated():
            found = self._client.mget([keys.erased(digest_of(id)) for id in ids])
        said = ((id, raw.decode().partition(":")) for id, raw in zip(ids, found, strict=True) if raw)
        return {id: Tombstone(int(at), erasure) for id, (at, _, erasure) in said}

    def find_links(self, identifiers: Sequence[str]) -> dict[str, str]:
        if not identifiers:
            return {}
        with _translated():
            found = self._client.mget([keys.identifier(key) for key in identifiers])
        return read_links(identifiers, found)

    def load(self, profile_ids: Iterable[str]) -> dict[str, Profile]:
        ids = list(profile_ids)
        if not ids:
            return {}
        with _translated():
            packed = self._client.mget([keys.profile(id) for id in ids])
        return {id: unpack(raw) for id, raw in zip(ids, packed, strict=True) if raw}

    def attempt(self, partition: int, offset: str, *, alone: bool, tries: int, suspect: str | None) -> None:
        arguments: list[Argument] = [offset, f"{'alone' if alone else 'batch'}:{offset}", tries]
        if suspect is not None:
            arguments += ("suspect", suspect)
        with _translated():
            answer = self._attempt(keys=[keys.offset(partition), keys.tries(partition)], args=arguments)
        if answer == b"fenced":
            raise Fenced(f"partition {partition} is no longer at {offset}")

    def due(self, partition: int, now: int, limit: int) -> list[str]:
        with _translated():
            found = self._client.zrangebyscore(keys.timers(partition), "-inf", now, start=0, num=limit)
        return [id.decode() for id in found]

    def commit(self, commit: Commit) -> None:
        arguments: list[Argument] = [
            commit.expected,
            commit.offset,
            commit.suspect or "",
            2 * self._dedup_ms // 1000,
            *commit.computed_with.values(),
            len(commit.seen),
            *commit.seen,
            len(commit.links),
        ]
        for key, link in commit.links.items():
            arguments += (keys.identifier(key), link.expected or "", link.profile_id or "")
        arguments.append(len(commit.takeovers))
        for loser, winner in commit.takeovers:
            arguments += (keys.tally(loser), keys.tally(winner))
        arguments += _commands(commit)
        with _translated():
            answer = self._commit(
                keys=[
                    *(keys.offset(commit.partition), keys.tries(commit.partition)),
                    *self._seen_keys(commit.now),
                    *commit.computed_with,
                ],
                args=arguments,
            )
        if answer == b"fenced":
            raise Fenced(f"partition {commit.partition} is no longer at {commit.expected}")
        if answer == b"outdated":
            raise Outdated(f"partition {commit.partition}: other definitions are in force")
        if answer != b"done":
            raise Conflict(f"a message or identifier of this batch was {answer.decode()} meanwhile")

    def _seen_keys(self, now: int) -> list[str]:
        return [keys.seen(now // self._dedup_ms + step) for step in PERIODS]


def read_links(identifiers: Sequence[str], found: Sequence[bytes | None]) -> dict[str, str]:
    """What the identity map answered for `identifiers`, without those it does not know."""
    return {key: value.decode() for key, value in zip(identifiers, found, strict=True) if value}


def _commands(commit: Commit) -> list[Argument]:
    """The plain writes of a commit, each with its length before it."""
    commands: list[Argument] = []
    for id, packed in commit.profiles.items():
        if packed is None:
            commands += (2, "DEL", keys.profile(id))
        else:
            commands += (3, "SET", keys.profile(id), packed)
    timers = keys.timers(commit.partition)
    for id, at in commit.timers.items():
        commands += (3, "ZREM", timers, id) if at is None else (4, "ZADD", timers, at, id)
    for id, at in commit.soft_timers.items():
        commands += (5, "ZADD", timers, "LT", at, id)
    for id, stone in commit.erased.items():
        commands += (2, "DEL", keys.tally(id))
        commands += (5, "SET", keys.erased(digest_of(id)), f"{stone.at}:{stone.erasure}", "EX", ERASED_S)
    if commit.erased:
        commands += (5, "SET", keys.ERASED, 1, "EX", ERASED_S)
    accepted = keys.accepted(commit.partition)
    for record in commit.accepted:
        commands += (5, "XADD", accepted, "*", "r", record)
    for partition, record in commit.forwards:
        commands += (5, "XADD", keys.log(partition), "*", "r", record)
    for name, count in commit.outcomes.items():
        commands += (4, "HINCRBY", keys.OUTCOMES, name, count)
    for id, change in commit.changes:
        commands += (3, "PUBLISH", keys.live(id), change)
    if commit.offset != commit.expected:
        commands += (5, "XTRIM", keys.log(commit.partition), "MINID", "~", commit.offset)
    return commands


@contextmanager
def _translated() -> Iterator[None]:
    """Redis' own errors as StoreUnavailable: away, too slow, loading, out of memory or read-only."""
    try:
        yield
    except redis.RedisError as error:
        raise StoreUnavailable(f"Redis: {type(error).__name__}: {error}") from error
