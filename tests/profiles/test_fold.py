"""Folding: bounded, order-free, and the same again after packing."""

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from profiles.event import Event
from profiles.profile import (
    COMPRESS_ABOVE,
    DAY_MS,
    MAX_NAMES,
    MAX_PURPOSES,
    MAX_TRAITS,
    History,
    Memory,
    Moment,
    Profile,
    Trait,
    fold,
    merge,
    pack,
    recall,
    to_parts,
    unpack,
    unpack_without_events,
)

NOW = 1_800_000_000_000
MEMORY = Memory(indexed={"Order Completed": ("products.category",)}, otherwise=("category",), limit=5)
NOBODY = Profile(id="0" * 32)


def track(name: str = "Product Viewed", ago: int = 0, **properties: object) -> Event:
    return Event(id="m", source="s", type="track", name=name, at=NOW - ago, received=NOW, properties=properties)


events = st.lists(
    st.builds(
        lambda name, ago, category, value: track(name, ago, category=category, revenue=value),
        st.sampled_from(["Product Viewed", "Order Completed", "Page Viewed"]),
        st.integers(0, 20) | st.integers(0, 200 * DAY_MS),
        st.sampled_from(["Outdoor", "Home", None]),
        st.integers(0, 100),
    ),
    max_size=20,
)
identifies = st.lists(
    st.builds(
        lambda ago, name, value: Event(
            id="m", source="s", type="identify", name="Identified", at=NOW - ago, received=NOW, traits={name: value}
        ),
        st.integers(0, 3),
        st.sampled_from(["plan", "age"]),
        st.integers(-(2**63), 2**63 - 1) | st.text(max_size=3) | st.booleans() | st.floats(allow_nan=False),
    ),
    max_size=10,
)


choices = st.lists(
    st.builds(
        lambda ago, ahead, purpose, agrees: Event(
            id="m",
            source="s",
            type="track",
            name="Page Viewed",
            at=NOW - ago + ahead,
            received=NOW,
            context={"consent": {"categoryPreferences": {purpose: agrees}}},
        ),
        st.integers(0, 3) | st.integers(0, 200),
        st.sampled_from([0, 0, 1, DAY_MS]),
        st.sampled_from(["email", "marketing"]) | st.integers(0, 2 * MAX_PURPOSES).map(str),
        st.booleans(),
    ),
    max_size=3 * MAX_PURPOSES,
)


def fold_all(profile: Profile, some: list[Event]) -> Profile:
    for event in some:
        profile = fold(profile, event, MEMORY)
    return profile


@given(events, identifies, choices, st.randoms(use_true_random=False))
def test_the_order_of_arrival_does_not_matter(
    some: list[Event], more: list[Event], said: list[Event], chance: object
) -> None:
    both = some + more + said
    shuffled = list(both)
    chance.shuffle(shuffled)  # type: ignore[attr-defined]
    assert fold_all(NOBODY, shuffled) == fold_all(NOBODY, both)


@given(events, events)
def test_merging_two_histories_equals_having_lived_both(ours: list[Event], theirs: list[Event]) -> None:
    merged = merge(fold_all(NOBODY, ours), fold_all(NOBODY, theirs), NOW, MEMORY)
    assert merged == fold_all(NOBODY, ours + theirs)


@given(choices, choices)
def test_merging_two_consents_equals_having_said_both(ours: list[Event], theirs: list[Event]) -> None:
    merged = merge(fold_all(NOBODY, ours), fold_all(NOBODY, theirs), NOW, MEMORY)
    assert merged.consent == fold_all(NOBODY, ours + theirs).consent
    assert len(merged.consent) <= MAX_PURPOSES


@given(events, identifies)
def test_packing_keeps_everything(some: list[Event], more: list[Event]) -> None:
    profile = fold_all(NOBODY, some + more)
    assert unpack(pack(profile)) == profile


