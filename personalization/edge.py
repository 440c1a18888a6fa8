"""`/edge/v1/`: what caches and devices decide by: the bundle, a person's facts and cache key, slots as fragments."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from http.cookies import CookieError, SimpleCookie
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, unquote

import msgspec

from ingestion.directory import Directory
from ingestion.http import CORS, Headers, Receive, Scope, Send, encode, refuse
from ingestion.log import LogUnavailable
from personalization.answering import Answered, choose_all, show
from personalization.cache_keys import BadKey, CacheKeys
from personalization.decide import Decider
from profiles.event import anonymous_key
from profiles.reader import Found, ProfileReader
from profiles.store import StoreUnavailable
from rules.book import LiveBook
from rules.bundle import make_bundle
from rules.cacheable import find_next_turn, keep_cacheable, somebody_in
from rules.engine import Book
from segments.conditions.edge import Device, to_facts
from segments.roster import Roster, name_segments

PREFIX = "/edge/v1/"
SLOTS = "slots/"
SHARED_S = 60  # how long a cache may serve what is everybody's; after that it may while it looks for a newer one
STALE_S = 600
COOKIE = "pz_id"  # of the snippet: the anonymousId
MAX_ID = 255

JSON, HTML = b"application/json", b"text/html; charset=utf-8"
PRIVATE = b"private, no-store"


class Page(NamedTuple):
    """An answer of this door."""

    status: int
    body: bytes
    kind: bytes = JSON
    caching: bytes = PRIVATE
    etag: bytes = b""


@dataclass(frozen=True)
class _Projection:
    """What is made of a Book once, when it comes into force."""

    live: LiveBook
    bundle: bytes
    etag: bytes
    shared: Book


class EdgeApp:
    """The raw ASGI application behind `/edge/v1/`."""

    def __init__(
        self,
        *,
        directory: Callable[[], Directory],
        book: Callable[[], LiveBook],
        roster: Callable[[], Roster],
        reader: ProfileReader,
        decider: Decider,
        cache_keys: CacheKeys,
        device: Device,
        clock: Callable[[], int],
        deadline: float,
    ) -> None:
        self._directory = directory
        self._book = book
        self._roster = roster
        self._reader = reader
        self._decider = decider
        self._cache_keys = cache_keys
        self._device = device
        self._clock = clock
        self._deadline = deadline
        self._projected: _Projection | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await _send(scope, send, await self._answer(scope))

    async def _answer(self, scope: Scope) -> Page:
        if scope["method"] == "OPTIONS":
            return Page(204, b"")
        if scope["method"] not in ("GET", "HEAD"):
            return _refuse(405, "method_not_allowed", "use GET")
        asked = dict(parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True, max_num_fields=20))
        try:
            if self._directory().source_of(asked.get("writeKey", "")) is None:
                return _refuse(401, "unknown_key", "send the source's write key as writeKey")
        except LogUnavailable:
            return _refuse(503, "unavailable", "the service is not ready; try again in a second")
        path = scope["path"].removeprefix(PREFIX)
        if path == "bundle.json":
            return self._give_bundle()
        identifier = _read_identifier(scope, asked)
        try:
            if path == "facts":
                return await self._give_facts(identifier)
            if path == "key":
                return await self._give_key(identifier)
        except (StoreUnavailable, TimeoutError):
            return _refuse(503, "unavailable", "profiles cannot be read at the moment; try again in a second")
        if path.startswith(SLOTS):
            slot = unquote(path.removeprefix(SLOTS))
            if "segments" in asked:
                return self._give_shared(slot, asked["segments"])
            return await self._give_slot(slot, identifier, asked)
        return _refuse(404, "not_found", f"ask for {PREFIX}bundle.json, facts, key or {SLOTS} and the name of a slot")

    def _project(self) -> _Projection:
        live = self._book()
        if self._projected is None or self._projected.live is not live:
            bundle = encode(make_bundle(live, self._device))
            etag = b'"' + sha256(bundle).hexdigest()[:32].encode() + b'"'
            self._projected = _Projection(live, bundle, etag, keep_cacheable(live, self._cache_keys.segments))
        return self._projected

    def _give_bundle(self) -> Page:
        projected = self._project()
        return Page(200, projected.bundle, caching=_share(SHARED_S), etag=projected.etag)

    async def _give_facts(self, identifier: str | None) -> Page:
        """What the device may know of the person; `now` tells it how far its clock is from ours."""
        found = await self._read(identifier)
        known = None if found is None or found.profile is None else to_facts(found.profile, self._device)
        return Page(200, encode({"profile": known if found is None else known or {}, "now": self._clock()}))

    async def _give_key(self, identifier: str | None) -> Page:
        found = await self._read(identifier)
        profile = None if found is None or found.profile is None else found.profile
        members = () if profile is None else tuple(name_segments(profile, self._roster().answers).segments)
        return Page(200, encode({"key": self._cache_keys.make(members)}))

    async def _read(self, identifier: str | None) -> Found | None:
        return None if identifier is None else await self._reader.read(identifier, self._deadline)

    def _give_shared(self, slot: str, key: str) -> Page:
        """The slot as everybody with the same key sees it, for as long as no schedule changes it."""
        try:
            segments = self._cache_keys.read(key)
        except BadKey as error:
            return _refuse(400, "bad_cache_key", f"{error}; ask for another one")
        projected, now = self._project(), self._clock()
        facts = somebody_in(segments, now)
        answered = show(projected.live, slot, choose_all(projected.shared, [slot], facts)[slot], facts)
        turn = find_next_turn(projected.shared, slot, now)
        seconds = SHARED_S if turn is None else max(min(SHARED_S, (turn - now) // 1_000), 0)
        return _show(answered, _share(seconds))

    async def _give_slot(self, slot: str, identifier: str | None, asked: Mapping[str, str]) -> Page:
        context: dict[str, Any] = {"page": {"url": asked["url"]}} if "url" in asked else {}
        answer = await self._decider.decide(identifier, [slot], context, door="fragment")
        return _show(answer.slots[slot], PRIVATE)


def _show(answered: Answered, caching: bytes) -> Page:
    """The block alone: HTML as it is, JSON as it is, nothing for the place's own content."""
    if answered.block is None:
        return Page(200, b"", HTML, caching)
    block = msgspec.json.decode(answered.block)
    body = block["html"].encode() if "html" in block else encode(block.get("json"))
    etag = b'"' + sha256(body).hexdigest()[:32].encode() + b'"' if caching is not PRIVATE else b""
    return Page(200, body, HTML if "html" in block else JSON, caching, etag)


