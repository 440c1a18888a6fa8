"""`/edge/v1/`: what caches and devices decide by: the bundle, a person's facts and cache key, slots as fragments."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from hashlib import sha256
from http.cookies import CookieError, SimpleCookie
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, unquote

import msgspec

from ingestion.http import (
    CORS,
    Answer,
    Headers,
    Receive,
    Scope,
    Send,
    encode,
    read_address,
    read_permission,
    refuse,
    refuse_method,
)
from personalization.answering import Answered, choose_all, show
from personalization.cache_keys import CacheKeys
from personalization.callers import Credentials, read_credentials
from personalization.decide import Decider
from personalization.doors import find_door
from personalization.errors import CallRefused, answer_error
from personalization.gate import HotGate
from profiles.consent import STATES, Permission, may_keep
from profiles.event import anonymous_key
from profiles.identity import MAX_ID_LENGTH
from profiles.reader import Found, ProfileReader
from rules.book import LiveBook
from rules.bundle import make_bundle
from rules.cacheable import find_next_turn, keep_cacheable, somebody_in
from rules.engine import Book
from segments.conditions.edge import Device, to_facts
from segments.roster import Roster, name_segments

PREFIX = "/edge/v1/"
BUNDLE, FACTS, KEY = PATHS = ("bundle.json", "facts", "key")
SLOTS = "slots/"
SHARED_S = 60  # how long a cache may serve what is everybody's; after that it may while it looks for a newer one
STALE_S = 600
COOKIE = "pz_id"  # of the snippet: the anonymousId

JSON, HTML = b"application/json", b"text/html; charset=utf-8"
PRIVATE = b"private, no-store"


class Page(NamedTuple):
    """An answer of this door."""

    status: int
    body: bytes
    kind: bytes = JSON
    caching: bytes = PRIVATE
    etag: bytes = b""
    headers: Headers = ()


@dataclass(frozen=True)
class _Projection:
    """What is made of a Book once, when it comes into force, or when devices may know something else."""

    live: LiveBook
    device: Device
    bundle: bytes
    etag: bytes
    shared: Book


class EdgeApp:
    """The raw ASGI application behind `/edge/v1/`."""

    def __init__(
        self,
        *,
        gate: HotGate,
        book: Callable[[], LiveBook],
        roster: Callable[[], Roster],
        reader: ProfileReader,
        decider: Decider,
        cache_keys: CacheKeys,
        device: Callable[[], Device],
        clock: Callable[[], int],
        deadline: float,
    ) -> None:
        self._gate = gate
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
            return _refuse(refuse_method(b"GET, OPTIONS"))
        path = scope["path"].removeprefix(PREFIX)
        slot = unquote(path.removeprefix(SLOTS)) if path.startswith(SLOTS) else None
        if slot is None and path not in PATHS:
            return _refuse(refuse(404, "not_found", f"ask for {PREFIX}{', '.join(PATHS)} or {SLOTS}{{slot}}"))
        try:
            asked = dict(parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True, max_num_fields=20))
        except ValueError:
            return _refuse(refuse(400, "bad_request", "the address says more than there is to say"))
        try:
            door = find_door(f"GET {PREFIX}{path if slot is None else SLOTS + '{slot}'}")
            _, limit = await self._gate.admit(_read_credentials(scope, asked), door, read_address(scope))
            identifier = _read_identifier(scope, asked) if may_keep(_read_permission(scope, asked)) else None
            page = await self._give(path, slot, identifier, asked)
        except Exception as error:
            return _refuse(answer_error(error))
        # What everybody shares says nothing of the one who happened to ask for it.
        return page if page.caching is not PRIVATE else page._replace(headers=limit)

    async def _give(self, path: str, slot: str | None, identifier: str | None, asked: Mapping[str, str]) -> Page:
        if slot is None:
            if path == BUNDLE:
                return self._give_bundle()
            return await (self._give_facts if path == FACTS else self._give_key)(identifier)
        if "segments" in asked:
            return self._give_shared(slot, asked["segments"])
        return await self._give_slot(slot, identifier, asked)

    def _project(self) -> _Projection:
        live, device = self._book(), self._device()
        known = self._projected
        if known is None or known.live is not live or known.device != device:
            bundle = encode(make_bundle(live, device))
            etag = b'"' + sha256(bundle).hexdigest()[:32].encode() + b'"'
            known = _Projection(live, device, bundle, etag, keep_cacheable(live, self._cache_keys.segments))
            self._projected = known
        return known

    def _give_bundle(self) -> Page:
        projected = self._project()
        return Page(200, projected.bundle, caching=_share(SHARED_S), etag=projected.etag)

    async def _give_facts(self, identifier: str | None) -> Page:
        """What the device may know of the person; `now` tells it how far its clock is from ours."""
        found = await self._read(identifier)
        known = None if found is None or found.profile is None else to_facts(found.profile, self._device())
        return Page(200, encode({"profile": known if found is None else known or {}, "now": self._clock()}))

    async def _give_key(self, identifier: str | None) -> Page:
        found = await self._read(identifier)
        profile = None if found is None or found.profile is None else found.profile
        members = () if profile is None else tuple(name_segments(profile, self._roster().answers).segments)
        return Page(200, encode({"key": self._cache_keys.make(members)}))

    async def _read(self, identifier: str | None) -> Found | None:
        return None if identifier is None else await self._reader.read(identifier, self._deadline)

    def _give_shared(self, slot: str, key: str) -> Page:
        """The slot as everybody with the same key sees it, for as long as no schedule changes it; raises BadKey."""
        segments = self._cache_keys.read(key)
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


def hide_private(device: Device, private: Mapping[str, Collection[str]]) -> Device:
    """What devices may know, without the properties that the catalogue calls private for an event they may know of."""
    hidden = {path for event in device.events for path in private.get(event, ())}
    return replace(device, properties=device.properties - hidden) if hidden else device


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


def _refuse(answer: Answer) -> Page:
    return Page(answer.status, answer.body, answer.kind, headers=answer.headers)


def _read_credentials(scope: Scope, asked: Mapping[str, str]) -> Credentials:
    """The address goes before the header here: a cache that includes a fragment passes its visitor's headers on."""
    if "writeKey" in asked:
        return Credentials(write_key=asked["writeKey"])
    return read_credentials(dict(scope["headers"]).get(b"authorization", b""))


