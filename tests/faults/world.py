"""The world of the state machine: a processor in memory that dies and is doubled, and the truth about what was sent."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from msgspec.structs import replace

from ingestion.accepted import Applied, Dead, Unmerged
from ingestion.accepted import unpack as unpack_accepted
from ingestion.log import MemoryLog, Offset
from ingestion.processor import Processor
from ingestion.steps import Definitions
from profiles.event import Erase, Event, Merge, Restore, derive_profile_id, pack, partition_of, unpack
from profiles.identity import retired_key
from profiles.profile import Profile, canonical
from profiles.profile import unpack as unpack_profile
from profiles.store import Commit
from profiles.store_memory import MemoryStore
from tests.processing.harness import BROKEN, HOUR, AllPartitions, Harness
from tests.processing.lives import SEGMENTS
from tests.processing.parting import ask_to_part

PARTITIONS = 3
ROUNDS = 100  # in which a processor that nobody disturbs has taken all there is
VIEWED, ORDERED = "Product Viewed", "Order Completed"
ASKED = {slug: SEGMENTS[slug] for slug in ("keen", "quiet", "spender", "gold", "golden-keen")}


class Killed(BaseException):
    """The process is gone; nobody catches it."""


class Letter(NamedTuple):
    """A dead letter."""

    partition: int
    raw: bytes


class SippingLog(MemoryLog):
    """Gives so many records of a partition at once, so many times, then seems empty."""

    size: int | None = None
    times: int | None = None

    def poll(
        self, after: Mapping[int, Offset], limit: int, wait_ms: int
    ) -> Mapping[int, Sequence[tuple[Offset, bytes]]]:
        if self.times is not None:
            if not self.times:
                return {}
            self.times -= 1
        return super().poll(after, min(limit, self.size or limit), wait_ms)

    def end(self, partition: int) -> Offset:
        return f"{self._last.get(partition, 0)}-0"


class MortalStore(MemoryStore):
    """The processor dies at a commit, before it or after it; or another one commits `meanwhile`."""

    dies: str | None = None
    meanwhile: Processor | None = None

    def commit(self, commit: Commit) -> None:
        if self.meanwhile is not None:
            other, self.meanwhile = self.meanwhile, None
            other.drain(range(PARTITIONS))
        if self.dies == "before":
            raise Killed
        super().commit(commit)
        if self.dies == "after":
            raise Killed


@dataclass
class Truth:
    """What was sent and acknowledged, and who is one person: each group of identifiers (`u:…`, `a:…`). `parted` are
    identifiers of people of whom somebody was let go: what is whose is not told of them."""

    sent: dict[str, Event] = field(default_factory=dict)
    erased: set[str] = field(default_factory=set)
    parted: set[str] = field(default_factory=set)
    groups: dict[str, set[str]] = field(default_factory=dict)

    def hear(self, event: Event) -> None:
        if event.id not in self.sent:
            self.sent[event.id] = event
            self.join(keys_of(event))

    def join(self, keys: Iterable[str]) -> None:
        together = set().union(*(self.groups.get(key, {key}) for key in keys))
        for key in together:
            self.groups[key] = together
        if together & self.parted:
            self.parted |= together

    def forget(self, group: set[str]) -> None:
        """They are nobody any more; whoever comes back under one of the names is somebody new."""
        self.erased |= {event.id for event in self.of(group)}
        for key in group:
            del self.groups[key]

    def of(self, group: set[str]) -> list[Event]:
        """What counts for a person."""
        return [event for event in self.sent.values() if keys_of(event)[0] in group and event.id not in self.erased]

    def people(self) -> list[set[str]]:
        """Everybody of whom everything is known."""
        known = {id(group): group for group in self.groups.values()}
        return [group for group in known.values() if self.of(group) and not group & self.parted]


def keys_of(event: Event) -> tuple[str, ...]:
    named = {"a:": event.anonymous_id, "u:": event.user_id}
    keys = [prefix + id for prefix, id in named.items() if id is not None]
    return (*keys, f"u:{event.previous_id}") if event.previous_id else tuple(keys)


def segments_of(events: Sequence[Event], now: int) -> set[str]:
    """Those of ASKED, said anew without the language of conditions."""

    def within(name: str, hours: int) -> int:
        return sum(event.name == name and now - hours * HOUR <= event.at <= now for event in events)

    worth = sum(event.value for event in events if event.name == ORDERED and event.at <= now)
    plans = [(event.at, canonical(event.traits["plan"])) for event in events if "plan" in event.traits]
    found = {
        "keen": within(VIEWED, 2) >= 2,
        "quiet": not within(ORDERED, 3),
        "spender": worth > 15,
        "gold": bool(plans) and max(plans)[1] == canonical("gold"),
    }
    found["golden-keen"] = found["gold"] and found["keen"]
    return {slug for slug, holds in found.items() if holds}


class World(Harness):
    def __init__(self) -> None:
        super().__init__(ASKED, partitions=PARTITIONS)
        self.now += 12 * HOUR  # four hours before the period of dedup marks turns
        self.log: SippingLog = SippingLog()
        self.store: MortalStore = MortalStore(self._forward, 24 * HOUR)
        self.whole = self.definitions
        self.processor = self.start_processor()
        self.former = self.processor  # was given up, and lives
        self.truth = Truth()
        self.applied: Counter[str] = Counter()
        self.letters: list[Letter] = []  # those that wait
        self._heard = dict.fromkeys(range(PARTITIONS), 0)
        self._offsets = dict.fromkeys(range(PARTITIONS), 0)

    def start_behind(self, minutes: int) -> Processor:
        """A processor whose clock is behind."""
        return Processor(
            log=self.log,
            store=self.store,
            leases=AllPartitions(PARTITIONS),
            definitions=lambda **_: self.definitions,
            clock=lambda: self.now - minutes * 60_000,
            partitions=PARTITIONS,
        )

    def break_definitions(self, broken: bool) -> None:
        self.definitions = Definitions(BROKEN, self.whole.segments) if broken else self.whole

    def take_in(self, event: Event) -> None:
        """As a door does: acknowledged once it is in the log."""
        self.send(replace(event, received=self.now))
        self.truth.hear(event)

    @contextmanager
    def may_die(self) -> Iterator[None]:
        """What happens inside may end with the processor's death; another one takes over."""
        try:
            yield
        except Killed:
            self.former, self.processor = self.processor, self.start_processor()
        finally:
            self.store.dies = self.store.meanwhile = None
            self.log.size = self.log.times = None

    def settle(self) -> None:
        """Everything that waits is taken, and everybody is evaluated whose time has come."""
        for _ in range(ROUNDS):
            self.run()
            due = any(self.store.due(number, self.now, 1) for number in range(PARTITIONS))
            if not due and all(self.store.offset(number) == self.log.end(number) for number in range(PARTITIONS)):
                break
        else:
            raise AssertionError("the processor does not come to an end")
        self.listen()

    def listen(self) -> None:
        """Takes note of what the processor has said since."""
        for partition, said in self.store.accepted.items():
            for raw in said[self._heard[partition] :]:
                record = unpack_accepted(raw)
                if isinstance(record, Applied):
                    self.applied[record.event.id] += 1
                elif isinstance(record, Dead):
                    self.letters.append(Letter(record.partition, record.raw))
                elif isinstance(record, Unmerged):
                    self._note_parted(record)
            self._heard[partition] = len(said)

    def _note_parted(self, record: Unmerged) -> None:
        for key in record.keys:
            self.truth.parted |= self.truth.groups.get(key, {key})

    def replay(self, letter: Letter, times: int) -> None:
        """More than once when whoever does it dies before the letter is marked."""
        self.letters.remove(letter)
        self.log.append({letter.partition: [letter.raw] * times})

    def bring_again(self, which: int) -> None:
        """A state that was handed over comes twice, as when a letter is replayed by somebody who dies."""
        states = [
            (partition, raw)
            for partition in range(PARTITIONS)
            for _, raw in self.log.read(partition, "0-0", 1_000_000)
            if isinstance(unpack(raw), (Merge, Restore))
        ]
        if states:
            partition, raw = states[which % len(states)]
            self.log.append({partition: [raw]})

    def undo(self, which: int, merges: Sequence[Any]) -> None:
        merge = merges[which % len(merges)]
        for key in merge.keys:
            self.truth.parted |= self.truth.groups.get(key, {key})
        ask_to_part(self, merge)

    def erase(self, key: str) -> None:
        profile = self.store.links.get(key) or derive_profile_id(key)
        group = self.truth.groups[key]
        request = Erase(profile=profile, erasure="0f" * 16, at=self.now, keys=())
        self.log.append({partition_of(profile, PARTITIONS): [pack(request)]})
        self.settle()
        self.now += 1
        self.truth.forget(group)

    # --- What must hold ------------------------------------------------------------------------------------------

    def check_always(self) -> None:
        self.listen()
        doubled = {id: count for id, count in self.applied.items() if count > 1}
        assert not doubled, f"applied twice: {doubled}"
        assert self.applied.keys() <= self.truth.sent.keys(), "applied and never sent"
        for partition, before in self._offsets.items():
            now = int(self.store.offset(partition).partition("-")[0])
            assert now >= before, f"the offset of partition {partition} went back"
            self._offsets[partition] = now

    def check_settled(self) -> None:
        """Once everything is taken: nothing is nowhere, and all profiles together know of each event once."""
        waiting = [unpack(letter.raw) for letter in self.letters]
        dead = {record.id for record in waiting if isinstance(record, Event)}
        nowhere = self.truth.sent.keys() - self.applied.keys() - dead
        assert not nowhere, f"acknowledged, and nowhere: {nowhere}"
        carried = [unpack_profile(record.state) for record in waiting if isinstance(record, (Merge, Restore))]
        known = sum(map(count, [*self.people().values(), *carried]))
        assert known == len(self.applied.keys() - self.truth.erased), "profiles know of more or less than was applied"
        for profile in self.people().values():
            anew = self.whole.segments.evaluate(profile, self.now).segments
            assert profile.segments.keys() == anew.keys(), f"segments of {profile}"
        if not waiting:
            for group in self.truth.people():
                self._check_person(group)

    def _check_person(self, group: set[str]) -> None:
        events = self.truth.of(group)
        used = {key for event in events for key in keys_of(event)}
        owners = {self.owner(key) for key in used}
        assert len(owners) == 1, f"{group} are one person, not {owners}"
        profile = self.people()[owners.pop()]
        counts = Counter(event.name for event in events)
        assert counts == {name: history.count for name, history in profile.events.items()}, f"counts of {group}"
        assert profile.segments.keys() == segments_of(events, self.now), f"segments of {group}"

    def owner(self, key: str) -> str:
        id = self.store.links.get(key) or derive_profile_id(key)
        while (taker := self.store.links.get(retired_key(id))) is not None:
            id = taker
        return id


def count(profile: Profile) -> int:
    return sum(history.count for history in profile.events.values())
