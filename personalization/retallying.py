"""Puts what decisions have counted and granted back into Redis, and the counters of outcomes."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date
from itertools import islice
from typing import TypeVar

from ingestion.models import Outcome
from ingestion.outcomes import AT_REST
from profiles import keys
from profiles.clients import Client
from profiles.identity import retired_key
from profiles.store import outcome_field
from rules.recounting import count_decisions, kept_ms, list_found, list_granted

AT_ONCE = 1_000
T = TypeVar("T")
MAX_HOPS = 100  # merges followed from a retired profile to the one that lives

# KEYS: one counter, or the tally with its name as ARGV[2]. ARGV: at least so many.
_AT_LEAST = """
local now = ARGV[2] and redis.call('HGET', KEYS[1], ARGV[2]) or not ARGV[2] and redis.call('GET', KEYS[1])
if tonumber(now or 0) < tonumber(ARGV[1]) then
  if ARGV[2] then redis.call('HSET', KEYS[1], ARGV[2], ARGV[1]) else redis.call('SET', KEYS[1], ARGV[1]) end
end
"""


def put_decisions(client: Client, *, now: int, note: Callable[[int], None]) -> None:
    """Into the empty tallies of those who are by now whom it was decided for: the identity map has to be there."""
    at_least = client.register_script(_AT_LEAST)
    client.script_load(_AT_LEAST)
    done = 0
    for counted in _batch(count_decisions(now)):
        owners = _find_owners(client, (each.profile_id for each in counted))
        pipeline = client.pipeline(transaction=False)
        for each in counted:
            if each.profile_id is not None:
                pipeline.hincrby(keys.tally(owners[each.profile_id]), each.name, each.times)
            else:
                pipeline.incrby(keys.total(each.name), each.times)
                if kept := kept_ms(each.name):
                    pipeline.pexpire(keys.total(each.name), kept)
        pipeline.execute()
        done += len(counted)
        note(done)
    for found in _batch(list_found(now)):
        owners = _find_owners(client, (each.profile_id for each in found))
        pipeline = client.pipeline(transaction=False)
        for each in found:
            if each.profile_id is None:
                pipeline.evalsha(at_least.sha, 1, keys.total(each.name), each.times)
                if kept := kept_ms(each.name):
                    pipeline.pexpire(keys.total(each.name), kept)
            else:
                pipeline.evalsha(at_least.sha, 1, keys.tally(owners[each.profile_id]), each.times, each.name)
        pipeline.execute()
        done += len(found)
        note(done)
    for granted in _batch(list_granted()):
        owners = _find_owners(client, (each.profile_id for each in granted))
        pipeline = client.pipeline(transaction=False)
        for grant in granted:
            pipeline.hsetnx(keys.tally(owners[grant.profile_id]), grant.name, grant.code)
        pipeline.execute()
        done += len(granted)
        note(done)


def _batch(found: Iterator[T]) -> Iterator[list[T]]:
    while some := list(islice(found, AT_ONCE)):
        yield some


def _find_owners(client: Client, ids: Iterable[str | None]) -> dict[str, str]:
    """Who each profile is part of by now."""
    owners = {id: id for id in ids if id is not None}
    for _ in range(MAX_HOPS):
        unknown = list(dict.fromkeys(owners.values()))
        moved = dict(_look_up(client, unknown))
        if not moved:
            break
        owners = {id: moved.get(owner, owner) for id, owner in owners.items()}
    return owners


def _look_up(client: Client, ids: Sequence[str]) -> Iterator[tuple[str, str]]:
    if ids:
        found = client.mget([keys.identifier(retired_key(id)) for id in ids])
        yield from ((id, owner.decode()) for id, owner in zip(ids, found, strict=True) if owner)


def put_outcomes(pipeline: Client, *, today: date) -> None:
    """The counters of the days that are not at rest, to be added to what was counted since."""
    rows = Outcome.objects.filter(day__gte=today - AT_REST).values_list("day", "source", "outcome", "count")
    for day, source, outcome, count in rows:
        pipeline.hincrby(keys.OUTCOMES, outcome_field(day.isoformat(), source, outcome), count)
