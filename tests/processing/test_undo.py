"""An undone merge restores exactly what would have been: merging and parting equals never having merged."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from hypothesis import event as note
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from ingestion.accepted import Merged
from ingestion.steps import Definitions
from profiles.event import Record, Retire, anonymous_key, user_key
from profiles.identity import apart_key, retired_key
from profiles.profile import Memory, Profile, unpack
from segments.membership import compile_segments
from tests.processing.harness import HOUR, Harness
from tests.processing.parting import find_merges, undo

MINUTE = 60_000


def condition(**root: Any) -> dict[str, Any]:
    return {"v": 1, "root": {"id": "root", **root}}


SEGMENTS = {
    "keen": condition(
        kind="event", event="Product Viewed", op="at_least", value=2, window={"last": 2, "unit": "hours"}
    ),
    "outdoor": condition(
        kind="event",
        event="Product Viewed",
        op="exactly",
        value=1,
        where=[{"property": "category", "op": "is", "value": "Outdoor"}],
        window={"last": 5, "unit": "hours"},
    ),
    "quiet": condition(kind="event", event="Order Completed", did=False, window={"last": 3, "unit": "hours"}),
    "spender": condition(kind="event", event="Order Completed", measure="sum", of="value", op="more_than", value=15),
    "gold": condition(kind="trait", trait="plan", op="is", value="gold"),
    "today": condition(kind="event", event="Product Viewed", window={"this": "day"}),
    "golden-keen": condition(
        kind="and",
        children=[
            {"id": "gold", "kind": "segment", "segment": "gold"},
            {"id": "keen", "kind": "segment", "segment": "keen"},
        ],
    ),
}
# Fewer than people do, so that what is forgotten has to be the same too.
MEMORY = Memory(otherwise=("category",), limit=4)


@dataclass(frozen=True)
class Act:
    """Something one visitor does, so many minutes after the act before; `late` is how long ago it happened."""

    after: int
    device: str | None
    user: str | None
    name: str
    late: int
    detail: str

    def fields(self, now: int) -> dict[str, Any]:
        said: dict[str, Any] = {"anonymous_id": self.device, "user_id": self.user, "at": now - self.late * MINUTE}
        if self.name == "Identified":
            return {**said, "type": "identify", "traits": {"plan": self.detail}}
        if self.name == "Aliased":
            return {**said, "type": "alias", "previous_id": self.detail}
        if self.name == "Order Completed":
            return {**said, "properties": {"value": len(self.detail) * 2.5}}
        return {**said, "properties": {"category": self.detail}}


VISITS = [
    ("laptop", "u1"),
    ("laptop", None),
    ("phone", "u1"),
    ("phone", None),
    ("tablet", "u1"),
    ("tablet", None),
    (None, "u1"),
    ("desk", "u2"),
    ("phone", "u2"),
    ("laptop", "u2"),
    (None, "u2"),
    ("watch", "u0"),
    ("watch", None),
    ("tablet", "u0"),
    (None, "u0"),
]


def make_act(after: int, visit: tuple[str | None, str | None], name: str, late: int, detail: str) -> Act:
    return Act(after, *visit, name, late, detail)


DELAYS = st.sampled_from([0, 0, 1, 30, 61, 300, 2_000])
visits = st.builds(
    make_act,
    DELAYS,
    st.sampled_from(VISITS),
    st.sampled_from(["Product Viewed", "Product Viewed", "Order Completed", "Identified"]),
    st.sampled_from([0, 0, 0, 1, 45, 200, -90]),
    st.sampled_from(["Outdoor", "Garden", "gold"]),
)
aliases = st.builds(
    make_act,
    DELAYS,
    st.sampled_from([("laptop", "u1"), (None, "u1"), (None, "u2"), (None, "u0"), ("phone", "u3")]),
    st.just("Aliased"),
    st.just(0),
    st.sampled_from(["phone", "tablet", "u0", "u2", "car"]),
)
acts = st.one_of([visits] * 9 + [aliases])
# Where most lives begin: a known user, and a device of nobody's yet.
PRELUDE = [
    Act(0, "laptop", "u1", "Identified", 0, "gold"),
    Act(0, "phone", None, "Product Viewed", 0, "Outdoor"),
    Act(0, "tablet", None, "Order Completed", 0, "Garden"),
    Act(0, "watch", "u0", "Identified", 0, "gold"),
    Act(0, "desk", "u2", "Identified", 0, "gold"),
]
# By signing in on a device, by an alias of a device, by an alias of another known user.
LINKS = [
    Act(1, "phone", "u1", "Identified", 0, "silver"),
    Act(1, None, "u1", "Aliased", 0, "phone"),
    Act(1, "laptop", "u1", "Aliased", 0, "u0"),
]


class World:
    """Acts played to a processor; with `apart`, two profiles whose link gets lost."""

    def __init__(self, partitions: int, apart: set[str] | None = None) -> None:
        self.apart = apart
        self.harness = Harness(partitions=partitions, loses=self._loses)
        self.harness.definitions = Definitions(MEMORY, compile_segments(SEGMENTS))

    def _loses(self, record: Record) -> bool:
        return isinstance(record, Retire) and {record.loser, record.winner} == self.apart

    def play(self, acts: Sequence[Act]) -> None:
        for act in acts:
            harness = self.harness
            harness.pass_time(harness.now + act.after * MINUTE)
            harness.send(harness.event(act.name, **act.fields(harness.now)))
            harness.run()

    def is_elsewhere(self, act: Act) -> bool:
        """Whether somebody else signs in on a device that a merge made another person's: they stay who they are."""
        if act.device is None or act.user is None:
            return False
        links = self.harness.store.links
        merged = (merge for merge in find_merges(self.harness) if anonymous_key(act.device) in merge.keys)
        return any(links.get(user_key(act.user)) != self.find_owner(merge.winner) for merge in merged)

    def find_owner(self, profile_id: str) -> str:
        """Who took a profile over, or itself."""
        while (owner := self.harness.store.links.get(retired_key(profile_id))) is not None:
            profile_id = owner
        return profile_id

    def people(self) -> dict[str, Profile]:
        return {id: unpack(packed) for id, packed in self.harness.store.profiles.items()}


