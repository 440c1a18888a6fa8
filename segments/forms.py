"""How an operator types a condition or another document: as JSON, refused with what is wrong, where, how to mend it."""

import json
import re
from datetime import UTC, datetime, timedelta
from typing import Any, NoReturn

import msgspec
from django import forms
from django.core.exceptions import ValidationError
from django.forms.fields import InvalidJSONInput
from django.utils import timezone
from django.utils.translation import gettext

from segments.conditions.language import BadCondition
from segments.conditions.operands import show
from segments.conditions.parse import parse_condition

ROWS = 18
READING_ORDER = (
    *("v", "root", "id", "kind", "event", "did", "trait", "field", "segment", "score", "lookalike", "property"),
    *("where", "within", "measure", "of", "op", "value", "window", "last", "amount", "unit", "this", "from", "to"),
    *("steps", "children"),
)
NUL = "\\u0000"
FIRST = datetime(1970, 1, 1, tzinfo=UTC)
DEEPEST = 100  # lists and objects in each other; no document needs half as many
MINUTE = timedelta(minutes=1)  # that the clock of a browser may be ahead

_HAS_NUL = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")  # the character, not the letters of its escape


class BadJson(ValueError):
    """The text is not JSON that can be stored; the message says where and why."""


def read_json(text: str) -> Any:
    """The value of a JSON text; raises BadJson with line and column where the reader stumbled."""
    try:
        value = json.loads(text, parse_constant=_refuse_constant, object_pairs_hook=_read_object)
        if _is_too_deep(value):  # for those who walk through it later
            raise RecursionError
    except json.JSONDecodeError as error:
        places = {"line": error.lineno, "column": error.colno, "why": f"{error.msg[0].lower()}{error.msg[1:]}"}
        message = gettext("Not JSON: line %(line)s, column %(column)s: %(why)s.") % places
        raise BadJson(message) from error
    except BadJson:
        raise
    except (ValueError, RecursionError) as error:
        raise BadJson(gettext("Not JSON: a number is too long, or lists and objects are nested too deep.")) from error
    try:
        encoded = msgspec.json.encode(value)
        if msgspec.json.decode(encoded) != value:  # as every process reads it when it is published
            raise ValueError("what is read differs from what was written")
    except (ValueError, RecursionError) as error:
        raise BadJson(
            gettext("A number is too large, or half of a surrogate pair (\\ud800 and the like) stands alone.")
        ) from error
    if _HAS_NUL.search(encoded):
        raise BadJson(gettext("The character %(nul)s cannot be stored; remove it.") % {"nul": NUL})
    return value


def _is_too_deep(value: Any) -> bool:
    level = [value]
    for _ in range(DEEPEST):
        containers = [each for each in level if isinstance(each, dict | list)]
        level = [inner for each in containers for inner in (each.values() if isinstance(each, dict) else each)]
        if not level:
            return False
    return True


def _read_object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object of keys that stand once: of two windows JSON itself would silently take the second."""
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise BadJson(gettext("The key %(key)s stands twice in one object; keep one of them.") % {"key": show(key)})
        found[key] = value
    return found


def _refuse_constant(name: str) -> NoReturn:
    raise BadJson(gettext("Not JSON: %(name)s is no number in JSON; use a number or leave it out.") % {"name": name})


class SourceText(forms.Textarea):
    """A text area for something one reads by columns."""

    def __init__(self, rows: int = ROWS) -> None:
        look = {"class": "vLargeTextField", "style": "font-family: monospace", "spellcheck": "false"}
        super().__init__({"rows": rows, "cols": 100, **look})


class DocumentField(forms.JSONField):
    """A JSON document that `check` is asked about. What was typed stays in the form, letter by letter."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"widget": SourceText(), **options})

    def check(self, document: Any) -> None:
        """Raises ValidationError with every problem."""
        raise NotImplementedError

    def to_python(self, value: Any) -> Any:
        if self.disabled or not isinstance(value, str):
            return value
        if not value.strip() or (not self.required and value.strip() == "null"):
            return None
        try:
            document = read_json(value)
        except BadJson as error:
            raise ValidationError(str(error), code="invalid") from error
        self.check(document)
        return document

    def prepare_value(self, value: Any) -> Any:
        if value is None or isinstance(value, InvalidJSONInput):
            return value
        return json.dumps(arrange(value), indent=2, ensure_ascii=False)

    def bound_data(self, data: Any, initial: Any) -> Any:
        return initial if self.disabled else None if data is None else InvalidJSONInput(data)


class ConditionField(DocumentField):
    """A condition of the language."""

    def check(self, document: Any) -> None:
        try:
            parse_condition(document)
        except BadCondition as error:
            raise ValidationError(list_problems(error), code="invalid") from error


class PastField(forms.DateTimeField):
    """A moment that is not still to come, in the organisation's time zone, to the second."""

    widget = forms.DateTimeInput({"type": "datetime-local", "step": "1"}, format="%Y-%m-%dT%H:%M:%S")
    input_formats = ("%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M:%S", "%Y-%m-%d")

    def clean(self, value: Any) -> datetime | None:
        at: datetime | None = super().clean(value)
        now = timezone.now().replace(microsecond=0)
        if at is not None and at > now + MINUTE:
            raise ValidationError(gettext("That is still to come; choose a past moment, or none for now."))
        if at is not None and at < FIRST:
            raise ValidationError(
                gettext("Nothing is known of that time; choose a moment after 1970, or none for now.")
            )
        return at if at is None else min(at, now)


def arrange(tree: Any) -> Any:
    """The same tree with its keys in the order in which one reads them; PostgreSQL keeps them by length."""
    if isinstance(tree, list):
        return [arrange(item) for item in tree]
    if not isinstance(tree, dict):
        return tree
    place = {key: number for number, key in enumerate(READING_ORDER)}
    keys = sorted(tree, key=lambda key: (place.get(key, len(place)), key))
    return {key: arrange(tree[key]) for key in keys}


def list_problems(error: BadCondition) -> list[str]:
    return [str(problem) for problem in error.problems]
