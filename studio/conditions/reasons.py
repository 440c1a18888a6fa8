"""What was found of one person at a row, in a few words: “Product Viewed 7 times (needs 3)”."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_noop as _

from profiles.writing import write_minute, write_number
from segments.conditions.explain import Explained
from segments.conditions.language import (
    LOOKALIKE,
    Did,
    DidWhen,
    HasScore,
    HasTrait,
    InCluster,
    InContext,
    InSegment,
    Leaf,
    Sequence,
)
from segments.conditions.words import say_condition
from studio.masking import HIDDEN, mask_values
from studio.numbers import say_number
from studio.private import Private, find_hidden, hides_finding

MAX_SHOWN = 120  # letters of a value


@dataclass(frozen=True)
class Reader:
    """For whom it is said: what is private from them, and the rows whose answers are withheld."""

    personal: bool
    private: Private
    withheld: frozenset[str] = frozenset()


def read_as(*, personal: bool, withheld: frozenset[str] = frozenset()) -> Reader:
    return Reader(personal, find_hidden(sees=personal), withheld)


def say_found(leaf: Leaf, told: Explained, reader: Reader) -> tuple[str, str]:
    """What was found, and what it takes."""
    if leaf.id in reader.withheld:
        return gettext("%(row)s: not told, as so few people match") % {"row": say_condition(leaf)}, ""
    observed = HIDDEN if hides_finding(leaf, reader.private) else told.observed
    return _say(leaf, observed, reader.personal), gettext("(needs %(needs)s)") % {"needs": _say_needs(leaf)}


def _say_needs(leaf: Leaf) -> str:
    """A number where it says enough, else the whole row."""
    if not isinstance(leaf, Did) or not leaf.did or leaf.op not in _NUMBERS or isinstance(leaf.value, tuple):
        return say_condition(leaf)
    return gettext(_NUMBERS[leaf.op]) % {"value": say_number(leaf.value)}


_NUMBERS = {
    "at_least": _("%(value)s"),
    "at_most": _("at most %(value)s"),
    "exactly": _("exactly %(value)s"),
    "more_than": _("more than %(value)s"),
    "less_than": _("fewer than %(value)s"),
}


def _say(leaf: Leaf, observed: Any, personal: bool) -> str:
    match leaf:
        case Did(measure="count", event=event):
            number = int(observed or 0)
            said = ngettext("%(event)s %(count)s time", "%(event)s %(count)s times", number)
            return said % {"event": event, "count": write_number(number)}
        case Did(measure="sum", event=event, of=of):
            return gettext("%(event)s: %(of)s adds up to %(sum)s") % {
                "event": event,
                "of": of,
                "sum": observed if observed == HIDDEN else say_number(observed),
            }
        case Did(event=event, of=of):
            number = int(observed or 0)
            said = ngettext("%(event)s: %(count)s value of %(of)s", "%(event)s: %(count)s values of %(of)s", number)
            return said % {"event": event, "of": of, "count": write_number(number)}
        case DidWhen(event=event, which=which):
            if observed is None:
                return gettext("%(event)s: never") % {"event": event}
            first, last = gettext("%(event)s first on %(when)s"), gettext("%(event)s last on %(when)s")
            return (first if which == "first" else last) % {"event": event, "when": _moment(observed)}
        case Sequence(steps=steps):
            if observed is None:
                return gettext("No such sequence from %(event)s on") % {"event": steps[0].event}
            return gettext("Sequence that began on %(when)s") % {"when": _moment(observed)}
        case InSegment(segment=segment):
            if not isinstance(observed, int):
                return gettext("Not in %(segment)s") % {"segment": segment}
            return gettext("In %(segment)s since %(when)s") % {"segment": segment, "when": _moment(observed)}
        case InContext(test=test):
            return gettext("%(name)s: depends on the visit") % {"name": test.name}
        case InCluster():
            name = gettext("cluster")
        case HasScore(test=test):
            name = test.name.removeprefix(LOOKALIKE)
        case HasTrait(test=test):
            name = test.name
            observed = observed if personal else mask_values(observed, test.name)
    if observed is None:
        return gettext("%(name)s is not known") % {"name": name}
    return gettext("%(name)s is %(value)s") % {"name": name, "value": _value(observed)}


def _value(value: Any) -> str:
    if isinstance(value, list | tuple):
        return ", ".join(map(_value, value))[:MAX_SHOWN]
    if isinstance(value, bool):
        return gettext("yes") if value else gettext("no")
    if isinstance(value, int | float):
        return say_number(value)
    return gettext("“%(name)s”") % {"name": str(value)[:MAX_SHOWN]}


def _moment(at: int) -> str:
    return write_minute(datetime.fromtimestamp(at / 1000, UTC))