@given(
    partitions=st.sampled_from([1, 2, 7]),
    link=st.sampled_from(LINKS),
    before=st.lists(acts, max_size=6),
    during=st.lists(acts, min_size=6, max_size=25),
    after=st.lists(acts, max_size=6),
    which=st.integers(0, 3),
)
@settings(max_examples=200, phases=(Phase.explicit, Phase.generate, Phase.shrink))
def test_merging_and_parting_equals_never_having_merged(
    partitions: int, link: Act, before: list[Act], during: list[Act], after: list[Act], which: int
) -> None:
    lived = World(partitions)
    played = []
    for act in [*PRELUDE, *before, link, *during]:
        if not lived.is_elsewhere(act):
            lived.play([act])
            played.append(act)
    merges = [merge for merge in find_merges(lived.harness) if merge.winner in lived.harness.store.profiles]
    if not merges:
        note("the phone was another user's before")
        return
    merge = merges[which % len(merges)]
    note(f"{len(merges)} merges")
    never = World(partitions, apart={merge.loser, merge.winner})
    never.play(played)
    undo(lived.harness, merge)
    never.apart = None
    never.harness.store.links[apart_key(merge.loser)] = merge.winner
    expect_the_same(lived, never)
    for world in (lived, never):
        world.play(after)
    expect_the_same(lived, never)
    for world in (lived, never):
        world.harness.pass_time(world.harness.now + 30 * HOUR)
    expect_the_same(lived, never)


def expect_the_same(lived: World, never: World) -> None:
    assert lived.people() == never.people()
    assert lived.harness.store.links == never.harness.store.links


def merged_once() -> tuple[Harness, Merged]:
    world = World(4)
    world.play([*PRELUDE, LINKS[0]])
    (merge,) = find_merges(world.harness)
    return world.harness, merge
