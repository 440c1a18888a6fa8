"""From the bytes of a request to JSON bytes, whatever Content-Type says; gzip is known by its first bytes. Pure."""

import re
import zlib
from itertools import islice

from ingestion.refusals import MAX_SAMPLE, Refusal, Refused

GZIP_MAGIC = b"\x1f\x8b"
BYTE_ORDER_MARK = b"\xef\xbb\xbf"
MOST_MEMBERS = 16  # of one gzip body; clients send one
MOST_NAMED = 10  # ids that are added to a sample

_NAMED = re.compile(rb'"(?:userId|anonymousId|previousId)"\s*:\s*(?:"(?:[^"\\]|\\.){1,600}"|-?\d{1,40})')


def read_body(raw: bytes, content_encoding: str, limit: int, at: int) -> bytes | Refusal:
    """The JSON bytes of a body that came in at `at`; never more than `limit` bytes are kept, however small the gzip."""
    if len(raw) > limit:
        return _too_large(limit, at)
    if raw.startswith(GZIP_MAGIC):
        try:
            unzipped = _gunzip(raw, limit)
        except zlib.error:
            return Refusal(Refused.BAD_GZIP, "the gzip body is damaged or cut short", at)
        if unzipped is None:
            return _too_large(limit, at)
        raw = unzipped
    elif content_encoding not in ("", "identity", "gzip") or (
        content_encoding and raw.lstrip()[:1] not in (b"{", b"[")
    ):
        # A proxy may have unpacked the body and left the header: that is fine as long as it looks like JSON.
        return Refusal(Refused.BAD_GZIP, "the body is not what Content-Encoding says; send gzip or plain JSON", at)
    return raw.removeprefix(BYTE_ORDER_MARK)


def cut_sample(raw: bytes) -> bytes:
    """The first bytes, and whom what is cut off names: else nobody could tell whose the sample is, to erase it."""
    head = bytes(memoryview(raw)[:MAX_SAMPLE])
    behind = (found[0] for found in _NAMED.finditer(raw) if found.end() > MAX_SAMPLE)
    return "…".encode().join([head, *dict.fromkeys(islice(behind, MOST_NAMED))])


def _gunzip(raw: bytes, limit: int) -> bytes | None:
    """All members of a gzip file, None when they are more than `limit` bytes; raises zlib.error when damaged."""
    parts: list[bytes] = []
    left = limit
    while raw.startswith(GZIP_MAGIC):
        if len(parts) == MOST_MEMBERS:
            raise zlib.error("too many members")
        unzip = zlib.decompressobj(wbits=31)
        part = unzip.decompress(raw, left + 1)
        if len(part) > left:
            return None
        if not unzip.eof:
            raise zlib.error("cut short")
        parts.append(part)
        left -= len(part)
        raw = unzip.unused_data
    return b"".join(parts)


def _too_large(limit: int, at: int) -> Refusal:
    return Refusal(Refused.TOO_LARGE_BODY, f"the body has more than {limit} bytes; send smaller batches", at)
