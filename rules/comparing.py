"""How two definitions of the same thing differ, for people: conditions in words, texts line by line."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from difflib import SequenceMatcher
from typing import Any

from django.utils import timezone
from django.utils.text import capfirst
from django.utils.translation import gettext, ngettext, pgettext, pgettext_lazy
from django.utils.translation import gettext_noop as _

from profiles.writing import write_clock, write_number
from rules.describe import FIELDS
from segments.forms import arrange
from segments.in_words import say_stored
from segments.moments import say_moment

TEXTS = ("source", "subject", "text", "shape", "description")
MAX_LINES = 2_000  # of a text that is compared line by line
CONTEXT = 2  # lines around what differs
NAMES = {  # of fields, as parts of sentences
    "name": pgettext_lazy("a field", "name"),
    "kind": pgettext_lazy("a field", "kind"),
    "channel": pgettext_lazy("a field", "channel"),
    "kinds": pgettext_lazy("a field", "kinds"),
    "default": pgettext_lazy("a field", "default"),
    "slot": pgettext_lazy("a field", "slot"),
    "priority": pgettext_lazy("a field", "priority"),
    "weight": pgettext_lazy("a field", "weight"),
    "block": pgettext_lazy("a field", "block"),
    "offer": pgettext_lazy("a field", "offer"),
    "points": pgettext_lazy("a field", "points"),
    "every": pgettext_lazy("a field", "every"),
    "description": pgettext_lazy("a field", "description"),
    "subject": pgettext_lazy("a field", "subject"),
    "source": pgettext_lazy("a field", "source"),
    "text": pgettext_lazy("a field", "text"),
    "shape": pgettext_lazy("a field", "shape"),
    "fallback": pgettext_lazy("a field", "fallback"),
    "condition": pgettext_lazy("a field", "condition"),
    "as_of": pgettext_lazy("a field", "as of"),
    "starts": pgettext_lazy("a field", "starts"),
    "ends": pgettext_lazy("a field", "ends"),
    "zone": pgettext_lazy("a field", "zone"),
    "caps": pgettext_lazy("a field", "caps"),
    "purpose": pgettext_lazy("a field", "purpose"),
    "live": pgettext_lazy("a field", "live"),
}
VALUES = {  # of fields that are one of a few
    "condition": pgettext_lazy("a value", "condition"),
    "list": pgettext_lazy("a value", "list"),
    "snapshot": pgettext_lazy("a value", "snapshot"),
    "cluster": pgettext_lazy("a value", "cluster"),
    "lookalike": pgettext_lazy("a value", "lookalike"),
    "web": pgettext_lazy("a value", "web"),
    "email": pgettext_lazy("a value", "email"),
    "recommendation": pgettext_lazy("a value", "recommendation"),
    "code": pgettext_lazy("a value", "code"),
    "points": pgettext_lazy("a value", "points"),
    "early_access": pgettext_lazy("a value", "early_access"),
    "hour": pgettext_lazy("a value", "hour"),
    "day": pgettext_lazy("a value", "day"),
    "week": pgettext_lazy("a value", "week"),
    "campaign": pgettext_lazy("a value", "campaign"),
}
CAPS: Mapping[tuple[str, str], str] = {  # by their period, and of whom they are
    ("day", "person"): _("at most %(most)s per day for each person"),
    ("week", "person"): _("at most %(most)s per week for each person"),
    ("hour", "person"): _("at most %(most)s per hour for each person"),
    ("campaign", "person"): _("at most %(most)s in the whole campaign for each person"),
    ("day", "everybody"): _("at most %(most)s per day for everybody together"),
    ("week", "everybody"): _("at most %(most)s per week for everybody together"),
    ("hour", "everybody"): _("at most %(most)s per hour for everybody together"),
    ("campaign", "everybody"): _("at most %(most)s in the whole campaign for everybody together"),
}


@dataclass(frozen=True)
class Line:
    """A line of a text: `mark` is "+" where it came, "-" where it went, "…" where others are left out."""

    mark: str
    text: str


@dataclass(frozen=True)
class Difference:
    """One field that differs: what it said before and says after, and of texts the lines."""

    field: str
    before: str
    after: str
    lines: tuple[Line, ...] = ()

    @property
    def name(self) -> str:
        """What the field is called within a sentence."""
        return name_field(self.field)

    @property
    def label(self) -> str:
        return str(capfirst(self.name))


def name_field(field: str) -> str:
    return str(NAMES[field]) if field in NAMES else field.replace("_", " ")


def compare_definitions(
    kind: str, before: Mapping[str, Any] | None, after: Mapping[str, Any] | None
) -> list[Difference]:
    """Every field in which two definitions of that kind differ; None is one that is not there."""
    old, new = before or {}, after or {}
    fields = [field for field in FIELDS if (old.get(field) or None) != (new.get(field) or None)]
    return [_compare(kind, field, old.get(field), new.get(field)) for field in fields]


def _compare(kind: str, field: str, was: Any, now: Any) -> Difference:
    if field in TEXTS and "\n" in f"{_write(was)}{_write(now)}":
        old, new = _write(was).splitlines(), _write(now).splitlines()
        return Difference(field, _count(old), _count(new), tuple(compare_lines(old, new)))
    said, says = say_value(kind, field, was), say_value(kind, field, now)
    if said == says:
        says = gettext("%(said)s (in other terms)") % {"said": says}
    return Difference(field, said, says)


def say_value(kind: str, field: str, value: Any) -> str:
    """What a field says, in words."""
    if field == "condition":
        return _say_condition(kind, value)
    if value is None or value in ("", [], ()):
        return say_nothing()
    if isinstance(value, bool):
        return gettext("yes") if value else gettext("no")
    if field == "as_of":
        return say_moment(value)
    if field in ("starts", "ends"):
        return _say_clock(value)
    if field == "caps":
        return "; ".join(say_cap(cap) for cap in value)
    if field in ("kind", "kinds", "channel", "every"):
        return ", ".join(str(VALUES.get(each, each)) for each in ([value] if isinstance(value, str) else value))
    if isinstance(value, list | tuple):
        return ", ".join(str(each) for each in value)
    return _write(value)


def say_nothing() -> str:
    return pgettext("a field", "nothing")


def _say_clock(said: str) -> str:
    """A moment of a schedule as the clocks of its own zone show it; one in UTC as the organisation's do."""
    at = datetime.fromisoformat(said)
    at = at if at.utcoffset() else timezone.localtime(at)
    return f"{write_clock(at)} ({at.isoformat()[-6:]})"


