"""What is wrong with a block while somebody writes it: everything at once, each with its line where that is known."""

import json
import re
from typing import Any, NamedTuple

from django.utils.translation import gettext
from liquid.exceptions import LiquidError

from rules.definitions import BlockDefinition
from rules.fallbacks import MAIL_LINKS, list_gaps
from rules.liquid import BadBlock, parse_template
from rules.render import compile_block

MOST = 50  # that are said at once

_AT = re.compile(r"Liquid: line (\d+), column (\d+): ", re.DOTALL)


class Problem(NamedTuple):
    """`field` is the part of the block it is in; `line` and `column` count from 1, None where no place is known."""

    field: str
    message: str
    line: int | None = None
    column: int | None = None


def find_problems(definition: BlockDefinition) -> list[Problem]:
    """Everything that speaks against a block as it stands; none when it can be saved. What it names, such as the block
    that a recommendation falls back to, is not looked up."""
    if definition.kind in ("json", "recommendation"):
        try:
            value = json.loads(definition.source)
        except json.JSONDecodeError as error:
            said = gettext("This is not JSON: %(why)s.") % {"why": error.msg}
            return [Problem("source", said, error.lineno, error.colno)]
        except RecursionError:
            return [Problem("source", gettext("This is not JSON: it is nested too deep."))]
        gaps = _list_json_gaps(value, definition.source) if definition.kind == "json" else []
    else:
        is_mail = definition.kind == "email"
        links = MAIL_LINKS if is_mail else frozenset()
        gaps = _list_gaps("source", definition.source, html=True, links=links, slots=is_mail)
        if is_mail:
            gaps += _list_gaps("subject", definition.subject, html=False, links=links)
            gaps += _list_gaps("text", definition.text, html=False, links=links, slots=True)
    if gaps:
        return gaps[:MOST]
    try:
        compile_block("", definition)
    except BadBlock as error:
        return [_of_block(error, definition)]
    return []


def _list_gaps(field: str, source: str, *, html: bool, links: frozenset[str], slots: bool = False) -> list[Problem]:
    try:
        template = parse_template(source, slots=slots)
    except LiquidError as error:
        return [_of_liquid(field, error)]
    return [_of_liquid(field, each) for each in list_gaps(template, html=html, links=links)]


def _list_json_gaps(value: Any, source: str) -> list[Problem]:
    """Of the templates in the strings of a JSON block; the line is that of the string."""
    if isinstance(value, dict):
        return [each for inner in value.values() for each in _list_json_gaps(inner, source)]
    if isinstance(value, list):
        return [each for inner in value for each in _list_json_gaps(inner, source)]
    if not isinstance(value, str) or ("{{" not in value and "{%" not in value):
        return []
    place = source.find(json.dumps(value, ensure_ascii=False))
    line, column = (None, None) if place < 0 else _find_line(source, place + 1)
    found = _list_gaps("source", value, html=False, links=frozenset())
    return [Problem("source", each.message, line, column) for each in found]


def _of_liquid(field: str, error: LiquidError) -> Problem:
    try:
        place = error.context()
    except ValueError:  # it stands behind the end
        place = None
    message = _sentence(str(error.message or gettext("this cannot be read")))
    return Problem(field, message) if place is None else Problem(field, message, place[0], place[1] + 1)


def _of_block(error: BadBlock, definition: BlockDefinition) -> Problem:
    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, LiquidError):
        cause = cause.__cause__
    if cause is not None and definition.kind != "json":
        return _of_liquid(error.field, cause)
    said = str(error).removeprefix(": ").removeprefix(f"{error.field}: ")
    return Problem(error.field, _sentence(_AT.sub("", said)))


def _find_line(source: str, place: int) -> tuple[int, int]:
    before = source[:place]
    return before.count("\n") + 1, place - (before.rfind("\n") + 1) + 1


def _sentence(text: str) -> str:
    text = text.strip()
    first = text.split(" ", 1)[0]
    text = text if "." in first else text[:1].upper() + text[1:]
    return text + ("" if text.endswith((".", "}", "…")) else ".")
