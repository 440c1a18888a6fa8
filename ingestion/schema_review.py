"""What keeps a JSON document from being a schema of the catalogue: what, where, and how to mend it."""

from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any, get_args

from django.utils.translation import gettext
from django.utils.translation import gettext_noop as _

from ingestion.parse_schema import SchemaType, read_schema

MAX_DEPTH = 8  # objects inside each other, as in events

EXPECTED: Mapping[str, str] = {
    "type": _("one of %(types)s"),
    "required": _("a list of property names"),
    "properties": _("an object with a schema per property name"),
    "enum": _("a list of the texts, numbers, booleans and null that are allowed"),
    "minimum": _("a number"),
    "maximum": _("a number"),
    "maxLength": _("a whole number"),
    "strict": _("true or false"),
    "title": _("a text"),
    "description": _("a text"),
}


def find_schema_problem(document: object, place: str = "", depth: int = 0) -> str | None:
    """The first problem in words, with its place (`properties.price`); None when the document is a schema."""
    here = place or gettext("The schema")
    if depth > MAX_DEPTH:
        said = gettext("%(place)s lies deeper than the %(most)s levels an event may have; leave it out.")
        return said % {"place": here, "most": MAX_DEPTH}
    if not isinstance(document, dict):
        return gettext('%(place)s must be an object, such as {"type": "string"}.') % {"place": here}
    for key, value in document.items():
        if problem := _find_keyword_problem(key, value, top=not place):
            return gettext("%(place)s: %(problem)s") % {"place": here, "problem": problem}
    if _is_above(document.get("minimum"), document.get("maximum")):
        said = gettext("%(place)s: nothing fits, as “minimum” is above “maximum”; exchange them.")
        return said % {"place": here}
    for name, inner in document.get("properties", {}).items():
        if problem := find_schema_problem(inner, f"{place or 'properties'}.{name}", depth + 1):
            return problem
    return None


def _find_keyword_problem(key: str, value: Any, *, top: bool) -> str | None:
    if key not in EXPECTED:
        close = get_close_matches(key, EXPECTED, 1)
        if close:
            return gettext("“%(key)s” is not understood; use %(other)s.") % {"key": key, "other": close[0]}
        said = gettext("“%(key)s” is not understood; use one of %(others)s.")
        return said % {"key": key, "others": ", ".join(EXPECTED)}
    if key == "strict" and not top:
        return gettext("“strict” counts at the top only; move it there.")
    if key == "properties":
        return None if isinstance(value, dict) else _say_expected(key)
    if key == "enum" and value == []:
        return gettext("nothing fits an empty “enum”; name what is allowed, or leave it out.")
    try:
        read_schema({key: value})
    except ValueError:
        return _say_expected(key)
    return None


def _say_expected(key: str) -> str:
    expected = gettext(EXPECTED[key]) % {"types": ", ".join(get_args(SchemaType))}
    return gettext("“%(key)s” must be %(expected)s.") % {"key": key, "expected": expected}


def _is_above(low: Any, high: Any) -> bool:
    return low is not None and high is not None and low > high
