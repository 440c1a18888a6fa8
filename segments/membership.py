"""Which segments a profile is in: evaluates only what an event can have changed, in order of dependency. Pure."""

from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from profiles.profile import Profile
from segments.conditions.language import BadCondition, Problem
from segments.conditions.parse import parse_condition
from segments.conditions.python import Compiled, compile_condition

NO_CONTEXT: Mapping[str, Any] = {}


class SegmentCycle(ValueError):
    """Segments refer to each other in a circle, so that none of them can be decided first."""


class Membership(NamedTuple):
    """The segments after an evaluation, what changed, and the next moment one could flip without an event."""

    segments: dict[str, int]
    entered: tuple[str, ...]
    left: tuple[str, ...]
    flips_at: int | None


@dataclass(frozen=True)
class Segments:
    """All live segments, compiled. Build with `compile_segments`."""

    ordered: tuple[tuple[str, Compiled], ...] = ()
    by_event: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    by_trait: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    dependents: Mapping[int, tuple[int, ...]] = field(default_factory=dict)

    def affected(self, events: Iterable[str], traits: Iterable[str]) -> list[int]:
        """Positions in `ordered` of the segments that could change with these event names and traits."""
        found: set[int] = set()
        for name in events:
            found.update(self.by_event.get(name, ()))
        for name in traits:
            found.update(self.by_trait.get(name, ()))
        for number in tuple(found):
            found.update(self.dependents.get(number, ()))
        return sorted(found)

    def evaluate(
        self,
        profile: Profile,
        now: int,
        positions: Iterable[int] | None = None,
        changed: Container[str | None] | None = None,
    ) -> Membership:
        """The membership of `profile` at `now`, for the segments at `positions` (None: every one, and forget others).

        `changed` are the event names with a new event, None for new traits; moments of others are known."""
        if positions is None:
            positions = range(len(self.ordered))
            live = {slug for slug, _ in self.ordered}
            segments = {slug: at for slug, at in profile.segments.items() if slug in live}
            left = [slug for slug in profile.segments if slug not in live]
        else:
            segments, left = dict(profile.segments), []
        entered: list[str] = []
        flips_at: int | None = None
        has_ahead = profile.last_seen > now
        for number in positions:
            slug, condition = self.ordered[number]
            if condition.matches(profile, segments, NO_CONTEXT, now):
                if slug not in segments:
                    segments[slug] = now
                    entered.append(slug)
            else:
                if segments.pop(slug, None) is not None:
                    left.append(slug)
                if condition.only_fades and not has_ahead:
                    continue
            if condition.flips:
                at = condition.next_flip(profile, now, changed)
                if at is not None and (flips_at is None or at < flips_at):
                    flips_at = at
        return Membership(segments, tuple(entered), tuple(left), flips_at)


def compile_segments(definitions: Mapping[str, object]) -> Segments:
    """Compiles slug -> condition tree; raises BadCondition or SegmentCycle."""
    compiled = {slug: compile_condition(parse_condition(tree)) for slug, tree in definitions.items()}
    for slug, condition in compiled.items():
        if condition.context:
            message = "a segment is about people, and the context is of one moment; ask for it in a rule"
            raise BadCondition([Problem(slug, message)])
    order = _sort_by_dependency(compiled)
    position = {slug: number for number, slug in enumerate(order)}
    by_event: dict[str, list[int]] = {}
    by_trait: dict[str, list[int]] = {}
    dependents: dict[int, set[int]] = {}
    for number, slug in enumerate(order):
        for name in compiled[slug].events:
            by_event.setdefault(name, []).append(number)
        for name in compiled[slug].traits:
            by_trait.setdefault(name, []).append(number)
        for dependency in _all_dependencies(slug, compiled):
            dependents.setdefault(position[dependency], set()).add(number)
    return Segments(
        ordered=tuple((slug, compiled[slug]) for slug in order),
        by_event={name: tuple(numbers) for name, numbers in by_event.items()},
        by_trait={name: tuple(numbers) for name, numbers in by_trait.items()},
        dependents={number: tuple(numbers) for number, numbers in dependents.items()},
    )


def _sort_by_dependency(compiled: Mapping[str, Compiled]) -> list[str]:
    done: list[str] = []
    state: dict[str, bool] = {}  # False while its dependencies are visited, True when placed
    for start in sorted(compiled):
        stack = [(start, iter(_known(start, compiled)))]
        state.setdefault(start, False)
        while stack:
            slug, waiting = stack[-1]
            if state[slug]:
                stack.pop()
                continue
            following = next(waiting, None)
            if following is None:
                state[slug] = True
                done.append(slug)
                stack.pop()
            elif state.get(following) is False:
                raise SegmentCycle(f"segments {slug} and {following} refer to each other; remove one reference")
            elif following not in state:
                state[following] = False
                stack.append((following, iter(_known(following, compiled))))
    return done


def _known(slug: str, compiled: Mapping[str, Compiled]) -> list[str]:
    """The segments `slug` refers to that exist; a missing one never matches."""
    return sorted(name for name in compiled[slug].segments if name in compiled)


def _all_dependencies(slug: str, compiled: Mapping[str, Compiled]) -> set[str]:
    found: set[str] = set()
    waiting = _known(slug, compiled)
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += _known(name, compiled)
    return found
