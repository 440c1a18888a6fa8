"""Two profiles that never became one: what has happened since they did, lived through again by each of them. Pure."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from msgspec.structs import replace

from ingestion.steps import Definitions
from profiles.event import Event, Passed, anonymous_key, derive_profile_id, user_key
from profiles.identity import Lookup, find_previous, note_identifiers, retired_key
from profiles.profile import Profile, fold, merge, pack
from segments.membership import Segments


@dataclass(frozen=True)
class Joining:
    """A merge: the state the loser brought along, its identifiers, the message that linked the two, the user it named,
    and when."""

    loser: Profile
    keys: tuple[str, ...]
    because: str
    user_id: str
    at: int


@dataclass(frozen=True)
class Story:
    """What was `winner` at `since`, what has become part of it since, in the order of time, and `undone`: the merge
    that is to be undone."""

    winner: Profile
    since: int
    undone: Joining
    parts: Iterable[Event | Joining]


class Parted(NamedTuple):
    """Both profiles as they would be; the identifiers and the later merges that are the loser's, and how many events of
    the story are. `counts` says how often each event was done by the two together."""

    winner: Profile
    loser: Profile
    keys: tuple[str, ...]
    passed: tuple[Passed, ...]
    events: int
    counts: Counter[str]


def relive(story: Story, definitions: Definitions, *, known: Iterable[str], until: int) -> Parted:
    """Both profiles as they would be at `until` had the merge never been. `known` are the identifiers that the winner
    has noted by now."""
    parting = _Parting(story, definitions, frozenset(known))
    for part in story.parts:
        if isinstance(part, Event):
            parting.take(part)
        else:
            parting.join(part)
    return parting.end(until)


class Life:
    """One profile, lived through from a moment on. Its segments change with what it takes, and with time alone."""

    def __init__(self, profile: Profile, definitions: Definitions, since: int) -> None:
        self.profile = _carry_over(profile, definitions.segments)
        self._definitions = definitions
        self._now = max([since, *profile.segments.values()])
        self._flips_at: int | None = None
        self._assign_all()

    def pass_time(self, until: int) -> None:
        """Evaluates the segments whenever time alone could turn one."""
        while self._flips_at is not None and self._flips_at <= until:
            self._now = max(self._now + 1, self._flips_at)
            self._assign_all()
        self._now = max(self._now, until)

    def take(self, event: Event, lookup: Lookup) -> None:
        """What the processor's steps make of an event at the moment it is received."""
        self.pass_time(event.received)
        self.profile = fold(note_identifiers(self.profile, event, lookup), event, self._definitions.memory)
        segments = self._definitions.segments
        traits = event.traits if event.type == "identify" else {}
        changed = (event.name, None) if traits else (event.name,)
        membership = segments.evaluate(self.profile, self._now, segments.affected((event.name,), traits), changed)
        self.profile = replace(self.profile, segments=membership.segments)
        if membership.flips_at is not None:
            self._flips_at = min(membership.flips_at, self._flips_at or membership.flips_at)

    def join(self, joining: Joining) -> None:
        self.pass_time(joining.at)
        self.profile = merge(self.profile, joining.loser, self._now, self._definitions.memory)
        self._assign_all()

    def _assign_all(self) -> None:
        membership = self._definitions.segments.evaluate(self.profile, self._now)
        self.profile = replace(self.profile, segments=membership.segments)
        self._flips_at = membership.flips_at


class _Parting:
    """The story told to two, each part to whom it would have belonged. `_keys` are the loser's identifiers: they grow
    with what joins it."""

    def __init__(self, story: Story, definitions: Definitions, known: frozenset[str]) -> None:
        undone = story.undone
        self._winner = Life(story.winner, definitions, story.since)
        self._loser = Life(undone.loser, definitions, undone.at)
        self._keys = dict.fromkeys(undone.keys)
        self._known = known
        self._passed: list[Passed] = []
        self._events = 0
        self._counts = _count(story.winner) + _count(undone.loser)

    def take(self, event: Event) -> None:
        self._counts[event.name] += 1
        if not self._is_losers(event):
            self._winner.take(event, self._lookup)
            return
        self._events += 1
        noted = len(self._loser.profile.identifiers)
        self._loser.take(event, self._lookup)
        for key in self._loser.profile.identifiers[noted:]:
            # A device that nobody has been seen with belongs to whom it is seen with first.
            if key.startswith("a:") and key not in self._winner.profile.identifiers:
                self._keys |= dict.fromkeys((key, retired_key(derive_profile_id(key))))

    def join(self, joining: Joining) -> None:
        """A later merge was the doing of the user whom its message named. Its identifiers go where it goes."""
        self._counts += _count(joining.loser)
        keys = (*joining.keys, retired_key(joining.loser.id))
        if user_key(joining.user_id) in self._keys:
            before = pack(self._loser.profile)
            self._passed.append(Passed(loser=joining.loser.id, because=joining.because, before=before))
            self._loser.join(joining)
            self._keys |= dict.fromkeys(keys)
        else:
            self._winner.join(joining)
            for key in keys:
                self._keys.pop(key, None)

    def end(self, until: int) -> Parted:
        for life in (self._winner, self._loser):
            life.pass_time(until)
        keys, passed = tuple(self._keys), tuple(self._passed)
        return Parted(self._winner.profile, self._loser.profile, keys, passed, self._events, self._counts)

    def _is_losers(self, event: Event) -> bool:
        """As `route` would have sent it without the link: by its user; a new user's alias by what it is an alias of;
        else by its device."""
        if event.user_id is None:
            return event.anonymous_id is not None and anonymous_key(event.anonymous_id) in self._keys
        key = user_key(event.user_id)
        is_known = key in self._keys or key in self._winner.profile.identifiers
        if not is_known and event.type == "alias" and event.previous_id is not None:
            previous, _ = find_previous(event.previous_id, self._lookup)
            if previous in self._keys:
                self._keys[key] = None
        return key in self._keys

    def _lookup(self, key: str) -> str | None:
        """Whether the map knew a user id at this point of the story: not one that is yet to be noted as a device."""
        noted = {*self._winner.profile.identifiers, *self._loser.profile.identifiers}
        is_device_yet = anonymous_key(key[2:]) in self._known - noted
        return key if key in self._known and (key in noted or not is_device_yet) else None


def _carry_over(profile: Profile, segments: Segments) -> Profile:
    """With the versions of its segments that answer now, in the place of those that there are no more."""
    answers = {slug: key for key, slug in segments.names.items()}
    kept = {*segments.enrolled, *(key for key, _ in segments.ordered)}
    carried: dict[str, int] = {}
    for key, at in profile.segments.items():
        now = key if key in kept else answers.get(key.rpartition("@")[0], key)
        carried[now] = min(at, carried.get(now, at))
    return replace(profile, segments=carried)


def _count(profile: Profile) -> Counter[str]:
    return Counter({name: history.count for name, history in profile.events.items()})
