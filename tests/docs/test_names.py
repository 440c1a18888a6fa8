"""Names outsiders rely on are documented, every one of them: the tests fail on a new one without its words."""

import ast
import inspect
import re

import pytest

from ingestion.ecommerce import INDEXED, OTHERWISE
from ingestion.log import LogUnavailable
from ingestion.refusals import Refused
from ingestion.scopes import MEANINGS, Scope
from ingestion.steps import Outcome
from personalization import api
from personalization.answering import Answered
from personalization.callers import UnknownKey
from personalization.decide import Answer
from personalization.doors import ScopeMissing, SecretKeyNeeded
from personalization.errors import CODES, PROBLEMS, Problem
from personalization.limits import TooManyCalls
from profiles import keys
from profiles.store import StoreUnavailable
from rules.engine import Reason
from segments.health import State
from segments.progress import CAUSES
from tests.docs.pages import ROOT, spans, table_cells

DECIDE = ROOT / "docs/reference/decide.md"
CATALOGUE = ROOT / "docs/reference/catalogue.md"
REFUSALS = ROOT / "docs/reference/refusals.md"
MISSING = ROOT / "docs/how-to/find-out-why-an-event-is-missing.md"
STUCK = ROOT / "docs/how-to/find-out-why-a-segment-is-stuck.md"
ERRORS = ROOT / "docs/reference/errors.md"
AUTHENTICATION = ROOT / "docs/reference/authentication.md"
ARCHITECTURE = ROOT / "docs/architecture.md"


@pytest.mark.parametrize("reason", Reason)
def test_every_reason_is_documented(reason: Reason) -> None:
    assert reason in table_cells(DECIDE)


@pytest.mark.parametrize("outcome", Outcome)
def test_every_outcome_is_documented(outcome: Outcome) -> None:
    assert outcome in table_cells(MISSING)


@pytest.mark.parametrize("reason", Refused)
def test_every_refusal_is_documented(reason: Refused) -> None:
    assert reason in table_cells(REFUSALS)


@pytest.mark.parametrize("state", State)
def test_every_state_of_a_segment_is_documented(state: State) -> None:
    assert state in table_cells(STUCK)


@pytest.mark.parametrize("cause", CAUSES)
def test_every_cause_of_a_stuck_build_is_documented(cause: str) -> None:
    assert f"| {cause} |" in STUCK.read_text()


def test_every_code_of_a_decide_call_is_documented() -> None:
    calls = [node for node in ast.walk(ast.parse(inspect.getsource(api))) if isinstance(node, ast.Call)]
    raised = [call.args for call in calls if getattr(call.func, "id", "") == "CallRefused"]
    codes = {CODES[ast.literal_eval(code)][:2] for code, *_ in raised}
    refused_at_the_gate = (UnknownKey, ScopeMissing, SecretKeyNeeded, TooManyCalls, StoreUnavailable, LogUnavailable)
    codes |= {PROBLEMS[kind][:2] for kind in refused_at_the_gate}
    assert len(codes) >= 7
    assert {code for _, code in codes} <= table_cells(DECIDE, 1)
    text = DECIDE.read_text()
    assert [code for status, code in codes if f"| {status} | `{code}` |" not in text] == []


@pytest.mark.parametrize("problem", CODES.values(), ids=lambda row: row.code)
def test_every_error_is_documented(problem: Problem) -> None:
    assert f"| {problem.status} | `{problem.code}` | {problem.title} |" in ERRORS.read_text()


def test_no_documented_error_is_stale() -> None:
    assert table_cells(ERRORS, 1) == CODES.keys()


@pytest.mark.parametrize("scope", Scope)
def test_every_scope_is_documented(scope: Scope) -> None:
    assert f"| `{scope}` | {MEANINGS[scope]} |" in AUTHENTICATION.read_text()


def test_every_event_that_is_indexed_from_the_start_is_documented() -> None:
    rows = [line.split("|")[1:3] for line in CATALOGUE.read_text().splitlines() if line.startswith("| `")]
    documented = {name: paths for names, paths in rows for name in re.findall("`([^`]+)`", names)}
    assert {name: re.findall("`([^`]+)`", documented.get(name, "")) for name in INDEXED} == {
        name: list(paths) for name, paths in INDEXED.items()
    }
    assert re.findall("`([^`]+)`", CATALOGUE.read_text().partition("| any other |")[2].partition("|")[0]) == [
        *OTHERWISE
    ]


def test_every_field_of_question_and_answer_is_documented() -> None:
    fields = {*api.Question.__struct_encode_fields__, *Answer.__struct_encode_fields__, *Answered.__struct_fields__}
    assert fields - table_cells(DECIDE) == set()


def test_every_redis_key_is_documented() -> None:
    constants = {value for name, value in vars(keys).items() if name.isupper()}
    makers = [make for _, make in inspect.getmembers(keys, inspect.isfunction) if make.__module__ == keys.__name__]
    patterns = {make(*(f"{{{name}}}" for name in inspect.signature(make).parameters)) for make in makers}
    assert len(constants) >= 5 and len(patterns) >= 10
    assert (constants | patterns) - set(spans(ARCHITECTURE)) == set()
