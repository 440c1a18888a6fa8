"""What happens to one event inside the processor, step by step: `STEPS` reads aloud. Pure.

A step takes the work and the turn and returns None to go on, or the outcome that ends the event's way. Only a step
named `drop_…` or `forward_…` may end it.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from msgspec.structs import replace

from ingestion.accepted import Applied, Cause, Linked, SegmentEntered, SegmentLeft, Unlinked
from ingestion.accepted import pack as pack_accepted
from ingestion.live import Change, Seen
from profiles.event import Event, Record, Retire, anonymous_key, derive_profile_id, pack, partition_of, user_key
from profiles.identity import find_previous, note_identifiers, retired_key, route
from profiles.profile import Memory, Profile, fold
from profiles.store import REMOVED, Commit, Link, Tombstone, mark_of, outcome_field
from segments.membership import Membership, Segments

MAX_HOPS = 100  # merges followed from a retired profile to the one that lives
MAX_SEEN = 20  # events named in one push


class Outcome(StrEnum):
    """How the processor's part of an event's way ended. Counted per day and source."""

    ACCEPTED = "accepted"
    DUPLICATE = "duplicate"
    DEAD = "dead"
    FORWARDED = "forwarded"  # not an end: the event goes on in another partition
    SHARED_DEVICE = "shared_device"  # counted beside: two known users on one device, not merged
    ERASED = "erased"  # received before the person was erased, and come to its turn after
    KEPT_APART = "kept_apart"  # counted beside: two profiles whose merge was undone, not merged again


@dataclass(frozen=True)
class Definitions:
    """What the processor knows of the definitions in force: what to remember, and the segments of a roster.

    `numbers` are those by which they were announced, to be compared when something is committed."""

    memory: Memory
    segments: Segments
    numbers: Mapping[str, int] = field(default_factory=dict)


@dataclass
class Work:
    """One batch of one partition while it is worked on; `commit` collects everything it changes."""

    commit: Commit
    partitions: int
    definitions: Definitions
    links: dict[str, str]
    seen: set[bytes]
    profiles: dict[str, Profile]
    load: Callable[[Iterable[str]], dict[str, Profile]]
    find_links: Callable[[Sequence[str]], dict[str, str]]
    day: str
    erased: dict[str, Tombstone] = field(default_factory=dict)
    position: str = ""  # of the record that is worked on, in the partition's log
    touched: set[str] = field(default_factory=set)
    stateless: set[str] = field(default_factory=set)  # profiles loaded and not found
    unlinked: set[str] = field(default_factory=set)  # identifiers looked up and not found
    memberships: dict[str, "Told"] = field(default_factory=dict)

    @property
    def now(self) -> int:
        return self.commit.now

    def home(self, profile_id: str) -> int:
        return partition_of(profile_id, self.partitions)

    def profile(self, profile_id: str) -> Profile:
        """The profile as this batch knows it, a new one if there is none."""
        known = self.profiles.get(profile_id)
        if known is None:
            found = {} if profile_id in self.stateless else self.load([profile_id])
            known = self.profiles[profile_id] = found.get(profile_id) or Profile(id=profile_id)
        return known

    def put(self, profile: Profile) -> None:
        self.profiles[profile.id] = profile
        self.touched.add(profile.id)

    def link(self, key: str, profile_id: str) -> None:
        """Claims `key` for the profile; the commit is refused when someone else claimed it first."""
        claimed = self.commit.links.get(key)
        expected = claimed.expected if claimed else self.links.get(key)
        self.commit.links[key] = Link(expected, profile_id)
        self.commit.accepted.append(pack_accepted(Linked(identifier=key, profile=profile_id, at=self.now)))
        self.links[key] = profile_id

    def unlink(self, key: str) -> None:
        """Takes `key` out of the map; the commit is refused when it stands for something else meanwhile."""
        claimed = self.commit.links.get(key)
        expected = claimed.expected if claimed else self.links.get(key)
        self.commit.links[key] = Link(expected, REMOVED)
        self.commit.accepted.append(pack_accepted(Unlinked(identifier=key, at=self.now)))
        self.links.pop(key, None)
        self.unlinked.add(key)

    @property
    def origin(self) -> str:
        """Where the record that is worked on stands: in which partition's log, and where in it."""
        return f"{self.commit.partition}:{self.position}"

    def mark(self, mark: bytes) -> None:
        """Notes something as applied; the commit is refused when somebody else has applied it meanwhile."""
        self.seen.add(mark)
        self.commit.seen.append(mark)

    def require_alive(self, profile_id: str) -> None:
        """The commit is refused when the profile has been retired meanwhile."""
        self.commit.links.setdefault(retired_key(profile_id), Link(None, None))

    def send(self, profile_id: str, record: Record) -> None:
        """To the log of the partition where the profile lives."""
        self.commit.forwards.append((self.home(profile_id), pack(record)))

    def is_erased(self, profile_id: str, received: int) -> bool:
        """Whether the profile was erased with what had been received by then."""
        stone = self.erased.get(profile_id)
        return stone is not None and received <= stone.at

    def told(self, profile_id: str) -> "Told":
        return self.memberships.setdefault(profile_id, Told())

    def tell_changes(self, profile_id: str, membership: Membership, cause: Cause, because: str = "") -> None:
        """Who came and went, to whoever watches the profile and to whoever reads the archive."""
        say = self.definitions.segments.say
        self.tell(profile_id, say(membership.entered), say(membership.left), self.now, cause, because)

    def tell(
        self,
        profile_id: str,
        entered: Sequence[str],
        left: Sequence[str],
        at: int,
        cause: Cause,
        because: str = "",
    ) -> None:
        if entered or left:
            self.told(profile_id).add(entered, left)
        for record, slugs in ((SegmentEntered, entered), (SegmentLeft, left)):
            if slugs:
                change = record(profile=profile_id, segments=tuple(slugs), at=at, cause=cause, because=because)
                self.commit.accepted.append(pack_accepted(change))

    def count(self, source: str, outcome: Outcome) -> None:
        self.commit.outcomes[outcome_field(self.day, source, outcome)] += 1


