"""`/media/`: the images of blocks. Each is named by what is in it, so that it may be kept for ever."""

import asyncio
import re

from django.conf import settings
from django.core.files.storage import default_storage

from ingestion.http import Message, Send
from rules.pictures import ENDINGS, MIMES

YEAR_S = 31_536_000

_NAME = re.compile(rf"[0-9a-f]{{32}}\.({'|'.join(ENDINGS.values())})")
_MIMES = {ending: MIMES[kind].encode() for kind, ending in ENDINGS.items()}
# Pages of any site show them, and nothing in one of them is ever run.
_HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"cross-origin-resource-policy", b"cross-origin"),
    (b"access-control-allow-origin", b"*"),
    (b"content-security-policy", b"default-src 'none'; sandbox"),
)


async def serve_media(scope: Message, send: Send) -> None:
    """Answers a request for an image."""
    found = _NAME.fullmatch(scope["path"].removeprefix(settings.MEDIA_URL))
    if scope["method"] not in ("GET", "HEAD"):
        await _answer(send, 405, ((b"allow", b"GET, HEAD"),))
        return
    if found is None:
        await _answer(send, 404)
        return
    etag = f'"{found[0][:32]}"'.encode()
    kept = (
        (b"cache-control", b"public, max-age=%d, immutable" % YEAR_S),
        (b"etag", etag),
        (b"content-type", _MIMES[found[1]]),
    )
    if etag in dict(scope["headers"]).get(b"if-none-match", b"") and await asyncio.to_thread(_exists, found[0]):
        await _answer(send, 304, kept)
        return
    content = await asyncio.to_thread(_read, found[0])
    if content is None:
        await _answer(send, 404)
    else:
        await _answer(send, 200, kept, content, is_head=scope["method"] == "HEAD")


def _exists(name: str) -> bool:
    return default_storage.exists(name)


def _read(name: str) -> bytes | None:
    try:
        with default_storage.open(name) as file:
            return bytes(file.read())
    except FileNotFoundError:
        return None


async def _answer(
    send: Send, status: int, headers: tuple[tuple[bytes, bytes], ...] = (), body: bytes = b"", *, is_head: bool = False
) -> None:
    length = () if status == 304 else ((b"content-length", b"%d" % len(body)),)
    said = [*headers, *_HEADERS, *length] if headers else [*_HEADERS, *length, (b"cache-control", b"no-store")]
    await send({"type": "http.response.start", "status": status, "headers": said})
    await send({"type": "http.response.body", "body": b"" if is_head else body})
