"""Which segments a profile is in: evaluates only what an event can have changed, in order of dependency. Pure."""

from collections.abc import Collection, Container, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from profiles.profile import Profile
from segments.conditions.calendar import UTC_CALENDAR, Calendar
from segments.conditions.language import BadCondition, Group, InSegment, Node, Problem
from segments.conditions.parse import parse_condition
from segments.conditions.python import Compiled, compile_condition

NO_CONTEXT: Mapping[str, Any] = {}
NOBODY = Profile(id="")


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
    """All segments that are kept up to date, compiled, by their keys. Build with `compile_segments`.

    `enrolled` are those whose people are put in one by one. `names` says of the keys that answer what segment they
    are; the others are being filled. `retired` are keys that some still carry, with what took their place. `held` are
    the positions of those that hold for somebody of whom nothing is known, at any time."""

    ordered: tuple[tuple[str, Compiled], ...] = ()
    by_event: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    by_trait: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    by_segment: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    enrolled: frozenset[str] = frozenset()
    names: Mapping[str, str] = field(default_factory=dict)
    retired: Mapping[str, str] = field(default_factory=dict)
    held: tuple[int, ...] = ()

    def affected(self, events: Iterable[str] = (), traits: Iterable[str] = (), keys: Iterable[str] = ()) -> list[int]:
        """Positions in `ordered` of the segments that could change with these event names, traits and segments."""
        found: set[int] = set()
        for name in events:
            found.update(self.by_event.get(name, ()))
        for name in traits:
            found.update(self.by_trait.get(name, ()))
        for key in (*keys, *(self.ordered[number][0] for number in found)):
            found.update(self.by_segment.get(key, ()))
        return sorted(found)

    def find(self, keys: Container[str]) -> list[int]:
        """Positions in `ordered` of the segments of `keys`."""
        return [number for number, (key, _) in enumerate(self.ordered) if key in keys]

    def say(self, keys: Iterable[str]) -> tuple[str, ...]:
        """The segments that are known by these keys; those that do not answer yet are not spoken of."""
        return tuple(self.names[key] for key in keys if key in self.names)

    def evaluate(
        self,
        profile: Profile,
        now: int,
        positions: Iterable[int] | None = None,
        changed: Container[str | None] | None = None,
    ) -> Membership:
        """The membership of `profile` at `now`, for the segments at `positions` (None: every one, and forget others).

        `changed` are the event names with a new event, None for new traits; moments of others are known."""
        segments, left = dict(profile.segments), []
        if positions is None:
            positions = range(len(self.ordered))
            known = {key for key, _ in self.ordered}
            for key in profile.segments:
                if key not in known and key not in self.enrolled and key not in self.retired:
                    del segments[key]
                    left.append(key)
        entered: list[str] = []
        flips_at: int | None = None
        has_ahead = profile.last_seen > now
        for number in positions:
            key, condition = self.ordered[number]
            news = changed
            if condition.matches(profile, segments, NO_CONTEXT, now):
                if key not in segments:
                    segments[key] = now
                    entered.append(key)
                    news = None  # while it did not hold, nobody asked when its other parts end
            else:
                if segments.pop(key, None) is not None:
                    left.append(key)
                if condition.only_fades and not has_ahead:
                    continue
            if condition.flips:
                at = condition.next_flip(profile, now, news)
                if at is not None and (flips_at is None or at < flips_at):
                    flips_at = at
        return Membership(segments, tuple(entered), tuple(left), flips_at)


def compile_segments(
    definitions: Mapping[str, object],
    *,
    calendar: Calendar = UTC_CALENDAR,
    refers: Mapping[str, Mapping[str, str]] | None = None,
    enrolled: Collection[str] = (),
    names: Mapping[str, str] | None = None,
    retired: Mapping[str, str] | None = None,
) -> Segments:
    """Compiles key -> condition tree; raises BadCondition or SegmentCycle. `refers` says by which key each key's
    condition asks for other segments; without it, and without `names`, a key is the segment's own name."""
    compiled = {}
    for key, tree in definitions.items():
        root = parse_condition(tree)
        compiled[key] = compile_condition(root if refers is None else refer(root, refers.get(key, {})), calendar)
    for key, condition in compiled.items():
        if condition.context:
            message = "a segment is about people, and the context is of one moment; ask for it in a rule"
            raise BadCondition([Problem(key, message)])
    order = _sort_by_dependency(compiled)
    by_event: dict[str, list[int]] = {}
    by_trait: dict[str, list[int]] = {}
    by_segment: dict[str, list[int]] = {}
    for number, key in enumerate(order):
        for name in compiled[key].events:
            by_event.setdefault(name, []).append(number)
        for name in compiled[key].traits:
            by_trait.setdefault(name, []).append(number)
        for other in _all_dependencies(key, compiled):
            by_segment.setdefault(other, []).append(number)
    held: dict[str, int] = {}
    for key in order:
        if compiled[key].matches(NOBODY, held, NO_CONTEXT, 0):
            held[key] = 0
    return Segments(
        ordered=tuple((key, compiled[key]) for key in order),
        by_event={name: tuple(numbers) for name, numbers in by_event.items()},
        by_trait={name: tuple(numbers) for name, numbers in by_trait.items()},
        by_segment={key: tuple(numbers) for key, numbers in by_segment.items()},
        enrolled=frozenset(enrolled),
        names={key: key for key in (*order, *enrolled)} if names is None else names,
        retired=retired or {},
        held=tuple(number for number, key in enumerate(order) if key in held),
    )


def refer(node: Node, keys: Mapping[str, str]) -> Node:
    """The condition with the segments it asks for by their keys; one without a key has nobody in it."""
    if isinstance(node, Group):
        return replace(node, children=tuple(refer(child, keys) for child in node.children))
    if isinstance(node, InSegment):
        return replace(node, segment=keys.get(node.segment, ""))
    return node


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
    """The segments that `slug` refers to, itself or through others, enrolled ones among them."""
    found: set[str] = set()
    waiting = sorted(compiled[slug].segments)
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += sorted(compiled[name].segments) if name in compiled else ()
    return found
