"""A condition in plain words: the same sentence wherever it is shown, in the reader's language.

Every phrase is whole and has named places, so that a translator may order it anew; what is put into them are names,
values and other whole phrases."""

from collections.abc import Callable, Sequence
from functools import reduce
from math import ceil
from typing import Any

from django.utils.dates import WEEKDAYS
from django.utils.text import get_text_list
from django.utils.translation import gettext, ngettext, pgettext
from django.utils.translation import gettext_noop as _

from segments.conditions.language import (
    HOUR,
    LOOKALIKE,
    UNITS,
    WEEKDAY,
    Dates,
    Did,
    DidWhen,
    Group,
    HasScore,
    HasTrait,
    InCluster,
    InContext,
    InSegment,
    Last,
    Node,
    Step,
    Test,
    This,
    Window,
)
from segments.conditions.language import Sequence as SequenceNode

# Events that everybody has a word for: somebody did it, somebody did not. The others are called by their names.
_DEEDS: dict[str, tuple[str, str]] = {
    "Order Completed": (_("bought"), _("did not buy")),
    "Product Viewed": (_("viewed a product"), _("did not view a product")),
    "Product Added": (_("added a product to the cart"), _("did not add a product to the cart")),
    "Product Removed": (_("removed a product from the cart"), _("did not remove a product from the cart")),
    "Cart Viewed": (_("viewed the cart"), _("did not view the cart")),
    "Checkout Started": (_("started to check out"), _("did not start to check out")),
    "Page Viewed": (_("viewed a page"), _("did not view a page")),
    "Screen Viewed": (_("viewed a screen"), _("did not view a screen")),
}

_COUNTED: dict[str, Callable[[int], str]] = {
    "at_least": lambda n: ngettext("%(did)s at least %(value)s time", "%(did)s at least %(value)s times", n),
    "at_most": lambda n: ngettext("%(did)s at most %(value)s time", "%(did)s at most %(value)s times", n),
    "exactly": lambda n: ngettext("%(did)s exactly %(value)s time", "%(did)s exactly %(value)s times", n),
    "more_than": lambda n: ngettext("%(did)s more than %(value)s time", "%(did)s more than %(value)s times", n),
    "less_than": lambda n: ngettext("%(did)s fewer than %(value)s time", "%(did)s fewer than %(value)s times", n),
    "between": lambda n: ngettext(
        "%(did)s between %(low)s and %(high)s time", "%(did)s between %(low)s and %(high)s times", n
    ),
}
_SUMMED: dict[str, str] = {
    "at_least": _("%(did)s with a total %(of)s of at least %(value)s"),
    "at_most": _("%(did)s with a total %(of)s of at most %(value)s"),
    "exactly": _("%(did)s with a total %(of)s of exactly %(value)s"),
    "more_than": _("%(did)s with a total %(of)s of more than %(value)s"),
    "less_than": _("%(did)s with a total %(of)s of less than %(value)s"),
    "between": _("%(did)s with a total %(of)s between %(low)s and %(high)s"),
}
_DISTINCT: dict[str, Callable[[int], str]] = {
    "at_least": lambda n: ngettext(
        "%(did)s with at least %(value)s different %(of)s",
        "%(did)s with at least %(value)s different values of %(of)s",
        n,
    ),
    "at_most": lambda n: ngettext(
        "%(did)s with at most %(value)s different %(of)s",
        "%(did)s with at most %(value)s different values of %(of)s",
        n,
    ),
    "exactly": lambda n: ngettext(
        "%(did)s with exactly %(value)s different %(of)s",
        "%(did)s with exactly %(value)s different values of %(of)s",
        n,
    ),
    "more_than": lambda n: ngettext(
        "%(did)s with more than %(value)s different %(of)s",
        "%(did)s with more than %(value)s different values of %(of)s",
        n,
    ),
    "less_than": lambda n: ngettext(
        "%(did)s with fewer than %(value)s different %(of)s",
        "%(did)s with fewer than %(value)s different values of %(of)s",
        n,
    ),
    "between": lambda n: ngettext(
        "%(did)s with between %(low)s and %(high)s different %(of)s",
        "%(did)s with between %(low)s and %(high)s different values of %(of)s",
        n,
    ),
}
_FIRST: dict[str, str] = {
    "before": _("%(did)s for the first time before %(value)s"),
    "after": _("%(did)s for the first time after %(value)s"),
    "between": _("%(did)s for the first time from %(low)s to %(high)s"),
    "within_last": _("%(did)s for the first time within the last %(length)s"),
    "longer_ago_than": _("%(did)s for the first time more than %(length)s ago"),
}
_LAST: dict[str, str] = {
    "before": _("%(did)s for the last time before %(value)s"),
    "after": _("%(did)s for the last time after %(value)s"),
    "between": _("%(did)s for the last time from %(low)s to %(high)s"),
    "within_last": _("%(did)s for the last time within the last %(length)s"),
    "longer_ago_than": _("%(did)s for the last time more than %(length)s ago"),
}
_TESTS: dict[str, str] = {
    "is": _("%(name)s is %(value)s"),
    "is_not": _("%(name)s is not %(value)s"),
    "in": _("%(name)s is %(value)s"),
    "contains": _("%(name)s contains %(value)s"),
    "starts_with": _("%(name)s starts with %(value)s"),
    "exists": _("%(name)s is known"),
    "at_least": _("%(name)s is at least %(value)s"),
    "at_most": _("%(name)s is at most %(value)s"),
    "more_than": _("%(name)s is more than %(value)s"),
    "less_than": _("%(name)s is less than %(value)s"),
    "between": _("%(name)s is between %(low)s and %(high)s"),
    "before": _("%(name)s is before %(value)s"),
    "after": _("%(name)s is after %(value)s"),
    "within_last": _("%(name)s is within the last %(length)s"),
    "longer_ago_than": _("%(name)s is more than %(length)s ago"),
    "within_next": _("%(name)s is within the next %(length)s"),
}
_THIS = {"day": _("today"), "week": _("this week"), "month": _("this month")}
# A deed with when and where: in which of the two it has.
_PLACED: dict[tuple[bool, bool], str] = {
    (False, False): _("%(deed)s"),
    (True, False): _("%(deed)s %(window)s"),
    (False, True): _("%(deed)s where %(where)s"),
    (True, True): _("%(deed)s %(window)s where %(where)s"),
}


