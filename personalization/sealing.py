"""Sealed tokens for links: what they carry can be neither read nor changed, and serves one purpose alone."""

import binascii
import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from functools import cache

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV

MAX_TOKEN = 8_000  # characters: what proxies take of an address
TAG_BYTES = 16
NEVER = 0
_EXPIRY_BYTES = 4


class BadToken(ValueError):
    """No token of this purpose that was made here: tampered with, cut off, of another purpose or another key."""


class ExpiredToken(BadToken):
    """It was made here, and its time is over."""


class Sealer:
    """Seals with the first secret, and opens what any of them has sealed, so that secrets can be changed.

    A token is AES-SIV (RFC 5297): the same content gives the same token, and nobody without the secret can read what it
    carries, such as a person's id, or make another one. Each purpose has a key of its own."""

    def __init__(self, secrets: Sequence[str]) -> None:
        self._secrets = tuple(secrets)

    def seal(self, purpose: str, content: bytes, *, expires: int = NEVER) -> str:
        """A token of URL-safe characters; `expires` in Unix milliseconds."""
        said = (expires // 1_000).to_bytes(_EXPIRY_BYTES, "big") + content
        return urlsafe_b64encode(_cipher(self._secrets[0], purpose).encrypt(said, None)).rstrip(b"=").decode()

    def open(self, purpose: str, token: str, *, now: int) -> bytes:
        """What the token carries; raises BadToken and, at `now` (Unix milliseconds) or before, ExpiredToken."""
        if len(token) > MAX_TOKEN:
            raise BadToken("longer than any token")
        sealed = _decode(token)
        for secret in self._secrets:
            try:
                said = _cipher(secret, purpose).decrypt(sealed, None)
            except (InvalidTag, ValueError):
                continue
            expires = int.from_bytes(said[:_EXPIRY_BYTES], "big")
            if expires != NEVER and expires * 1_000 <= now:
                raise ExpiredToken("its time is over")
            return said[_EXPIRY_BYTES:]
        raise BadToken("no token of this purpose")


@cache
def _cipher(secret: str, purpose: str) -> AESSIV:
    return AESSIV(hmac.digest(secret.encode(), b"pz token: " + purpose.encode(), "sha512"))


def _decode(token: str) -> bytes:
    try:
        sealed = urlsafe_b64decode(token + "=" * (-len(token) % 4))
    except (binascii.Error, ValueError):  # also for what is not ASCII
        raise BadToken("not written as a token") from None
    if urlsafe_b64encode(sealed).rstrip(b"=").decode() != token:
        raise BadToken("not written as a token")  # one content, one way to write it
    return sealed
