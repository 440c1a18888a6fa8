"""The profile store of tests: the same promises as the Redis store, in this process."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence

from profiles.profile import Profile, unpack
from profiles.store import PERIODS, REMOVED, Commit, Conflict, Fenced, Outdated, Reading, Tombstone, list_profiles

START = "0-0"


class MemoryStore:
    """`forward` receives the records that a commit sends to other partitions; `in_force` are numbers of definitions."""

    def __init__(self, forward: Callable[[int, bytes], None], dedup_ms: int) -> None:
        self._forward = forward
        self._dedup_ms = dedup_ms
        self._offsets: dict[int, str] = {}
        self._attempts: dict[int, Counter[tuple[str, bool]]] = {}
        self._suspects: dict[int, str] = {}
        self.in_force: dict[str, int] = {}
        self.profiles: dict[str, bytes] = {}
        self.links: dict[str, str] = {}
        self.seen: dict[int, set[bytes]] = {}
        self.timers: dict[int, dict[str, int]] = {}
        self.accepted: dict[int, list[bytes]] = {}
        self.outcomes: Counter[str] = Counter()
        self.changes: list[tuple[str, bytes]] = []
        self.erased: dict[str, Tombstone] = {}

    def offset(self, partition: int) -> str:
        return self._offsets.get(partition, START)

    def read(
        self, partition: int, offset: str, identifiers: Sequence[str], marks: Sequence[bytes], now: int
    ) -> Reading:
        attempts = self._attempts.get(partition, Counter())
        return Reading(
            links=self.find_links(identifiers),
            seen={mark for mark in marks if self._is_seen(mark, now)},
            failed_in_batch=attempts[offset, False],
            failed_alone=attempts[offset, True],
            suspect=self._suspects.get(partition),
            erased={id: self.erased[id] for id in list_profiles(identifiers) if id in self.erased},
        )

    def find_links(self, identifiers: Sequence[str]) -> dict[str, str]:
        return {key: self.links[key] for key in identifiers if key in self.links}

    def load(self, profile_ids: Iterable[str]) -> dict[str, Profile]:
        return {id: unpack(self.profiles[id]) for id in profile_ids if id in self.profiles}

    def attempt(self, partition: int, offset: str, *, alone: bool, tries: int, suspect: str | None) -> None:
        if self.offset(partition) != offset:
            raise Fenced(f"partition {partition} is at {self.offset(partition)}, not {offset}")
        self._attempts.setdefault(partition, Counter())[offset, alone] = tries
        if suspect is not None:
            self._suspects[partition] = suspect

    def due(self, partition: int, now: int, limit: int) -> list[str]:
        waiting = sorted((at, id) for id, at in self.timers.get(partition, {}).items() if at <= now)
        return [id for _, id in waiting[:limit]]

    def commit(self, commit: Commit) -> None:
        if self.offset(commit.partition) != commit.expected:
            raise Fenced(f"partition {commit.partition} is at {self.offset(commit.partition)}, not {commit.expected}")
        for name, number in commit.computed_with.items():
            if self.in_force.get(name, 0) != number:
                raise Outdated(f"{name} is at {self.in_force.get(name, 0)}, not {number}")
        if any(self._is_seen(mark, commit.now) for mark in commit.seen):
            raise Conflict("a message of this batch has been applied meanwhile")
        if any(self.links.get(key) != link.expected for key, link in commit.links.items()):
            raise Conflict("an identifier of this batch has been linked meanwhile")
        self._apply(commit)

    def _apply(self, commit: Commit) -> None:
        if commit.offset != commit.expected:
            self._offsets[commit.partition] = commit.offset
            self._attempts.pop(commit.partition, None)
            if commit.suspect is None:
                self._suspects.pop(commit.partition, None)
        self.seen.setdefault(commit.now // self._dedup_ms, set()).update(commit.seen)
        for key, link in commit.links.items():
            if link.profile_id == REMOVED:
                self.links.pop(key, None)
            elif link.profile_id is not None:
                self.links[key] = link.profile_id
        for id, packed in commit.profiles.items():
            if packed is None:
                self.profiles.pop(id, None)
            else:
                self.profiles[id] = packed
        timers = self.timers.setdefault(commit.partition, {})
        for id, at in commit.timers.items():
            timers.pop(id, None)
            if at is not None:
                timers[id] = at
        for id, at in commit.soft_timers.items():
            timers[id] = min(at, timers.get(id, at))
        self.accepted.setdefault(commit.partition, []).extend(commit.accepted)
        for partition, record in commit.forwards:
            self._forward(partition, record)
        self.outcomes.update(commit.outcomes)
        self.changes += commit.changes
        self.erased |= commit.erased

    def _is_seen(self, mark: bytes, now: int) -> bool:
        period = now // self._dedup_ms
        return any(mark in self.seen.get(period + step, ()) for step in PERIODS)