@dataclass
class Told:
    """What a profile's watchers will be told of this batch."""

    entered: dict[str, None] = field(default_factory=dict)
    left: dict[str, None] = field(default_factory=dict)
    events: list[Seen] = field(default_factory=list)

    def add(self, entered: Iterable[str], left: Iterable[str]) -> None:
        for slug in entered:
            if self.left.pop(slug, slug) is slug:
                self.entered[slug] = None
        for slug in left:
            if self.entered.pop(slug, slug) is slug:
                self.left[slug] = None

    def change(self, at: int) -> Change:
        return Change(tuple(self.entered), tuple(self.left), tuple(self.events[-MAX_SEEN:]), at=at)


@dataclass
class Turn:
    """One event on its way through the steps."""

    event: Event
    mark: bytes
    profile_id: str = ""
    profile: Profile | None = None
    is_new: bool = False
    membership: Membership | None = None


Step = Callable[[Work, Turn], Outcome | None]


def drop_duplicate(work: Work, turn: Turn) -> Outcome | None:
    return Outcome.DUPLICATE if turn.mark in work.seen else None


def drop_erased(work: Work, turn: Turn) -> Outcome | None:
    """What was received before its person was erased is gone with them, and so is whom it would have linked to them."""
    event = turn.event
    if not work.erased:
        return None
    if event.user_id is not None:
        key = user_key(event.user_id)
        if work.is_erased(derived := derive_profile_id(key), event.received):
            turn.profile_id = derived
            for identifier, other in _find_others(work, event):
                if not work.is_erased(other, event.received):
                    _ask_to_retire(work, turn, loser=other, identifier=identifier)
            return Outcome.ERASED
        if key in work.links:
            return None  # somebody else on that device
    if event.anonymous_id is None:
        return None
    derived = derive_profile_id(anonymous_key(event.anonymous_id))
    return Outcome.ERASED if work.is_erased(derived, event.received) else None


def forward_elsewhere(work: Work, turn: Turn) -> Outcome | None:
    """Finds the profile; an event whose profile lives in another partition is sent there, unmarked."""
    event = turn.event
    turn.profile_id = resolve(work, route(event, work.links.get))
    if event.user_id is not None and user_key(event.user_id) not in work.links:
        _claim_user(work, turn, event.user_id)
    if work.home(turn.profile_id) == work.commit.partition:
        return None
    work.send(turn.profile_id, event)
    return Outcome.FORWARDED


def _claim_user(work: Work, turn: Turn, user_id: str) -> None:
    """A user id nobody has used yet: it joins the device's profile, unless that one is another known user's."""
    if work.home(turn.profile_id) != work.commit.partition:
        return  # only the profile's own partition may say whose it is
    profile = work.profile(turn.profile_id)
    if profile.user_id is not None and turn.event.type != "alias":
        work.count(turn.event.source, Outcome.SHARED_DEVICE)
        turn.profile_id = derive_profile_id(user_key(user_id))
    work.link(user_key(user_id), turn.profile_id)


