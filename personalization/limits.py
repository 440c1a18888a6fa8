"""How often a caller may call: a bucket of tokens for each in Redis, which fills as time goes by."""

import ipaddress
from collections.abc import Iterable
from functools import lru_cache
from typing import NamedTuple

import redis

from ingestion.http import Headers
from personalization.callers import Caller, Kind
from profiles import keys
from profiles.clients import Client

WINDOW_S = 60  # in which an empty bucket becomes full again

# KEYS: buckets. ARGV: the milliseconds in which a bucket fills; for each the tokens it holds, and the tokens wanted.
# Answers for each: tokens given, tokens left, milliseconds until there is another one. Redis' own clock counts, for
# everybody the same; a bucket that is full again is forgotten.
TAKE = """
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local answer, window = {}, tonumber(ARGV[1])
for i = 1, #KEYS do
  local most, wanted = tonumber(ARGV[2 * i]), tonumber(ARGV[2 * i + 1])
  local bucket = redis.call('HMGET', KEYS[i], 'left', 'at')
  local left = most
  if bucket[1] then left = math.min(most, bucket[1] + math.max(0, now - bucket[2]) * most / window) end
  local given = math.min(wanted, math.floor(left))
  if given > 0 then
    left = left - given
    redis.call('HSET', KEYS[i], 'left', string.format('%.9f', left), 'at', string.format('%.0f', now))
    redis.call('PEXPIRE', KEYS[i], math.ceil((most - left) * window / most) + 1)
  end
  answer[3 * i - 2] = given
  answer[3 * i - 1] = math.floor(left)
  answer[3 * i] = math.ceil((math.floor(left) + 1 - left) * window / most)
end
return answer
"""


class Policy(NamedTuple):
    """So many calls in WINDOW_S, all of them at once if need be; 0: as many as one likes. `name` is told to callers."""

    name: str
    quota: int

    @property
    def lease(self) -> int:
        """Tokens that a process takes at once."""
        return max(1, min(50, self.quota // 20))


class Policies(NamedTuple):
    """The policies in force: for one visitor's address with a write key, and for each key, client or operator."""

    visitor: Policy
    key: Policy


class Verdict(NamedTuple):
    """Whether a call is let in, how many more would be at this moment, and in how many seconds the next one is."""

    policy: Policy
    allowed: bool
    left: int
    retry_after: int = 0

    @property
    def headers(self) -> Headers:
        """In the words of the IETF's draft (draft-ietf-httpapi-ratelimit-headers); none where there is no limit."""
        name, quota = self.policy
        if not quota:
            return ()
        left = max(0, min(self.left, quota))
        full = max(1, -(-(quota - left) * WINDOW_S // quota))  # rounded up
        return (
            (b"ratelimit-policy", b'"%s";q=%d;w=%d' % (name.encode(), quota, WINDOW_S)),
            (b"ratelimit", b'"%s";r=%d;t=%d' % (name.encode(), left, full if self.allowed else self.retry_after)),
        )


class TooManyCalls(Exception):
    """The caller has to wait."""

    def __init__(self, verdict: Verdict) -> None:
        self.verdict = verdict
        self.retry_after = verdict.retry_after
        quota = verdict.policy.quota
        super().__init__(f"more than {quota} calls in {WINDOW_S} s; call again in {verdict.retry_after} s")


def choose_bucket(caller: Caller, address: str, policies: Policies) -> tuple[str, Policy]:
    """The name of the bucket that a call is taken from, and its policy. A write key is everybody's: each visitor's
    address has a bucket of its own."""
    if caller.kind is Kind.WRITE_KEY:
        return f"{caller.key}:{shorten_address(address)}", policies.visitor
    return caller.key, policies.key


@lru_cache(maxsize=10_000)
def shorten_address(address: str) -> str:
    """An IPv4 address as it is; of an IPv6 address the network, as each household has all addresses of one."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return "-"
    if isinstance(parsed, ipaddress.IPv4Address):
        return str(parsed)
    return str(parsed.ipv4_mapped or ipaddress.ip_network((parsed, 64), strict=False).network_address)


def give_way(policy: Policy) -> Verdict:
    """What is said while Redis is away, and where there is no limit: come in."""
    return Verdict(policy, True, policy.quota)


def args_of(wanted: Iterable[tuple[Policy, int]]) -> list[int]:
    """TAKE's arguments, for so many tokens of each bucket."""
    return [WINDOW_S * 1000, *(value for policy, tokens in wanted for value in (policy.quota, tokens))]


class Limiter:
    """Takes each call from its bucket at once, for doors that run in threads and are asked less often."""

    def __init__(self, client: Client) -> None:
        self._take = client.register_script(TAKE)

    def take(self, name: str, policy: Policy) -> Verdict:
        if not policy.quota:
            return give_way(policy)
        try:
            given, left, wait = self._take(keys=[keys.calls(name)], args=args_of([(policy, 1)]))
        except redis.RedisError:
            return give_way(policy)
        return Verdict(policy, bool(given), left, max(1, -(-wait // 1000)))