def _share(seconds: int) -> bytes:
    return b"public, max-age=%d, stale-while-revalidate=%d" % (seconds, STALE_S if seconds == SHARED_S else 0)


def _refuse(status: int, code: str, message: str) -> Page:
    return Page(status, refuse(status, code, message).body)


def _read_identifier(scope: Scope, asked: Mapping[str, str]) -> str | None:
    """The anonymousId of the query, or else of the snippet's cookie; None for somebody who is not to be known."""
    id = asked.get("anonymousId")
    if id is None:
        try:
            cookie = SimpleCookie(dict(scope["headers"]).get(b"cookie", b"").decode("latin-1")).get(COOKIE)
        except CookieError:
            cookie = None
        id = None if cookie is None else cookie.value
    return anonymous_key(id) if id and len(id) <= MAX_ID else None


async def _send(scope: Scope, send: Send, page: Page) -> None:
    asked = dict(scope["headers"]).get(b"if-none-match", b"")
    is_known = page.status == 200 and page.etag != b"" and page.etag in [each.strip() for each in asked.split(b",")]
    body = b"" if is_known else page.body
    headers: Headers = [
        (b"content-type", page.kind),
        (b"cache-control", page.caching),
        (b"x-content-type-options", b"nosniff"),
        *([(b"etag", page.etag)] if page.etag else []),
        *CORS,
        *([] if is_known else [(b"content-length", b"%d" % len(body))]),
    ]
    await send({"type": "http.response.start", "status": 304 if is_known else page.status, "headers": headers})
    await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body})
