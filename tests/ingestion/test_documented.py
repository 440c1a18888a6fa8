"""Codes that outsiders rely on are on their page, with their number."""

import ast
import inspect
import re
from pathlib import Path
from types import ModuleType

from ingestion import api, bounded_socket, consumers, http
from ingestion.refusals import Refused

REFERENCE = Path(__file__).parents[2] / "docs" / "reference"


def rows(page: str) -> set[tuple[int, str]]:
    """(number, code) of every code in the tables whose rows begin with a number."""
    lines = (REFERENCE / page).read_text().splitlines()
    found = [match for line in lines if (match := re.match(r"\| (\d+) \| ([^|]*) \|", line))]
    return {(int(match[1]), code) for match in found for code in re.findall(r"`(\w+)`", match[2])}


def test_close_codes_of_the_socket() -> None:
    named = [*vars(consumers).items(), *vars(bounded_socket).items()]
    ends = {value for name, value in named if name.isupper() and isinstance(value, tuple)}
    assert len(ends) == 10
    assert ends == rows("socket.md")


def codes_in(module: ModuleType) -> set[tuple[int, str]]:
    """(status, code) of every refusal that a module writes out."""
    calls = [node for node in ast.walk(ast.parse(inspect.getsource(module))) if isinstance(node, ast.Call)]
    return {
        (int(ast.literal_eval(call.args[0])), str(ast.literal_eval(call.args[1])))
        for call in calls
        if getattr(call.func, "id", "") in ("refuse", "refuse_for_now") and isinstance(call.args[0], ast.Constant)
    }


def test_codes_of_the_http_doors() -> None:
    written = codes_in(api) | codes_in(http) | {http.BODY_TOO_SLOW[:2]}
    whole = (REFERENCE / "refusals.md").read_text().partition("## A whole body")[2]
    refused = {(api.STATUS.get(reason, 400), str(reason)) for reason in Refused if f"| `{reason}` |" in whole}
    refused |= {(400, "too_deep"), (413, "too_large_event")}  # also of a body as a whole
    assert len(written) >= 5
    assert written | refused == rows("http-api.md")
