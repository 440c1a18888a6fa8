"""One person as a frozen value, folded from events: `fold(profile, event) -> profile`."""

import json
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping
from hashlib import blake2b
from math import floor
from operator import attrgetter
from typing import Any

import msgspec
import zstandard

from profiles.consent import read_consent
from profiles.event import MAX_FLOAT, Event

MAX_NAMES = 300  # event names remembered per profile
MAX_TRAITS = 200
MAX_PURPOSES = 50  # that a person has said something about
MAX_TEXT = 256  # longer property values are not indexed
MAX_VALUES = 50  # values remembered of one list-valued property of one event
DAY_MS = 86_400_000
COMPRESS_ABOVE = 4_096  # bytes of packed state
MAX_AMOUNT = 1e9  # sums leave out numbers beyond it: what is left adds up exactly in every engine
PARTS = 10_000  # of one, that sums are kept in
EXACT = 2**53  # integers up to it are the same in every engine

Scalar = str | int | float | bool
Remembered = Scalar | list[Scalar]


class Trait(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """The newest value of a trait and when it was set, Unix milliseconds."""

    value: Any
    at: int


class Moment(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One remembered event: when (Unix milliseconds), what it was worth, its indexed properties."""

    at: int
    value: float
    properties: dict[str, Remembered]


class History(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """All a profile knows of one event name: lifetime totals, and its recent moments sorted by time.

    `total` is the sum of the events' worth in ten-thousandths: a whole number, so that no order of adding matters."""

    count: int
    total: float
    first: int
    last: int
    recent: list[Moment]


class Profile(msgspec.Struct, frozen=True, array_like=True, kw_only=True, gc=False):
    """One person. Times are Unix milliseconds; `segments` maps a segment's slug to when it was entered; `consent` maps
    a purpose to whether the person agreed to it (true or false), and when that was said."""

    id: str
    user_id: str | None = None
    identifiers: tuple[str, ...] = ()
    first_seen: int = 0
    last_seen: int = 0
    traits: dict[str, Trait] = {}
    events: dict[str, History] = {}
    segments: dict[str, int] = {}
    cluster: str | None = None
    scores: dict[str, float] = {}
    consent: dict[str, Trait] = {}


class Memory(msgspec.Struct, frozen=True, kw_only=True):
    """What is worth remembering: indexed property paths per event name, and the bounds of a history.

    A path is a property's name, or `products.category` for the values of a field over a list of objects.
    """

    indexed: Mapping[str, tuple[str, ...]] = {}
    otherwise: tuple[str, ...] = ()
    limit: int = 500
    retention_ms: int = 180 * DAY_MS


moment_time = attrgetter("at")


def fold(profile: Profile, event: Event, memory: Memory) -> Profile:
    """`profile` after `event`. The order in which events of equal retention arrive does not change the outcome."""
    events = profile.events
    history = events.get(event.name)
    if history is not None or len(events) < MAX_NAMES:
        events = {**events, event.name: remember(history, event, memory)}
    first = profile.first_seen
    return msgspec.structs.replace(
        profile,
        events=events,
        traits=set_traits(profile.traits, event) if event.type == "identify" else profile.traits,
        first_seen=event.at if first == 0 else min(first, event.at),
        last_seen=max(profile.last_seen, event.at),
        consent=hear_consent(profile.consent, event),
    )


def remember(history: History | None, event: Event, memory: Memory) -> History:
    """The history of `event`'s name with `event` in it, inside the bounds of `memory`."""
    value, at = event.value, event.at
    moment = Moment(at, value, pick(event.properties, memory.indexed.get(event.name, memory.otherwise)))
    if history is None:
        recent = [moment] if at >= event.received - memory.retention_ms else []
        return History(1, float(to_parts(value)), at, at, recent)
    return History(
        history.count + 1,
        history.total + to_parts(value),
        min(history.first, at),
        max(history.last, at),
        bound(insert(history.recent, moment), event.received, memory),
    )


def insert(moments: list[Moment], moment: Moment) -> list[Moment]:
    """A sorted copy of `moments` with `moment`; moments of the same millisecond are ordered by what they hold."""
    if not moments or moments[-1].at < moment.at:
        return [*moments, moment]
    low = bisect_left(moments, moment.at, key=moment_time)
    high = bisect_right(moments, moment.at, key=moment_time)
    tied = sorted([*moments[low:high], moment], key=repr)
    return [*moments[:low], *tied, *moments[high:]]


def recall(moments: list[Moment], known: Iterable[Moment]) -> list[Moment]:
    """The remembered `moments` with what the archive knows of the same events besides; one of `known` is the same when
    it was at the same time, worth the same, and differs in nothing that is remembered."""
    waiting: dict[tuple[int, float], list[Moment]] = {}
    for each in known:
        waiting.setdefault((each.at, each.value), []).append(each)
    recalled = []
    for moment in moments:
        others = waiting.get((moment.at, moment.value), [])
        same = next((each for each in others if _agree(moment.properties, each.properties)), None)
        if same is not None:
            others.remove(same)
            moment = Moment(moment.at, moment.value, {**moment.properties, **same.properties})
        recalled.append(moment)
    return sorted(recalled, key=lambda moment: (moment.at, repr(moment)))


def _agree(mine: Mapping[str, Remembered], theirs: Mapping[str, Remembered]) -> bool:
    return all(theirs.get(name, value) == value for name, value in mine.items())


def bound(moments: list[Moment], now: int, memory: Memory) -> list[Moment]:
    """The moments young enough, and no more than the limit, the newest of them."""
    start = bisect_left(moments, now - memory.retention_ms, key=moment_time)
    start = max(start, len(moments) - memory.limit)
    return moments[start:] if start else moments


def pick(properties: Mapping[str, Any], paths: Iterable[str]) -> dict[str, Remembered]:
    """The values of `paths` in `properties` that a condition can use: scalars, and lists of scalars."""
    picked: dict[str, Remembered] = {}
    for path in paths:
        name, dot, field = path.partition(".")
        value = properties.get(name)
        if value is None:
            continue
        if dot:
            if not isinstance(value, list):
                continue
            value = [item.get(field) for item in value if isinstance(item, dict)]
        if isinstance(value, list):
            if values := _pick_values(value):
                picked[path] = values
        elif (scalar := to_scalar(value)) is not None:
            picked[path] = scalar
    return picked


def _pick_values(items: list[Any]) -> list[Scalar]:
    """The first different scalars of a list; true is not the 1 it equals."""
    found: dict[tuple[bool, Scalar], Scalar] = {}
    for item in items:
        scalar = to_scalar(item)
        if scalar is not None and len(found) < MAX_VALUES:
            found.setdefault((isinstance(scalar, bool), scalar), scalar)
    return list(found.values())


def to_scalar(value: object) -> Scalar | None:
    """A value as every engine sees it: a number is one that a float64 can be; None if it is no scalar."""
    if isinstance(value, str):
        return value if len(value) <= MAX_TEXT else None
    if isinstance(value, bool):
        return value
    if isinstance(value, (int, float)) and -MAX_FLOAT <= value <= MAX_FLOAT:
        return value if -EXACT <= value <= EXACT else float(value)
    return None


def to_parts(amount: float) -> int:
    """An amount in ten-thousandths, rounded to the nearest one; 0 for what is too large to be one."""
    return floor(amount * PARTS + 0.5) if -MAX_AMOUNT <= amount <= MAX_AMOUNT else 0


def set_traits(traits: dict[str, Trait], event: Event) -> dict[str, Trait]:
    """`traits` with those of `event` that are newer, or new while there is room."""
    merged = dict(traits)
    for name, value in event.traits.items():
        set_trait(merged, name, Trait(value, event.at))
    return merged


def set_trait(traits: dict[str, Trait], name: str, trait: Trait) -> None:
    old = traits.get(name)
    if old is None:
        if len(traits) < MAX_TRAITS:
            traits[name] = trait
    elif trait.at > old.at or (trait.at == old.at and canonical(trait.value) > canonical(old.value)):
        traits[name] = trait  # two of one millisecond: any order, one answer


def hear_consent(consent: dict[str, Trait], event: Event) -> dict[str, Trait]:
    """`consent` after what `event` says of it. A clock that runs ahead cannot outlast what is said later."""
    said = read_consent(event)
    if not said:
        return consent
    at = min(event.at, event.received)
    return merge_consent(consent, {purpose: Trait(agrees, at) for purpose, agrees in said.items()})


def merge_consent(ours: Mapping[str, Trait], theirs: Mapping[str, Trait]) -> dict[str, Trait]:
    """The newest word about each purpose, of the same millisecond no; of too many purposes those last spoken about.
    Whatever order they are merged in, the outcome is the same."""
    merged = dict(ours)
    for purpose, choice in theirs.items():
        old = merged.get(purpose)
        if old is None or choice.at > old.at or (choice.at == old.at and not choice.value):
            merged[purpose] = choice
    if len(merged) > MAX_PURPOSES:
        newest = sorted(merged, key=lambda purpose: (-merged[purpose].at, purpose))[:MAX_PURPOSES]
        merged = {purpose: merged[purpose] for purpose in newest}
    return merged


def canonical(value: Any) -> str:
    """JSON by which two values are ordered wherever they meet."""
    return json.dumps(value, ensure_ascii=False, sort_keys=True)


def merge(winner: Profile, loser: Profile, now: int, memory: Memory) -> Profile:
    """`winner` with everything `loser` lived through; segments are the caller's to evaluate anew."""
    events = dict(winner.events)
    for name, theirs in loser.events.items():
        ours = events.get(name)
        if ours is not None:
            events[name] = merge_histories(ours, theirs, now, memory)
        elif len(events) < MAX_NAMES:
            events[name] = theirs
    traits = dict(winner.traits)
    for name, trait in loser.traits.items():
        set_trait(traits, name, trait)
    return msgspec.structs.replace(
        winner,
        user_id=winner.user_id or loser.user_id,
        identifiers=tuple(dict.fromkeys(winner.identifiers + loser.identifiers)),
        first_seen=min(filter(None, (winner.first_seen, loser.first_seen)), default=0),
        last_seen=max(winner.last_seen, loser.last_seen),
        events=events,
        traits=traits,
        segments=merge_segments(winner.segments, loser.segments),
        consent=merge_consent(winner.consent, loser.consent),
    )


def merge_histories(ours: History, theirs: History, now: int, memory: Memory) -> History:
    recent = sorted([*ours.recent, *theirs.recent], key=lambda moment: (moment.at, repr(moment)))
    return History(
        ours.count + theirs.count,
        ours.total + theirs.total,
        min(ours.first, theirs.first),
        max(ours.last, theirs.last),
        bound(recent, now, memory),
    )


def merge_segments(ours: Mapping[str, int], theirs: Mapping[str, int]) -> dict[str, int]:
    merged = dict(theirs)
    for slug, at in ours.items():
        merged[slug] = min(at, merged.get(slug, at))
    return merged


class _Glance(msgspec.Struct, frozen=True, array_like=True, kw_only=True, gc=False):
    """A packed profile of which the histories stay packed; its fields are those of Profile, in their order."""

    id: str
    user_id: str | None = None
    identifiers: tuple[str, ...] = ()
    first_seen: int = 0
    last_seen: int = 0
    traits: dict[str, Trait] = {}
    events: msgspec.Raw = msgspec.Raw()
    segments: dict[str, int] = {}
    cluster: str | None = None
    scores: dict[str, float] = {}
    consent: dict[str, Trait] = {}


class _Counted(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A history of which no more is read than how often it happened."""

    count: int


class _Tallied(_Glance, frozen=True, array_like=True, kw_only=True, gc=False):
    """A packed profile of which the histories are counted."""

    events: dict[str, _Counted] = {}  # type: ignore[assignment]  # of the same place in the array


_encoder = msgspec.msgpack.Encoder()
_glancer = msgspec.msgpack.Decoder(_Glance)
_tallier = msgspec.msgpack.Decoder(_Tallied)
_decoder = msgspec.msgpack.Decoder(Profile)
_compressor = zstandard.ZstdCompressor(level=1)
_decompressor = zstandard.ZstdDecompressor()
_ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"


def pack(profile: Profile) -> bytes:
    """The stored form: msgpack, compressed with zstd above 4 KB."""
    raw = _encoder.encode(profile)
    return _compressor.compress(raw) if len(raw) > COMPRESS_ABOVE else raw


def fingerprint(profile: Profile) -> bytes:
    """What tells two states of a profile apart, whatever way they were packed."""
    return blake2b(_encoder.encode(profile), digest_size=16).digest()


def unpack(raw: bytes) -> Profile:
    return _decoder.decode(_decompress(raw))


def unpack_without_events(raw: bytes) -> Profile:
    """The profile as if nothing had been done: two thirds of a decision's time would go into unpacking what nobody asks
    about."""
    glance = _glancer.decode(_decompress(raw))
    return Profile(
        id=glance.id,
        user_id=glance.user_id,
        identifiers=glance.identifiers,
        first_seen=glance.first_seen,
        last_seen=glance.last_seen,
        traits=glance.traits,
        segments=glance.segments,
        cluster=glance.cluster,
        scores=glance.scores,
        consent=glance.consent,
    )


def count_events(raw: bytes) -> int:
    """How many events somebody did, without unpacking any of them."""
    return sum(each.count for each in _tallier.decode(_decompress(raw)).events.values())


def _decompress(raw: bytes) -> bytes:
    # Its magic is never the first byte of a packed profile, which is an array.
    return _decompressor.decompress(raw) if raw.startswith(_ZSTD_MAGIC) else raw
