"""Who asks, and what they may ask for: the holder of a secret key. Nothing else counts here, no cookie either."""

from typing import NamedTuple

from ingestion.directory import Directory
from ingestion.http import read_bearer
from personalization.graphql.problems import Problem

READ_PROFILES = "profiles:read"
WRITE_PROFILES = "profiles:write"
READ_SEGMENTS = "segments:read"
DECIDE = "decide"


class Caller(NamedTuple):
    """The holder of a key; what they send comes from `source`."""

    source: str
    scopes: frozenset[str]

    def require(self, scope: str) -> None:
        """Raises Problem when the key lacks the scope."""
        if scope not in self.scopes:
            raise Problem("scope_missing", f"the secret key lacks the scope {scope!r}")


def find_caller(directory: Directory, authorization: bytes) -> Caller:
    """Raises Problem when nobody has the key."""
    secret = read_bearer(authorization)
    key = directory.secret(secret) if secret else None
    if key is None:
        said = "the secret key is not known or was revoked" if secret else "send a secret key as Authorization: Bearer"
        raise Problem("unknown_key", said, status=401)
    return Caller(key.source, frozenset(key.scopes))
