"""An undone merge restores exactly what would have been: merging and parting equals never having merged."""

from hypothesis import Phase, given, settings
from hypothesis import event as note
from hypothesis import strategies as st

from ingestion.steps import Definitions
from profiles.profile import Memory
from segments.membership import compile_segments
from tests.processing import lives
from tests.processing.harness import HOUR, Harness
from tests.processing.lives import LINKS, PRELUDE, Act, Apart, list_undoable, play, play_merging
from tests.processing.parting import undo

# Fewer than people do, so that what is forgotten has to be the same too.
DEFINITIONS = Definitions(Memory(otherwise=("category",), limit=4), compile_segments(lives.SEGMENTS))

_delays = st.sampled_from(lives.DELAYS)
_visits = st.builds(
    Act,
    _delays,
    st.sampled_from(lives.VISITS),
    st.sampled_from(lives.NAMES),
    st.sampled_from(lives.LATE),
    st.sampled_from(lives.DETAILS),
)
_aliases = st.builds(
    Act, _delays, st.sampled_from(lives.ALIASES), st.just("Aliased"), st.just(0), st.sampled_from(lives.PREVIOUS)
)
acts = st.one_of([_visits] * 9 + [_aliases])


def begin(partitions: int, apart: Apart | None = None) -> Harness:
    harness = Harness(partitions=partitions, loses=(apart or Apart()).loses)
    harness.definitions = DEFINITIONS
    return harness


@given(
    partitions=st.sampled_from([1, 5, 8]),
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
    lived = begin(partitions)
    played = play_merging(lived, [*PRELUDE, *before, link, *during])
    merges = list_undoable(lived)
    note(f"{len(merges)} merges")
    if not merges:
        return
    merge = merges[which % len(merges)]
    apart = Apart([merge])
    never = begin(partitions, apart)
    play(never, played)
    undo(lived, merge)
    apart.keep(never, merge)
    expect_the_same(lived, never)
    for world in (lived, never):
        play(world, after)
    expect_the_same(lived, never)
    for world in (lived, never):
        world.pass_time(world.now + 30 * HOUR)
    expect_the_same(lived, never)


def expect_the_same(lived: Harness, never: Harness) -> None:
    assert lived.people() == never.people()
    assert lived.links() == never.links()
