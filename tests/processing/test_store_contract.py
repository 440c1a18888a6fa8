"""The contract of a profile store, run on every implementation."""

import os

import pytest
import redis

from ingestion.log import START, EventLog
from profiles import keys
from profiles.event import derive_profile_id
from profiles.profile import Profile, pack
from profiles.store import REMOVED, Commit, Conflict, Fenced, Link, Outdated, ProfileStore, Tombstone, mark_of
from profiles.store_memory import MemoryStore

NOW = 1_800_000_000_000
DAY = 86_400_000
Pair = tuple[ProfileStore, EventLog]


def commit(expected: str = START, offset: str = "1-0", *, now: int = NOW, **changes: object) -> Commit:
    return Commit(2, expected, offset, now, **changes)  # type: ignore[arg-type]


def test_a_commit_applies_everything_at_once(store_and_log: Pair) -> None:
    store, log = store_and_log
    anna = Profile(id="a" * 32, user_id="u1", identifiers=("a:anna",))
    store.commit(
        commit(
            profiles={anna.id: pack(anna)},
            seen=[mark_of("shop", "m1")],
            links={"u:u1": Link(None, anna.id)},
            timers={anna.id: NOW + 5},
            forwards=[(3, b"onward")],
        )
    )
    assert store.offset(2) == "1-0"
    assert store.load([anna.id, "b" * 32]) == {anna.id: anna}
    reading = store.read(2, "1-0", ("u:u1", "a:else"), [mark_of("shop", "m1"), mark_of("shop", "m2")], NOW)
    assert reading.links == {"u:u1": anna.id} == store.find_links(("u:u1", "a:else"))
    assert reading.seen == {mark_of("shop", "m1")}
    assert store.due(2, NOW + 4, 10) == []
    assert store.due(2, NOW + 5, 10) == [anna.id]
    assert [record for _, record in log.read(3, START, 10)] == [b"onward"]


@pytest.mark.parametrize(
    ("refused", "error"),
    [
        (commit(expected="0-7"), Fenced),
        (commit(expected="1-0", offset="2-0", seen=[mark_of("s", "new"), mark_of("s", "old")]), Conflict),
        (commit(expected="1-0", offset="2-0", links={"u:u1": Link(None, "b" * 32)}), Conflict),
    ],
)
def test_a_refused_commit_changes_nothing(store_and_log: Pair, refused: Commit, error: type[Exception]) -> None:
    store, log = store_and_log
    store.commit(commit(seen=[mark_of("s", "old")], links={"u:u1": Link(None, "a" * 32)}))
    refused.profiles["c" * 32] = pack(Profile(id="c" * 32))
    refused.forwards.append((3, b"onward"))
    with pytest.raises(error):
        store.commit(refused)
    assert store.offset(2) == "1-0"
    assert store.load(["c" * 32]) == {}
    assert store.read(2, "1-0", (), [mark_of("s", "new")], NOW).seen == set()
    assert log.read(3, START, 10) == []


def test_a_link_can_be_moved_by_whoever_knows_it(store_and_log: Pair) -> None:
    store, _ = store_and_log
    store.commit(commit(links={"u:u1": Link(None, "a" * 32)}))
    store.commit(commit("1-0", "2-0", links={"u:u1": Link("a" * 32, "b" * 32)}))
    assert store.find_links(("u:u1",)) == {"u:u1": "b" * 32}


def test_a_link_can_be_removed_by_whoever_knows_it(store_and_log: Pair) -> None:
    store, _ = store_and_log
    store.commit(commit(links={"p:x": Link(None, "a" * 32), "p:y": Link(None, "a" * 32)}))
    with pytest.raises(Conflict):
        store.commit(commit("1-0", "2-0", links={"p:x": Link("b" * 32, REMOVED)}))
    store.commit(commit("1-0", "2-0", links={"p:x": Link("a" * 32, REMOVED)}))
    assert store.find_links(("p:x", "p:y")) == {"p:y": "a" * 32}
    store.commit(commit("2-0", "3-0", links={"p:x": Link(None, "c" * 32)}))
    assert store.find_links(("p:x",)) == {"p:x": "c" * 32}


def test_removing_what_is_not_there_changes_nothing(store_and_log: Pair) -> None:
    store, _ = store_and_log
    store.commit(commit(links={"p:x": Link(None, REMOVED)}))
    assert store.find_links(("p:x",)) == {}


def test_a_commit_can_require_that_an_identifier_is_unlinked(store_and_log: Pair) -> None:
    store, _ = store_and_log
    store.commit(commit(links={"p:x": Link(None, None)}))
    assert store.find_links(("p:x",)) == {}
    store.commit(commit("1-0", "2-0", links={"p:x": Link(None, "a" * 32)}))
    with pytest.raises(Conflict):
        store.commit(commit("2-0", "3-0", links={"p:x": Link(None, None)}))