def _read_identifier(scope: Scope, asked: Mapping[str, str]) -> str | None:
    """The anonymousId of the query, or else of the snippet's cookie; None for somebody who is not to be known."""
    id = asked.get("anonymousId")
    if id is None:
        try:
            cookie = SimpleCookie(dict(scope["headers"]).get(b"cookie", b"").decode("latin-1")).get(COOKIE)
        except CookieError:
            cookie = None
        id = None if cookie is None else cookie.value
    return anonymous_key(id) if id and len(id) <= MAX_ID_LENGTH else None


def _read_permission(scope: Scope, asked: Mapping[str, str]) -> Permission:
    """Raises CallRefused for a state there is none of."""
    state = asked.get("consent")
    if state is not None and state not in STATES:
        raise CallRefused("bad_request", f"consent is one of {', '.join(STATES)}")
    return read_permission(scope, state)


async def _send(scope: Scope, send: Send, page: Page) -> None:
    asked = dict(scope["headers"]).get(b"if-none-match", b"")
    is_known = page.status == 200 and page.etag != b"" and page.etag in [each.strip() for each in asked.split(b",")]
    body = b"" if is_known else page.body
    headers: Headers = [
        (b"content-type", page.kind),
        (b"cache-control", page.caching),
        (b"x-content-type-options", b"nosniff"),
        *([(b"etag", page.etag)] if page.etag else []),
        *page.headers,
        *CORS,
        *([] if is_known else [(b"content-length", b"%d" % len(body))]),
    ]
    await send({"type": "http.response.start", "status": 304 if is_known else page.status, "headers": headers})
    await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body})
