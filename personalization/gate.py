"""Where a caller is let in: who it is, whether the door is open to it, whether it may call again. Without SQL."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import NamedTuple

import redis

from ingestion.directory import Directory
from ingestion.http import Headers
from ingestion.uses import Uses
from personalization.allowances import Allowances
from personalization.callers import Caller, Credentials, Kind, make_caller, read_credentials
from personalization.doors import Door, let_in
from personalization.limits import Limiter, Policies, TooManyCalls, Verdict, choose_bucket
from personalization.tokens import Token, TokenCache, aread_token, hash_token, is_token, keep_token, read_token
from profiles import keys
from profiles.clients import AsyncClient, Client
from profiles.store import StoreUnavailable

AWAY = "Redis is away: the token cannot be looked up"


class Admitted(NamedTuple):
    """Who was let in, and what the answer says of the limit."""

    caller: Caller
    headers: Headers


class HotGate:
    """For doors that live in the event loop. `clock` gives Unix milliseconds."""

    def __init__(
        self,
        client: AsyncClient,
        *,
        directory: Callable[[], Directory],
        policies: Policies,
        allowances: Allowances,
        clock: Callable[[], int],
    ) -> None:
        self._client = client
        self._directory = directory
        self._policies = policies
        self._clock = clock
        self._tokens = TokenCache(clock)
        self._allowances = allowances
        self._uses = Uses(clock)

    async def admit(self, said: Credentials, door: Door, address: str) -> Admitted:
        """Raises UnknownKey, SecretKeyNeeded, ScopeMissing, TooManyCalls; StoreUnavailable when a token that is new
        here cannot be looked up, LogUnavailable while there is no directory yet."""
        directory = self._directory()
        token = await self._find_token(said.bearer) if is_token(said.bearer) else None
        caller = make_caller(said, directory=directory, now=self._clock(), token=token)
        let_in(caller, door)
        verdict = await self._allowances.take(*choose_bucket(caller, address, self._policies))
        if not verdict.allowed:
            raise TooManyCalls(verdict)
        if caller.kind in NOTED:
            self._uses.note(caller.key)
        return Admitted(caller, verdict.headers)

    async def note_uses(self) -> None:
        """Writes down which keys were used; called now and then. Raises redis.RedisError."""
        if due := self._uses.take_due():
            await self._client.hset(keys.USED, mapping=due)

    async def close(self) -> None:
        await self._allowances.close()

    async def _find_token(self, bearer: str) -> Token | None:
        sha256 = hash_token(bearer)
        is_known, token = self._tokens.get(sha256)
        if is_known:
            return token
        try:
            token = await aread_token(self._client, sha256)
        except redis.RedisError as error:
            return _make_do(self._tokens, sha256, error)
        self._tokens.keep(sha256, token)
        return token


class Gate:
    """The same for doors that run in threads; `find_forgotten` looks in PostgreSQL for a token Redis does not know."""

    def __init__(
        self,
        client: Client,
        *,
        directory: Callable[[], Directory],
        policies: Policies,
        clock: Callable[[], int],
        find_forgotten: Callable[[str], Token | None],
    ) -> None:
        self._client = client
        self.directory = directory
        self._policies = policies
        self._clock = clock
        self._find_forgotten = find_forgotten
        self._tokens = TokenCache(clock)
        self._limiter = Limiter(client)
        self._uses = Uses(clock)

    def find(self, authorization: bytes, write_key: str | None = None) -> Caller:
        """Raises UnknownKey and LogUnavailable."""
        said = read_credentials(authorization, write_key)
        token = self._find_token(said.bearer) if is_token(said.bearer) else None
        caller = make_caller(said, directory=self.directory(), now=self._clock(), token=token)
        if caller.kind in NOTED:
            self._note_use(caller)
        return caller

    def take(self, caller: Caller, address: str) -> Verdict:
        """One call of the caller's limit; raises TooManyCalls."""
        verdict = self._limiter.take(*choose_bucket(caller, address, self._policies))
        if not verdict.allowed:
            raise TooManyCalls(verdict)
        return verdict

    def admit(self, authorization: bytes, door: Door, address: str, write_key: str | None = None) -> Admitted:
        """All at once: who it is, whether the door is open to it, one call of its limit."""
        caller = self.find(authorization, write_key)
        let_in(caller, door)
        return Admitted(caller, self.take(caller, address).headers)

    def _note_use(self, caller: Caller) -> None:
        self._uses.note(caller.key)
        if due := self._uses.take_due():
            _write_uses(self._client, due)

    def _find_token(self, bearer: str) -> Token | None:
        sha256 = hash_token(bearer)
        is_known, token = self._tokens.get(sha256)
        if is_known:
            return token
        try:
            token = read_token(self._client, sha256)
            if token is None and (token := self._find_forgotten(sha256)) is not None:
                keep_token(self._client, sha256, token, self._clock())
        except redis.RedisError:
            token = self._find_forgotten(sha256)
        self._tokens.keep(sha256, token)
        return token


NOTED = (Kind.SECRET_KEY, Kind.OAUTH)


def _make_do(tokens: TokenCache, sha256: str, error: Exception) -> Token | None:
    is_known, token = tokens.get(sha256, stale=True)
    if not is_known:
        raise StoreUnavailable(AWAY) from error
    return token


def _write_uses(client: Client, due: Mapping[str, int]) -> None:
    with suppress(redis.RedisError):  # when it was used is nice to know, and no reason to keep anybody out
        client.hset(keys.USED, mapping=due)
