"""Who may send, and what is remembered of it: the snapshot that doors and processors look things up in. Pure."""

import re
from hashlib import sha256

import msgspec

from ingestion.parse_schema import Schema

SUBDOMAINS = re.compile(r"[a-z0-9-]+(\.[a-z0-9-]+)*")


class Source(msgspec.Struct, frozen=True):
    """A site, app or back end. `origins` empty: any page may send; else `https://shop.example` exactly, or
    `https://*.shop.example` for every host below it. `strict` answers invalid events with an error status."""

    slug: str
    name: str
    write_key: str
    origins: tuple[str, ...] = ()
    debug: bool = False
    strict: bool = False

    def admits(self, origin: str | None) -> bool:
        """Whether a page of `origin` may send. A caller without one is not a browser: there is nothing to protect."""
        if not self.origins or origin is None:
            return True
        origin = origin.lower()
        return any(_matches(allowed.lower(), origin) for allowed in self.origins)


class SecretKey(msgspec.Struct, frozen=True):
    """What the holder of a secret key may do, for which source, and until when (Unix ms; None: until revoked)."""

    source: str
    scopes: tuple[str, ...] = ()
    id: int = 0
    expires: int | None = None


class OAuthClient(msgspec.Struct, frozen=True):
    """What the tokens of an OAuth client may be allowed at most, and for which source."""

    source: str
    scopes: tuple[str, ...] = ()
    id: int = 0


class Directory(msgspec.Struct, frozen=True):
    """All sources by write key, secret keys by their SHA-256, OAuth clients by their client id, and the event
    catalogue: the property paths that are indexed, those that are private, and the schema, per event name. Events of
    no catalogue entry have `default_indexed`. `retention_days` is how far back profiles remember single events, None
    where the environment says it."""

    number: int
    sources: dict[str, Source] = {}
    secret_keys: dict[str, SecretKey] = {}
    clients: dict[str, OAuthClient] = {}
    indexed: dict[str, tuple[str, ...]] = {}
    schemas: dict[str, Schema] = {}
    default_indexed: tuple[str, ...] = ()
    private: dict[str, tuple[str, ...]] = {}
    retention_days: int | None = None

    def source_of(self, write_key: str) -> Source | None:
        return self.sources.get(write_key)

    def secret(self, key: str, now: int) -> SecretKey | None:
        """None for a key that is unknown, was revoked, or has expired by `now` (Unix ms)."""
        found = self.secret_keys.get(hash_secret(key))
        if found is None or (found.expires is not None and found.expires <= now):
            return None
        return found


def hash_secret(key: str) -> str:
    """The form in which secret keys and tokens are kept: SHA-256, hex. They are long and random: no salt is needed."""
    return sha256(key.encode(errors="replace")).hexdigest()


_decoder = msgspec.json.Decoder(Directory)


def load_directory(payload: bytes) -> Directory:
    """Raises ValueError when the payload is not a directory."""
    try:
        return _decoder.decode(payload)
    except msgspec.MsgspecError as error:
        raise ValueError(f"not a directory: {error}") from error


def _matches(allowed: str, origin: str) -> bool:
    scheme, wildcard, domain = allowed.partition("*.")
    if not wildcard:
        return allowed == origin
    if not (origin.startswith(scheme) and origin.endswith("." + domain)):
        return False
    return SUBDOMAINS.fullmatch(origin[len(scheme) : -len(domain) - 1]) is not None
