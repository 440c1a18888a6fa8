"""The leaf of events that follow each other: found backwards, from what ends a sequence to what begins it."""

from bisect import bisect_right
from collections.abc import Callable, Mapping
from typing import Any

from profiles.profile import Profile
from segments.conditions.calendar import Calendar
from segments.conditions.histories import compile_where, compile_where_turns, find_ahead, find_remembered, soonest
from segments.conditions.language import Sequence, Step
from segments.conditions.parts import Part
from segments.conditions.values import turns_by_itself
from segments.conditions.windows import compile_leaving, compile_window

# (profile, now) -> sorted moments of the events of one step
Times = Callable[[Profile, int], list[int]]


def compile_sequence(node: Sequence, calendar: Calendar) -> Part:
    """Holds when a first step inside the window begins a chain of all steps, each strictly after the one before it and
    no later than its `within`. A last step that must not happen is waited for until its time is over."""
    wanted, last = node.did, node.steps[-1]
    bounds, leaving = compile_window(node.window, calendar), compile_leaving(node.window, calendar)
    times = tuple(_compile_times(step, calendar) for step in node.steps)
    withins = tuple(step.within_ms or 0 for step in node.steps)
    names = tuple(dict.fromkeys(step.event for step in node.steps))
    turns = tuple((step.event, compile_where_turns(step.where, calendar)) for step in node.steps)

    def find_beginnings(profile: Profile, now: int) -> list[int]:
        if any(name not in profile.events for name in names if name != last.event or last.did):
            return []
        good = times[-1](profile, now)
        for number in range(len(times) - 2, -1, -1):
            follow = _unfollowed if number == len(times) - 2 and not last.did else _followed
            good = follow(times[number](profile, now), good, withins[number + 1], now)
            if not good:
                return []
        low, high = bounds(now)
        return [at for at in good if low <= at <= high]

    def observe(profile: Profile, segments: Mapping[str, int], context: Mapping[str, Any], now: int) -> int | None:
        found = find_beginnings(profile, now)
        return found[-1] if found else None

    def matches(profile: Profile, segments: Mapping[str, int], context: Mapping[str, Any], now: int) -> bool:
        return bool(find_beginnings(profile, now)) is wanted

    def flips(profile: Profile, now: int) -> int | None:
        found = find_beginnings(profile, now)
        moments = [leaving(found[-1], now)] if found else []
        for name in names:
            history = profile.events.get(name)
            if history is not None:
                moments += [each.at for each in find_ahead(history, now)[:1]]
        for name, turns_at in turns:
            history = profile.events.get(name)
            if history is not None and turns_at is not None:
                moments += [at for at in (turns_at(find_remembered(history, now), now),) if at is not None]
        if not last.did:
            waiting = (at + withins[-1] + 1 for at in times[-2](profile, now))
            moments += [at for at in (next((at for at in waiting if at > now), None),) if at is not None]
        return soonest(*moments)

    fades = wanted and last.did and not any(turns_by_itself(test) for step in node.steps for test in step.where)
    return Part(matches, observe, tuple((name, flips) for name in names), fades)


def _compile_times(step: Step, calendar: Calendar) -> Times:
    name, keep = step.event, compile_where(step.where, calendar)

    def times(profile: Profile, now: int) -> list[int]:
        history = profile.events.get(name)
        if history is None:
            return []
        moments = find_remembered(history, now)
        return [moment.at for moment in (moments if keep is None else keep(moments, now))]

    return times


def _followed(times: list[int], good: list[int], within: int, now: int) -> list[int]:
    """Those of `times` that one of `good` follows in time."""
    return [at for at in times if (place := bisect_right(good, at)) < len(good) and good[place] <= at + within]


def _unfollowed(times: list[int], others: list[int], within: int, now: int) -> list[int]:
    """Those of `times` that none of `others` followed, once it is too late for one."""
    over = [at for at in times if at + within < now]
    return [at for at in over if (place := bisect_right(others, at)) == len(others) or others[place] > at + within]
