"""A whole processing path in memory: log, store, processor and a clock the test moves by hand."""

from collections.abc import Callable, Mapping
from typing import Any

from ingestion.accepted import Accepted
from ingestion.accepted import unpack as unpack_accepted
from ingestion.log import MemoryLog
from ingestion.processor import Current, Processor
from ingestion.steps import Definitions
from profiles.event import Event, Record, derive_profile_id, pack, partition_of
from profiles.event import unpack as unpack_record
from profiles.identity import route
from profiles.profile import Memory, Profile, unpack
from profiles.store_memory import MemoryStore
from segments.membership import compile_segments

HOUR = 3_600_000
START = 1_800_000_000_000
MEMORY = Memory(indexed={"Product Viewed": ("category", "price")}, otherwise=("category",))


class Breaking(dict[str, tuple[str, ...]]):
    """An index of properties that breaks whoever looks an event named POISON up."""

    def get(self, name: str, otherwise: Any = None) -> Any:
        if name == POISON:
            raise ZeroDivisionError
        return super().get(name, otherwise)


POISON = "Poison"
BROKEN = Memory(indexed=Breaking(MEMORY.indexed), otherwise=MEMORY.otherwise)


class AllPartitions:
    """Leases of a processor that runs alone."""

    def __init__(self, partitions: int) -> None:
        self._all = frozenset(range(partitions))

    def tend(self) -> frozenset[int]:
        return self._all

    def release(self) -> None: ...


class Harness:
    """`loses` says which records get lost between partitions."""

    def __init__(
        self,
        segments: Mapping[str, object] | None = None,
        partitions: int = 4,
        loses: Callable[[Record], bool] = lambda record: False,
    ) -> None:
        self.now = START
        self.partitions = partitions
        self.log = MemoryLog()
        self.loses = loses
        self.store = MemoryStore(self._forward, 24 * HOUR)
        self.definitions = Definitions(MEMORY, compile_segments(segments or {}))
        self.processor = self.start_processor()
        self._numbers = 0

    def start_processor(self, definitions: Current | None = None) -> Processor:
        return Processor(
            log=self.log,
            store=self.store,
            leases=AllPartitions(self.partitions),
            definitions=definitions or (lambda **_: self.definitions),
            clock=lambda: self.now,
            partitions=self.partitions,
        )

    def _forward(self, partition: int, record: bytes) -> None:
        if not self.loses(unpack_record(record)):
            self.log.append({partition: [record]})

    def event(self, name: str = "Product Viewed", **fields: Any) -> Event:
        self._numbers += 1
        fields.setdefault("id", f"m{self._numbers}")
        fields.setdefault("at", self.now)
        fields.setdefault("type", "track")
        if "user_id" not in fields:
            fields.setdefault("anonymous_id", "anna")
        return Event(source="shop", name=name, received=self.now, **fields)

    def send(self, *events: Event) -> None:
        for event in events:
            partition = partition_of(route(event, self.store.links.get), self.partitions)
            self.log.append({partition: [pack(event)]})

    def run(self) -> int:
        return self.processor.drain(range(self.partitions))

    def pass_time(self, until: int) -> None:
        """Lets the clock run up to `until`, waking every profile at its very moment."""
        while (wakes := min(self._timers(), default=until + 1)) <= until:
            self.now = max(self.now, wakes)
            self.run()
        self.now = until
        self.run()

    def _timers(self) -> list[int]:
        return [at for timers in self.store.timers.values() for at in timers.values()]

    def people(self) -> dict[str, Profile]:
        return {id: unpack(packed) for id, packed in self.store.profiles.items()}

    def links(self) -> dict[str, str]:
        return dict(self.store.links)

    def profile(self, identifier: str) -> Profile:
        return unpack(self.store.profiles[self.store.links.get(identifier) or derive_profile_id(identifier)])

    def accepted(self) -> list[Accepted]:
        return [unpack_accepted(raw) for batch in self.store.accepted.values() for raw in batch]

    def outcome(self, name: str) -> int:
        return sum(count for field, count in self.store.outcomes.items() if field.endswith(f"|{name}"))
