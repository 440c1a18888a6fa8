"""What every leaf of a condition compiles to, and the leaves that are about a fact as it stands."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from profiles.profile import Profile
from segments.conditions.calendar import Calendar
from segments.conditions.language import HOUR, WEEKDAY, HasScore, HasTrait, InCluster, InContext, InSegment, Test
from segments.conditions.values import Check, compile_test, compile_turns, turns_by_itself

# (profile, segments the person is in and since when, context, now in Unix milliseconds) -> does the condition hold?
Matches = Callable[[Profile, Mapping[str, int], Mapping[str, Any], int], bool]
# The same -> the value that was compared, None for a missing one; times are Unix milliseconds
Observe = Callable[[Profile, Mapping[str, int], Mapping[str, Any], int], Any]
# (profile, now) -> the next moment at which a part of the condition could turn without a new event, None for never
Flips = Callable[[Profile, int], int | None]


@dataclass(frozen=True)
class Part:
    """A leaf ready to run. `flips` says when time alone can turn it, by the name of the event whose coming moves that
    moment (None: a trait's). `only_fades`: while no event is dated ahead, time can end it but never begin it."""

    matches: Matches
    observe: Observe
    flips: tuple[tuple[str | None, Flips], ...] = ()
    only_fades: bool = True


def compile_trait(node: HasTrait, calendar: Calendar) -> Part:
    name, passes, turns = node.test.name, compile_test(node.test, calendar), compile_turns(node.test, calendar)

    def matches(profile: Profile, segments: Mapping[str, int], context: Mapping[str, Any], now: int) -> bool:
        trait = profile.traits.get(name)
        return passes(None if trait is None else trait.value, now)

    def observe(profile: Profile, segments: Mapping[str, int], context: Mapping[str, Any], now: int) -> Any:
        trait = profile.traits.get(name)
        return None if trait is None else trait.value

    def flips(profile: Profile, now: int) -> int | None:
        trait = profile.traits.get(name)
        return None if trait is None or turns is None else turns(trait.value, now)

    return Part(matches, observe, ((None, flips),) if turns else (), only_fades=not turns_by_itself(node.test))


def compile_context(node: InContext, calendar: Calendar) -> Part:
    read = _compile_field(node.test.name, calendar)
    return _compile_fact(node.test, calendar, lambda profile, context, now: read(context, now))


def compile_cluster(node: InCluster, calendar: Calendar) -> Part:
    return _compile_fact(node.test, calendar, lambda profile, context, now: profile.cluster)


def compile_score(node: HasScore, calendar: Calendar) -> Part:
    name = node.test.name
    return _compile_fact(node.test, calendar, lambda profile, context, now: profile.scores.get(name))


def compile_segment(node: InSegment) -> Part:
    slug = node.segment
    return Part(
        matches=lambda profile, segments, context, now: slug in segments,
        observe=lambda profile, segments, context, now: segments.get(slug),
    )


def _compile_fact(test: Test, calendar: Calendar, read: Callable[[Profile, Mapping[str, Any], int], Any]) -> Part:
    passes: Check = compile_test(test, calendar)
    return Part(
        matches=lambda profile, segments, context, now: passes(read(profile, context, now), now),
        observe=lambda profile, segments, context, now: read(profile, context, now),
    )


def _compile_field(field: str, calendar: Calendar) -> Callable[[Mapping[str, Any], int], Any]:
    """Reads a field of the context by its path, or works it out from the moment of the question."""
    if field == HOUR:
        return lambda context, now: calendar.hour(now)
    if field == WEEKDAY:
        return lambda context, now: calendar.weekday(now)
    path = tuple(field.split("."))

    def read(context: Mapping[str, Any], now: int) -> Any:
        value: Any = context
        for key in path:
            value = value.get(key) if isinstance(value, Mapping) else None
        return value

    return read