def link_identifiers(work: Work, turn: Turn) -> Outcome | None:
    """Notes the event's identifiers on the profile; asks other profiles that share one to be handed over."""
    event, profile = turn.event, work.profile(turn.profile_id)
    for key, other in _find_others(work, event, known=profile.identifiers):
        if other != profile.id:
            _ask_to_retire(work, turn, loser=other, identifier=key)
    turn.profile = note_identifiers(profile, event, work.links.get)
    return None


def _find_others(work: Work, event: Event, known: Sequence[str] = ()) -> Iterable[tuple[str, str]]:
    """The profiles that the event's identifiers stand for besides its user's: of a device that is not `known` yet, and
    of an alias, which is said on purpose, so that it is asked again of one that is known and was let go."""
    if event.anonymous_id is not None and (key := anonymous_key(event.anonymous_id)) not in known:
        yield key, work.links.get(key) or derive_profile_id(key)
    if event.type == "alias" and event.previous_id is not None:
        yield find_previous(event.previous_id, work.links.get)


def _ask_to_retire(work: Work, turn: Turn, *, loser: str, identifier: str) -> None:
    event = turn.event
    if event.user_id is None:
        return  # two anonymous ids are never one person by themselves
    request = Retire(
        loser=loser,
        winner=turn.profile_id,
        identifier=identifier,
        user_id=event.user_id,
        because=event.id,
        at=event.received,
        forced=event.type == "alias",
    )
    work.send(loser, request)


def fold_profile(work: Work, turn: Turn) -> Outcome | None:
    assert turn.profile is not None  # link_identifiers has set it
    turn.is_new = turn.profile.first_seen == 0
    turn.profile = fold(turn.profile, turn.event, work.definitions.memory)
    return None


def assign_segments(work: Work, turn: Turn) -> Outcome | None:
    assert turn.profile is not None
    event = turn.event
    segments = work.definitions.segments
    traits = event.traits if event.type == "identify" else {}
    changed = (event.name, None) if traits else (event.name,)
    positions = segments.affected((event.name,), traits)
    if turn.is_new:  # whoever has not ordered has not ordered from the first page on
        positions = sorted({*positions, *segments.held})
    membership = segments.evaluate(turn.profile, work.now, positions, changed)
    if membership.entered or membership.left:
        turn.profile = replace(turn.profile, segments=membership.segments)
    set_soft_timer(work, turn.profile_id, membership.flips_at)
    turn.membership = membership
    return None


def record(work: Work, turn: Turn) -> Outcome | None:
    """Marks the message as applied, keeps the new profile, and notes it all for the archive and the watchers."""
    assert turn.profile is not None and turn.membership is not None
    event, membership, say = turn.event, turn.membership, work.definitions.segments.say
    work.put(turn.profile)
    work.mark(turn.mark)
    entered, left = say(membership.entered), say(membership.left)
    applied = Applied(profile=turn.profile_id, event=event, entered=entered, left=left, position=work.position)
    work.commit.accepted.append(pack_accepted(applied))
    work.tell_changes(turn.profile_id, membership, Cause.EVENT, because=event.id)
    work.told(turn.profile_id).events.append(Seen(event.name, event.at, event.id))
    return None


STEPS: tuple[Step, ...] = (
    drop_duplicate,
    drop_erased,
    forward_elsewhere,
    link_identifiers,
    fold_profile,
    assign_segments,
    record,
)


def apply_event(work: Work, event: Event) -> None:
    """One event through all steps, counted by its outcome."""
    turn = Turn(event, mark_of(event.source, event.id))
    for step in STEPS:
        outcome = step(work, turn)
        if outcome is not None:
            break
    else:
        outcome = Outcome.ACCEPTED
    work.count(event.source, outcome)


def set_soft_timer(work: Work, profile_id: str, at: int | None) -> None:
    if at is not None:
        timers = work.commit.soft_timers
        timers[profile_id] = min(at, timers.get(profile_id, at))


def resolve(work: Work, profile_id: str) -> str:
    """The profile that took over `profile_id`, over however many merges, or itself."""
    for _ in range(MAX_HOPS):
        if profile_id in work.profiles:
            return profile_id  # a retired profile has no state
        key = retired_key(profile_id)
        if key not in work.links and key not in work.unlinked:
            work.links.update(work.find_links([key]))
            work.unlinked.add(key)
        if key not in work.links:
            return profile_id
        profile_id = work.links[key]
    return profile_id