def say_condition(node: Node) -> str:
    """One sentence without a full stop, such as `viewed a product at least 3 times in the last 30 days`."""
    match node:
        case Group(kind="not", children=children):
            return gettext("not (%(part)s)") % {"part": _alternatives([_part(child) for child in children])}
        case Group(kind="or", children=children):
            return _alternatives([_part(child) for child in children])
        case Group(children=children):
            return _together([_part(child) for child in children])
        case Did():
            return _say_did(node)
        case DidWhen():
            phrases = _FIRST if node.which == "first" else _LAST
            return gettext(phrases[node.test.op]) % {"did": _deed(node.event, node.did), **_values(node.test)}
        case SequenceNode():
            return _say_sequence(node)
        case HasTrait(test=test) | InContext(test=test) | InCluster(test=test) | HasScore(test=test):
            return _say_test(test, _name_of(node))
        case InSegment(segment=segment):
            return gettext("is in %(segment)s") % {"segment": segment}


def _part(node: Node) -> str:
    said = say_condition(node)
    needs_brackets = isinstance(node, Group) and node.kind != "not" and len(node.children) > 1
    return f"({said})" if needs_brackets else said


def _together(parts: Sequence[str]) -> str:
    return reduce(lambda left, right: gettext("%(left)s and %(right)s") % {"left": left, "right": right}, parts)


def _alternatives(parts: Sequence[str]) -> str:
    return reduce(lambda left, right: gettext("%(left)s or %(right)s") % {"left": left, "right": right}, parts)


def _say_did(node: Did) -> str:
    low, high = node.value if isinstance(node.value, tuple) else (node.value, node.value)
    places = {
        "did": _deed(node.event, node.did),
        "of": node.of or "",
        "value": _number(low),
        "low": _number(low),
        "high": _number(high),
    }
    if node.measure == "sum":
        said = gettext(_SUMMED[node.op]) % places
    elif node.measure == "distinct":
        said = _DISTINCT[node.op](ceil(abs(high))) % places
    elif (node.op, node.value) == ("at_least", 1):
        said = places["did"]
    else:
        said = _COUNTED[node.op](ceil(abs(high))) % places
    return _place(said, gettext("at any time") if node.window is None else _say_window(node.window), node.where)


def _place(deed: str, window: str, where: Sequence[Test]) -> str:
    tests = [_say_test(test, test.name) for test in where]
    phrase = gettext(_PLACED[bool(window), bool(tests)])
    return phrase % {"deed": deed, "window": window, "where": _together(tests) if tests else ""}


