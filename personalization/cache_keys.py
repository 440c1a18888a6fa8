"""Keys by which caches keep pages apart: which of a few named segments the visitor is in, signed, and nothing else."""

import hmac
from base64 import urlsafe_b64encode
from collections.abc import Collection, Iterable

MOST_SEGMENTS = 8  # that a key can tell apart: 256 different pages at most
SIGNATURE = 16  # characters

_END = "~"
_BETWEEN = "."


class BadKey(ValueError):
    """No key that was made here for the segments that are named now."""


class CacheKeys:
    """`segments` are the slugs that a key tells apart, by the setting."""

    def __init__(self, secrets: Collection[str], segments: Collection[str]) -> None:
        if len(segments) > MOST_SEGMENTS:
            raise ValueError(
                f"a cache key tells at most {MOST_SEGMENTS} segments apart; name fewer, not {len(segments)}"
            )
        self._secrets = tuple(secrets)
        self.segments = tuple(sorted(segments))

    def make(self, member_of: Iterable[str]) -> str:
        """The key of somebody in these segments, of which only the named ones count: `customer.likes-outdoor~…`."""
        known = _BETWEEN.join(slug for slug in self.segments if slug in set(member_of))
        return f"{known}{_END}{self._sign(self._secrets[0], known)}"

    def read(self, key: str) -> tuple[str, ...]:
        """The segments of a key; raises BadKey."""
        known, _, signature = key.rpartition(_END)
        signatures = [self._sign(secret, known).encode() for secret in self._secrets]
        if not any(hmac.compare_digest(each, signature.encode()) for each in signatures):
            raise BadKey("the key was not made here; ask for another one")
        slugs = tuple(known.split(_BETWEEN)) if known else ()
        if unknown := set(slugs) - set(self.segments):
            names = ", ".join(sorted(unknown))
            raise BadKey(f"the key is about segments that are not named any more: {names}; ask for another one")
        return slugs

    @staticmethod
    def _sign(secret: str, text: str) -> str:
        digest = hmac.digest(secret.encode(), b"pz cache key: " + text.encode(), "sha256")
        return urlsafe_b64encode(digest).decode()[:SIGNATURE]
