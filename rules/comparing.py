"""How two definitions of the same thing differ, for people: conditions in words, texts line by line."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from difflib import SequenceMatcher
from typing import Any

from django.utils.formats import date_format

from rules.checking import say_whom
from rules.describe import FIELDS
from segments.forms import arrange
from segments.in_words import say_stored
from segments.moments import say_moment

TEXTS = ("source", "subject", "text", "shape", "description")
MAX_LINES = 2_000  # of a text that is compared line by line
CONTEXT = 2  # lines around what differs
NOTHING = "nothing"


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
    def label(self) -> str:
        return self.field.replace("_", " ").capitalize()


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
    return Difference(field, said, f"{says} (in other terms)" if said == says else says)


def say_value(kind: str, field: str, value: Any) -> str:
    """What a field says, in words."""
    if field == "condition":
        return _say_condition(kind, value)
    if value is None or value in ("", [], ()):
        return NOTHING
    if isinstance(value, bool):
        return "yes" if value else "no"
    if field == "as_of":
        return say_moment(value)
    if field in ("starts", "ends"):
        return _say_clock(value)
    if field == "caps":
        return "; ".join(say_cap(cap) for cap in value)
    if isinstance(value, list | tuple):
        return ", ".join(str(each) for each in value)
    return _write(value)


def _say_clock(said: str) -> str:
    """A moment of a schedule as the clocks of its own zone show it."""
    at = datetime.fromisoformat(said)
    return f"{date_format(at, 'j M Y, H:i:s')} ({at.isoformat()[-6:]})"


def say_cap(cap: Mapping[str, Any]) -> str:
    """A cap in words, such as `at most 3 a day for each person`."""
    period = "in the whole campaign" if cap.get("per") == "campaign" else f"per {cap.get('per')}"
    return f"at most {cap.get('most'):,} {period} for {say_whom(str(cap.get('of', 'person')))}"


def _say_condition(kind: str, tree: Any) -> str:
    if tree is None:
        return "for everybody" if kind == "rule" else NOTHING
    return say_stored(tree)


def _write(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(arrange(value), indent=2, ensure_ascii=False)


def _count(lines: list[str]) -> str:
    return f"{len(lines):,} line{'' if len(lines) == 1 else 's'}" if lines else NOTHING


def compare_lines(before: list[str], after: list[str]) -> Iterable[Line]:
    """The lines that came and went, with a few around; none of texts too long for it."""
    if len(before) > MAX_LINES or len(after) > MAX_LINES:
        yield Line("…", "too long to be compared line by line")
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
