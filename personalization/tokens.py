"""OAuth tokens as the doors see them: mirrored in Redis while they are good, so that no hot door asks PostgreSQL."""

from collections.abc import Callable

import msgspec

from ingestion.directory import hash_secret
from profiles import keys
from profiles.clients import AsyncClient, Client

PREFIX = "at_"
CACHED_MS = 2_000  # that a process trusts what it found: a token that was revoked may be taken for so long
MOST_CACHED = 10_000


class Token(msgspec.Struct, frozen=True):
    """What a token stands for: the OAuth client it was given to, the scopes it was given, its end in Unix ms."""

    client: str
    scopes: tuple[str, ...]
    expires: int


_encode = msgspec.json.Encoder().encode
_decoder = msgspec.json.Decoder(Token)


def is_token(bearer: str) -> bool:
    """Whether it looks like one of ours: nothing else is worth a look at Redis."""
    return bearer.startswith(PREFIX)


def keep_token(client: Client, sha256: str, token: Token, now: int) -> None:
    """Makes a token known to every door, until its end."""
    if token.expires > now:
        client.set(keys.token(sha256), _encode(token), px=token.expires - now)


def forget_token(client: Client, sha256: str) -> None:
    client.delete(keys.token(sha256))


def read_token(client: Client, sha256: str) -> Token | None:
    return _decode(client.get(keys.token(sha256)))


async def aread_token(client: AsyncClient, sha256: str) -> Token | None:
    """`read_token` for an event loop."""
    return _decode(await client.get(keys.token(sha256)))


def _decode(raw: bytes | None) -> Token | None:
    return None if raw is None else _decoder.decode(raw)


class TokenCache:
    """What one process has found lately, known and unknown tokens alike; bounded. `clock` gives Unix ms."""

    def __init__(self, clock: Callable[[], int]) -> None:
        self._clock = clock
        self._found: dict[str, tuple[Token | None, int]] = {}

    def get(self, sha256: str, *, stale: bool = False) -> tuple[bool, Token | None]:
        """Whether it was looked for lately, and what was found. With `stale` also what was found long ago: while Redis
        is away there is nothing better, and a token's own end is kept in any case."""
        token, until = self._found.get(sha256, (None, 0))
        return (stale and token is not None) or self._clock() < until, token

    def keep(self, sha256: str, token: Token | None) -> None:
        self._found.pop(sha256, None)
        self._found[sha256] = (token, self._clock() + CACHED_MS)
        while len(self._found) > MOST_CACHED:
            self._found.pop(next(iter(self._found)), None)


def hash_token(token: str) -> str:
    """The form in which tokens are kept; the OAuth toolkit's own checksum is the same."""
    return hash_secret(token)