def _deed(event: str, did: bool) -> str:
    if event in _DEEDS:
        return gettext(_DEEDS[event][not did])
    return (gettext("did “%(event)s”") if did else gettext("did not do “%(event)s”")) % {"event": event}


def _say_sequence(node: SequenceNode) -> str:
    first, *others = node.steps
    said = _place(_deed(first.event, True), _say_window(node.window), first.where)
    for step in others:
        said = gettext("%(before)s, then %(step)s") % {"before": said, "step": _say_step(step)}
    return said if node.did else gettext("not (%(part)s)") % {"part": said}


def _say_step(step: Step) -> str:
    window = gettext("within %(length)s") % {"length": _length(step.within_ms or 0)}
    return _place(_deed(step.event, step.did), window, step.where)


def _name_of(node: HasTrait | InContext | InCluster | HasScore) -> str:
    match node:
        case InCluster():
            return gettext("the cluster")
        case HasScore(test=test) if test.name.startswith(LOOKALIKE):
            return gettext("the likeness to “%(lookalike)s”") % {"lookalike": test.name.removeprefix(LOOKALIKE)}
        case HasScore(test=test):
            return gettext("the score “%(score)s”") % {"score": test.name}
        case InContext(test=test) if test.name == HOUR:
            return gettext("the hour")
        case InContext(test=test) if test.name == WEEKDAY:
            return gettext("the weekday")
    return node.test.name


def _say_test(test: Test, name: str) -> str:
    if test.op != "anniversary":
        return gettext(_TESTS[test.op]) % {"name": name, **_values(test)}
    if test.value == 0:
        return gettext("%(name)s has its anniversary today") % {"name": name}
    ahead: Any = test.value
    phrase = ngettext(
        "%(name)s has its anniversary today or in the next %(days)s day",
        "%(name)s has its anniversary today or in the next %(days)s days",
        ahead,
    )
    return phrase % {"name": name, "days": ahead}


def _values(test: Test) -> dict[str, str]:
    """What the places of a test's phrase are filled with."""
    value: Any = test.value
    if value is None:
        return {}
    if test.op in ("within_last", "longer_ago_than", "within_next"):
        return {"length": _length(value)}
    if test.asks_date:
        low, high = value if isinstance(value, tuple) else (value, value)
        return {"value": low, "low": low, "high": high}
    say = _say_weekday if test.name == WEEKDAY else _say_value
    if test.op == "between":
        return {"low": say(value[0]), "high": say(value[1])}
    return {
        "value": get_text_list([say(each) for each in value], gettext("or")) if isinstance(value, tuple) else say(value)
    }


def _say_weekday(value: object) -> str:
    return str(WEEKDAYS[int(value) - 1]) if value in range(1, 8) else _say_value(value)  # type: ignore[call-overload]  # a number from 1 to 7


def _say_value(value: object) -> str:
    if isinstance(value, bool):
        return pgettext("value", "true") if value else pgettext("value", "false")
    return gettext("“%(name)s”") % {"name": value} if isinstance(value, str) else _number(value)


def _number(value: Any) -> str:
    """Every digit that matters, and no more."""
    return str(int(value)) if value == int(value) else repr(value)


def _say_window(window: Window) -> str:
    match window:
        case Last(ms=ms) if ms == UNITS["hours"]:
            return gettext("in the last hour")
        case Last(ms=ms) if ms == UNITS["minutes"]:
            return gettext("in the last 1 minute")  # the length is said with it: languages bend both
        case Last(ms=ms):
            return gettext("in the last %(length)s") % {"length": _length(ms)}
        case This(unit=unit):
            return gettext(_THIS[unit])
        case Dates(start=start, end=None):
            return gettext("since %(start)s") % {"start": start}
        case Dates(start=None, end=end):
            return gettext("until %(end)s") % {"end": end}
        case Dates(start=start, end=end):
            return gettext("from %(start)s to %(end)s") % {"start": start, "end": end}


def _length(ms: int) -> str:
    """In the longest unit that says it without a fraction; a single day is 24 hours, since it need not be today."""
    days, hours, minutes = (ms / UNITS[unit] for unit in ("days", "hours", "minutes"))
    if days == int(days) and days > 1:
        return ngettext("%(count)s day", "%(count)s days", int(days)) % {"count": _number(days)}
    if hours == int(hours) and hours > 0:
        return ngettext("%(count)s hour", "%(count)s hours", int(hours)) % {"count": _number(hours)}
    return ngettext("%(count)s minute", "%(count)s minutes", ceil(minutes)) % {"count": f"{minutes:g}"}
