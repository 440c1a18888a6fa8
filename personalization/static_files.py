"""`/static/`, the snippet among it: raw ASGI, each file read and compressed once, from where it is."""

import asyncio
import gzip
import hashlib
import mimetypes
import re
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import formatdate
from pathlib import Path

from django.contrib.staticfiles import finders

from ingestion.http import Headers, Scope, Send

MAX_AGE_S = 300  # how long a page may keep an old snippet after an upgrade; then it asks with the ETag
COMPRESSED = re.compile(r"text/|application/(javascript|json)|image/svg\+xml")
# Loaded by pages of any site, also by those that ask every part of theirs for a word (COEP).
SHARED: Headers = [
    (b"access-control-allow-origin", b"*"),
    (b"cross-origin-resource-policy", b"cross-origin"),
    (b"x-content-type-options", b"nosniff"),
]


@dataclass(frozen=True)
class Body:
    """One way to send a file: as it is, or compressed."""

    content: bytes
    etag: bytes
    headers: Headers


@dataclass(frozen=True)
class File:
    """What is known of a file since it was last read. `version` differs when the one on disk does."""

    version: tuple[int, int]
    plain: Body
    compressed: Body | None


class StaticApp:
    """The raw ASGI application of the files in `places`, by their path in the address. It knows no others, so that no
    path can lead outside; what changes on disk is read again."""

    def __init__(self, places: Mapping[str, Path]) -> None:
        self._places = places
        self._files: dict[str, File] = {}

    async def __call__(self, scope: Scope, send: Send) -> None:
        path = scope["path"]
        if scope["method"] not in ("GET", "HEAD"):
            await _send(send, 405, [(b"allow", b"GET, HEAD"), *SHARED])
        elif (file := await self._find(path)) is None:
            await _send(send, 404, SHARED, b"There is no such file.\n")
        else:
            await _send_file(scope, send, file)

    async def _find(self, path: str) -> File | None:
        try:
            place = self._places[path]
            found = place.stat()
            version = (found.st_mtime_ns, found.st_size)
            known = self._files.get(path)
            if known is None or known.version != version:
                known = self._files[path] = await asyncio.to_thread(read_file, place, version)
        except (KeyError, OSError):  # unknown, or removed since
            return None
        return known


def list_static_files(prefix: str) -> dict[str, Path]:
    """Where each of Django's static files is, by `prefix` and its name; of two with one name the first found wins."""
    places: dict[str, Path] = {}
    for finder in finders.get_finders():
        for name, storage in finder.list([]):
            places.setdefault(prefix + name, Path(storage.path(name)))
    return places


def read_file(place: Path, version: tuple[int, int]) -> File:
    content = place.read_bytes()
    kind = mimetypes.guess_type(place.name)[0] or "application/octet-stream"
    tag = hashlib.sha256(content).hexdigest()[:20]
    headers: list[tuple[bytes, bytes]] = [
        (b"content-type", f"{kind}; charset=utf-8".encode() if COMPRESSED.match(kind) else kind.encode()),
        (b"cache-control", b"public, max-age=%d" % MAX_AGE_S),
        (b"last-modified", formatdate(version[0] // 1_000_000_000, usegmt=True).encode()),
        *SHARED,
    ]
    if not COMPRESSED.match(kind):
        return File(version, Body(content, f'"{tag}"'.encode(), headers), None)
    headers.append((b"vary", b"Accept-Encoding"))
    packed = gzip.compress(content, 9, mtime=0)
    compressed = Body(packed, f'"{tag}-gzip"'.encode(), [*headers, (b"content-encoding", b"gzip")])
    return File(version, Body(content, f'"{tag}"'.encode(), headers), compressed)


async def _send_file(scope: Scope, send: Send, file: File) -> None:
    asked: Mapping[bytes, bytes] = dict(scope["headers"])
    body = file.plain
    if file.compressed is not None and takes_gzip(asked.get(b"accept-encoding", b"")):
        body = file.compressed
    headers = [(b"etag", body.etag), *body.headers]
    if is_known(asked, body):
        await _send(send, 304, headers)
    else:
        await _send(send, 200, headers, body.content, is_head=scope["method"] == "HEAD")


def takes_gzip(accepted: bytes) -> bool:
    """Whether an Accept-Encoding header takes gzip: named, or meant by the star, and not with the weight 0."""
    weights = {}
    for part in accepted.decode("latin-1").lower().split(","):
        name, _, weight = part.partition(";")
        weights[name.strip()] = re.fullmatch(r"\s*q\s*=\s*0(\.0*)?\s*", weight) is None
    return weights.get("gzip", weights.get("*", False))


def is_known(asked: Mapping[bytes, bytes], body: Body) -> bool:
    """Whether the asker has this very content. A proxy may have made the tag a weak one; tags go before dates."""
    if (tags := asked.get(b"if-none-match")) is not None:
        return tags.strip() == b"*" or body.etag in [tag.strip().removeprefix(b"W/") for tag in tags.split(b",")]
    since = asked.get(b"if-modified-since")
    return since is not None and (b"last-modified", since) in body.headers


async def _send(send: Send, status: int, headers: Headers, content: bytes = b"", *, is_head: bool = False) -> None:
    length: Headers = [] if status == 304 else [(b"content-length", b"%d" % len(content))]
    await send({"type": "http.response.start", "status": status, "headers": [*headers, *length]})
    await send({"type": "http.response.body", "body": b"" if is_head else content})