@given(events)
def test_totals_count_every_event_and_the_history_stays_bounded(some: list[Event]) -> None:
    profile = fold_all(NOBODY, some)
    for name, history in profile.events.items():
        same = [event for event in some if event.name == name]
        assert history.count == len(same)
        assert history.total == sum(to_parts(event.value) for event in same)
        assert len(history.recent) <= MEMORY.limit
        times = [moment.at for moment in history.recent]
        assert times == sorted(times)
        assert all(at >= NOW - MEMORY.retention_ms for at in times)


def test_only_indexed_properties_are_remembered() -> None:
    products = [{"category": "Home", "name": "Lamp"}, {"category": "Home"}, {"category": "Outdoor"}, "?", {}]
    order = track("Order Completed", products=products, coupon="X")
    moment = fold(NOBODY, order, MEMORY).events["Order Completed"].recent[0]
    assert moment.properties == {"products.category": ["Home", "Outdoor"]}
    viewed = track(category="x" * 300)
    assert fold(NOBODY, viewed, MEMORY).events["Product Viewed"].recent[0].properties == {}


def test_an_order_older_than_the_retention_counts_but_is_not_remembered() -> None:
    history = fold(NOBODY, track(ago=200 * DAY_MS, revenue=10), MEMORY).events["Product Viewed"]
    assert (history.count, history.total, history.recent) == (1, 100_000.0, [])


def test_a_profile_cannot_be_filled_without_end() -> None:
    profile = fold_all(NOBODY, [track(f"Name {number}") for number in range(MAX_NAMES + 50)])
    assert len(profile.events) == MAX_NAMES
    traits = {f"t{number}": number for number in range(MAX_TRAITS + 50)}
    event = Event(id="m", source="s", type="identify", name="Identified", at=NOW, received=NOW, traits=traits)
    assert len(fold(NOBODY, event, MEMORY).traits) == MAX_TRAITS


def test_an_idle_visitor_takes_less_than_a_kilobyte_and_a_busy_one_is_compressed() -> None:
    few = [track("Page Viewed", ago=number) for number in range(3)]
    assert len(pack(fold_all(NOBODY, few))) < 1_000
    memory = Memory(otherwise=("category", "price"))
    profile = NOBODY
    for number in range(200):
        profile = fold(profile, track(ago=number * 60_000, category="Outdoor", price=number), memory)
    packed = pack(profile)
    assert unpack(packed) == profile
    assert len(packed) < COMPRESS_ABOVE


def test_a_moment_is_recalled_by_its_time_its_worth_and_what_is_known_of_it() -> None:
    remembered = [Moment(1, 0.0, {}), Moment(2, 5.0, {"a": 1}), Moment(2, 5.0, {"a": 2}), Moment(3, 0.0, {"old": "x"})]
    known = [Moment(2, 5.0, {"a": 2, "b": "two"}), Moment(2, 5.0, {"a": 1, "b": "one"}), Moment(3, 0.0, {"b": "three"})]
    assert recall(remembered, [*known, Moment(4, 0.0, {"b": "unknown"})]) == [
        Moment(1, 0.0, {}),
        Moment(2, 5.0, {"a": 1, "b": "one"}),
        Moment(2, 5.0, {"a": 2, "b": "two"}),
        Moment(3, 0.0, {"old": "x", "b": "three"}),
    ]


def test_a_glance_at_a_packed_profile_leaves_out_what_was_done_and_nothing_else() -> None:
    trait, history = Trait("gold", 5), History(1, 0.0, 5, 5, [Moment(5, 0.0, {"category": "Outdoor"})])
    whole = Profile(
        id="0" * 32,
        user_id="u1",
        identifiers=("a:anna",),
        first_seen=1,
        last_seen=5,
        traits={"plan": trait},
        events={f"Event {number}": history for number in range(300)},  # large enough to be compressed
        segments={"keen:1": 5},
        cluster="c1",
        scores={"churn": 0.5},
        consent={"email": Trait(True, 5)},
    )
    for profile in (whole, msgspec.structs.replace(whole, events={})):
        assert unpack_without_events(pack(profile)) == msgspec.structs.replace(whole, events={})
        assert unpack(pack(profile)) == profile
