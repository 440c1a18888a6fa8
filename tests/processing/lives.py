"""Lives by chance of a few visitors who share devices, sign in, sign up and are joined, to be played to a processor."""

import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from ingestion.accepted import Merged
from profiles.event import Record, Retire, anonymous_key, user_key
from profiles.identity import apart_key, retired_key
from tests.processing.harness import Harness
from tests.processing.parting import find_merges

MINUTE = 60_000
NAMES = ("Product Viewed", "Product Viewed", "Order Completed", "Identified")
DELAYS = (0, 0, 1, 30, 61, 300, 2_000)
LATE = (0, 0, 0, 1, 45, 200, -90)
DETAILS = ("Outdoor", "Garden", "gold")

Visit = tuple[str | None, str | None]  # device, user
VISITS: tuple[Visit, ...] = (
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
)
ALIASES: tuple[Visit, ...] = (("laptop", "u1"), (None, "u1"), (None, "u2"), (None, "u0"), ("phone", "u3"))
PREVIOUS = ("phone", "tablet", "u0", "u2", "car")


def condition(**root: Any) -> dict[str, Any]:
    return {"v": 1, "root": {"id": "root", **root}}


SEGMENTS: dict[str, dict[str, Any]] = {
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


@dataclass(frozen=True)
class Act:
    """Something one visitor does, so many minutes after the act before; `late` is how long ago it happened."""

    after: int
    visit: Visit
    name: str
    late: int
    detail: str

    @property
    def device(self) -> str | None:
        return self.visit[0]

    @property
    def user(self) -> str | None:
        return self.visit[1]

    def fields(self, now: int) -> dict[str, Any]:
        said: dict[str, Any] = {"anonymous_id": self.device, "user_id": self.user, "at": now - self.late * MINUTE}
        if self.name == "Identified":
            consent = {"categoryPreferences": {"email": self.detail == "gold", self.detail: True}}
            return {**said, "type": "identify", "traits": {"plan": self.detail}, "context": {"consent": consent}}
        if self.name == "Aliased":
            return {**said, "type": "alias", "previous_id": self.detail}
        if self.name == "Order Completed":
            return {**said, "properties": {"value": len(self.detail) * 2.5}}
        return {**said, "properties": {"category": self.detail}}


# Where most lives begin: some known users, and devices of nobody's yet.
PRELUDE = (
    Act(0, ("laptop", "u1"), "Identified", 0, "gold"),
    Act(0, ("phone", None), "Product Viewed", 0, "Outdoor"),
    Act(0, ("tablet", None), "Order Completed", 0, "Garden"),
    Act(0, ("watch", "u0"), "Identified", 0, "gold"),
    Act(0, ("desk", "u2"), "Identified", 0, "gold"),
)
# By signing in on a device, by an alias of a device, by an alias of another known user.
LINKS = (
    Act(1, ("phone", "u1"), "Identified", 0, "silver"),
    Act(1, (None, "u1"), "Aliased", 0, "phone"),
    Act(1, ("laptop", "u1"), "Aliased", 0, "u0"),
)


def draw_acts(chance: random.Random, count: int) -> list[Act]:
    return [_draw_act(chance) for _ in range(count)]


def _draw_act(chance: random.Random) -> Act:
    if chance.random() < 0.1:
        return Act(chance.choice(DELAYS), chance.choice(ALIASES), "Aliased", 0, chance.choice(PREVIOUS))
    chosen = (chance.choice(NAMES), chance.choice(LATE), chance.choice(DETAILS))
    return Act(chance.choice(DELAYS), chance.choice(VISITS), *chosen)


@dataclass
class Apart:
    """Merges that never are, as what would link the two gets lost on the way: the message that did, and others."""

    merges: list[Merged] = field(default_factory=list)
    messages: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.messages |= {merge.because for merge in self.merges}

    def loses(self, record: Record) -> bool:
        if not isinstance(record, Retire):
            return False
        pairs = [{merge.loser, merge.winner} for merge in self.merges]
        return record.because in self.messages or {record.loser, record.winner} in pairs

    def keep(self, harness: Harness, merge: Merged) -> None:
        """From now on as if somebody had undone it."""
        self.merges.remove(merge)
        harness.store.links[apart_key(merge.loser)] = merge.winner


def play(harness: Harness, acts: Iterable[Act]) -> None:
    for act in acts:
        harness.pass_time(harness.now + act.after * MINUTE)
        harness.send(harness.event(act.name, **act.fields(harness.now)))
        harness.run()


def play_merging(
    harness: Harness, acts: Iterable[Act], leaves_out: Callable[[Harness, Act], bool] | None = None
) -> list[Act]:
    """Plays all but what is left out; returns what was played."""
    played = []
    for act in acts:
        if not (leaves_out or is_elsewhere)(harness, act):
            play(harness, [act])
            played.append(act)
    return played


def is_elsewhere(harness: Harness, act: Act) -> bool:
    """Whether somebody else signs in on a device that a merge has made another person's: they stay who they are, also
    after that merge is undone."""
    if act.device is None or act.user is None:
        return False
    user = harness.store.links.get(user_key(act.user))
    merged = [merge for merge in find_merges(harness) if anonymous_key(act.device) in merge.keys]
    return any(user != find_owner(harness, merge.winner) for merge in merged)


def is_contested(harness: Harness, act: Act) -> bool:
    """Whether anybody but the one who brought a device, or another user, into a merge has to do with it, undone or not:
    without that merge it would be theirs."""
    named = {anonymous_key(act.device or "")} | {f"{kind}:{act.detail}" for kind in "ua" if act.name == "Aliased"}
    return act.user is not None and any(
        named & set(merge.keys) and user_key(act.user) not in (user_key(merge.user_id), *merge.keys)
        for merge in harness.accepted()
        if isinstance(merge, Merged)
    )


def find_owner(harness: Harness, profile_id: str) -> str:
    """Who took a profile over, or itself."""
    while (owner := harness.store.links.get(retired_key(profile_id))) is not None:
        profile_id = owner
    return profile_id


def list_undoable(harness: Harness) -> list[Merged]:
    """The merges whose winner has not become part of somebody else."""
    return [merge for merge in find_merges(harness) if merge.winner in harness.store.profiles]