def test_a_message_is_remembered_for_the_whole_window(store_and_log: Pair) -> None:
    store, _ = store_and_log
    late = NOW - NOW % DAY + DAY - 1  # the last millisecond of a period
    store.commit(commit(now=late, seen=[mark_of("s", "m")]))
    for after in (0, 1, DAY - 1, DAY):
        assert store.read(2, "1-0", (), [mark_of("s", "m")], late + after).seen, after


def test_a_profile_can_be_deleted_with_its_timer(store_and_log: Pair) -> None:
    store, _ = store_and_log
    anna = Profile(id="a" * 32)
    store.commit(commit(profiles={anna.id: pack(anna)}, timers={anna.id: NOW}))
    store.commit(commit("1-0", "2-0", profiles={anna.id: None}, timers={anna.id: None}))
    assert store.load([anna.id]) == {}
    assert store.due(2, NOW, 10) == []


def test_a_soft_timer_only_moves_the_moment_forward(store_and_log: Pair) -> None:
    store, _ = store_and_log
    store.commit(commit(soft_timers={"a" * 32: NOW + 10}))
    store.commit(commit("1-0", "2-0", soft_timers={"a" * 32: NOW + 20}))
    assert store.due(2, NOW + 10, 10) == ["a" * 32]
    store.commit(commit("2-0", "3-0", timers={"a" * 32: NOW + 20}))
    assert store.due(2, NOW + 10, 10) == []


def test_attempts_are_remembered_until_the_offset_moves_on(store_and_log: Pair) -> None:
    store, _ = store_and_log
    store.attempt(2, START, alone=False, tries=1, suspect=None)
    assert store.read(2, START, (), (), NOW).failed_in_batch == 1
    store.attempt(2, START, alone=True, tries=2, suspect="9-0")
    reading = store.read(2, START, (), (), NOW)
    assert (reading.failed_in_batch, reading.failed_alone, reading.suspect) == (1, 2, "9-0")
    store.commit(commit(suspect="9-0"))
    reading = store.read(2, "1-0", (), (), NOW)
    assert (reading.failed_in_batch, reading.failed_alone, reading.suspect) == (0, 0, "9-0")
    store.commit(commit("1-0", "9-0"))
    assert store.read(2, "9-0", (), (), NOW).suspect is None


def test_an_attempt_from_an_old_offset_leaves_nothing_behind(store_and_log: Pair) -> None:
    store, _ = store_and_log
    store.commit(commit(offset="5-0"))
    with pytest.raises(Fenced):
        store.attempt(2, START, alone=True, tries=2, suspect="4-0")
    assert store.read(2, "5-0", (), (), NOW).suspect is None


def test_thousands_of_changes_fit_one_commit(store_and_log: Pair) -> None:
    store, _ = store_and_log
    marks = [mark_of("s", str(number)) for number in range(2_500)]
    profiles = {f"{number:032x}": pack(Profile(id=f"{number:032x}")) for number in range(2_500)}
    links = {f"a:{number}": Link(None, "a" * 32) for number in range(2_500)}
    store.commit(commit(seen=marks, profiles=dict(profiles), links=links))
    assert len(store.load(profiles)) == 2_500
    assert len(store.read(2, "1-0", tuple(links), marks, NOW).seen) == 2_500


def test_what_was_computed_with_other_definitions_is_refused(store_and_log: Pair) -> None:
    store, _ = store_and_log
    store.commit(commit(computed_with={keys.ROSTER: 0, keys.DIRECTORY: 0}))  # nothing is announced yet
    put_in_force(store, {keys.ROSTER: 3, keys.DIRECTORY: 7})
    for computed_with in ({keys.ROSTER: 2, keys.DIRECTORY: 7}, {keys.ROSTER: 3, keys.DIRECTORY: 8}):
        with pytest.raises(Outdated):
            store.commit(commit("1-0", "2-0", computed_with=computed_with, seen=[mark_of("s", "new")]))
    assert store.offset(2) == "1-0"
    store.commit(commit("1-0", "2-0", computed_with={keys.ROSTER: 3, keys.DIRECTORY: 7}, seen=[mark_of("s", "new")]))
    store.commit(commit("2-0", "3-0"))
    assert store.offset(2) == "3-0"


def test_an_erased_profile_leaves_a_tombstone(store_and_log: Pair) -> None:
    store, _ = store_and_log
    anna, phone = derive_profile_id("u:anna"), derive_profile_id("a:phone")
    assert store.read(2, START, ("u:anna",), [], NOW).erased == {}
    store.commit(commit(erased={anna: Tombstone(NOW, "0f"), phone: Tombstone(NOW - 1, "")}))
    for identifiers, found in (
        (("u:anna", "u:ben", "s:" + anna), {anna: Tombstone(NOW, "0f")}),
        (("a:phone", "p:" + anna), {phone: Tombstone(NOW - 1, ""), anna: Tombstone(NOW, "0f")}),
        ((), {}),
    ):
        assert store.read(2, "1-0", identifiers, [], NOW).erased == found


def put_in_force(store: ProfileStore, numbers: dict[str, int]) -> None:
    if isinstance(store, MemoryStore):
        store.in_force = numbers
    else:
        redis.Redis.from_url(os.environ["REDIS_URL"]).mset(numbers)