def say_cap(cap: Mapping[str, Any]) -> str:
    """A cap in words, such as `at most 3 a day for each person`."""
    whom = "person" if cap.get("of", "person") == "person" else "everybody"
    said = CAPS.get((str(cap.get("per")), whom))
    most = write_number(cap["most"])
    return f"{most} / {cap.get('per')}" if said is None else gettext(said) % {"most": most}


def _say_condition(kind: str, tree: Any) -> str:
    if tree is None:
        return pgettext("a rule", "for everybody") if kind == "rule" else say_nothing()
    return say_stored(tree)


def _write(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(arrange(value), indent=2, ensure_ascii=False)


def _count(lines: list[str]) -> str:
    said = ngettext("%(count)s line", "%(count)s lines", len(lines)) % {"count": write_number(len(lines))}
    return said if lines else say_nothing()


def compare_lines(before: list[str], after: list[str]) -> Iterable[Line]:
    """The lines that came and went, with a few around; none of texts too long for it."""
    if len(before) > MAX_LINES or len(after) > MAX_LINES:
        yield Line("…", gettext("too long to be compared line by line"))
        return
    end = 0
    for group in SequenceMatcher(None, before, after).get_grouped_opcodes(CONTEXT):
        if group[0][1] > end:
            yield Line("…", "")
        for tag, start, stop, first, last in group:
            if tag == "equal":
                yield from (Line("", text) for text in before[start:stop])
            else:
                yield from (Line("-", text) for text in before[start:stop])
                yield from (Line("+", text) for text in after[first:last])
        end = group[-1][2]
    if end < len(before):
        yield Line("…", "")
