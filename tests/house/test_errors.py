"""The one table of errors: every exception of the domain has its row, and each row its words."""

import importlib
import pkgutil
from types import ModuleType

import pytest
from rest_framework.exceptions import ErrorDetail, Throttled, ValidationError

import ingestion
import personalization
import profiles
import rules
import segments
from ingestion.append import Overloaded
from ingestion.log import LogUnavailable
from personalization.callers import UnknownKey
from personalization.doors import ScopeMissing
from personalization.errors import (
    CODES,
    FAULT,
    PROBLEMS,
    REFUSALS,
    REST_PROBLEMS,
    CallRefused,
    FieldError,
    answer_error,
    close_of,
    extensions_of,
    refuse_fields,
    tell,
)
from personalization.limits import Policy, TooManyCalls, Verdict
from rules.actions import CannotPublish

PACKAGES = (ingestion, personalization, profiles, rules, segments)
OWN = tuple(f"{package.__name__}." for package in PACKAGES)


def modules_of_writes_and_reads() -> list[ModuleType]:
    """Modules that are called actions or queries, or by a name that ends so."""
    names = [
        found.name for package in PACKAGES for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}.")
    ]
    return [importlib.import_module(name) for name in names if name.endswith(("actions", "queries"))]


def exceptions_of(module: ModuleType) -> list[type[Exception]]:
    """Exceptions of ours that the module makes or speaks of, those for its own use left out."""
    return [
        value
        for name, value in vars(module).items()
        if isinstance(value, type) and issubclass(value, Exception) and value.__module__.startswith(OWN)
        if not name.startswith("_")
    ]


def test_every_exception_of_actions_and_queries_has_its_row() -> None:
    modules = modules_of_writes_and_reads()
    assert len(modules) >= 8
    found = {kind for module in modules for kind in exceptions_of(module)}
    assert CannotPublish in found
    assert {kind.__name__ for kind in found if not any(each in PROBLEMS for each in kind.__mro__)} == set()


def test_a_code_has_one_status_and_one_title() -> None:
    problems = (*PROBLEMS.values(), *REST_PROBLEMS.values(), *REFUSALS, FAULT)
    rows = {(problem.code, problem.status, problem.title) for problem in problems}
    assert len(rows) == len({code for code, _, _ in rows}) == len(CODES)


def test_what_speaks_of_the_inside_is_said_in_other_words() -> None:
    for error in (LogUnavailable("Redis at 10.0.0.1 is away"), RuntimeError("password=x")):
        told = tell(error)
        assert "10.0.0.1" not in told.message and "password" not in told.message


def test_a_raw_door_answers_a_problem() -> None:
    answer = answer_error(UnknownKey("who are you?"))
    assert (answer.status, answer.kind) == (401, b"application/problem+json")
    assert b'"message":"who are you?"' in answer.body
    assert (b"www-authenticate", b'Bearer realm="api"') in answer.headers
    with pytest.raises(ZeroDivisionError):
        answer_error(ZeroDivisionError())


def test_who_has_to_wait_is_told_how_long() -> None:
    wait = {b"retry-after": b"9"}
    assert wait.items() <= dict(tell(Overloaded(9)).headers).items()
    assert wait.items() <= dict(tell(Throttled(wait=9)).headers).items()
    told = tell(TooManyCalls(Verdict(Policy("key", 10), False, 0, 9)))
    assert wait.items() <= dict(told.headers).items()
    assert dict(told.headers)[b"ratelimit"] == b'"key";r=0;t=9'


def test_graphql_and_the_socket_tell_the_same() -> None:
    error = ScopeMissing("the scope 'decide' is missing")
    assert extensions_of(tell(error)) == {"code": "scope_missing", "status": 403, "title": "The key may not do this"}
    assert close_of(error) == (4403, "scope_missing")
    assert close_of(UnknownKey("")) == (4401, "unknown_key")
    assert close_of(LogUnavailable("")) == (1013, "unavailable")


def test_fields_are_named_by_pointers_however_deep_and_however_many() -> None:
    wrong = ErrorDetail("wrong", "invalid")
    deep = ValidationError({"non_field_errors": [wrong], "a": {"b": [wrong]}, "c": [{}, {"d": [wrong]}]})
    assert [each["pointer"] for each in tell(deep).more["errors"]] == ["", "/a/b", "/c/1/d"]
    many = ValidationError({str(number): [wrong] for number in range(500)})
    assert len(tell(many).more["errors"]) == 100


def test_what_a_door_refuses_is_told_in_its_own_words() -> None:
    told = tell(CallRefused("not_found", "there is no slot hero"))
    assert (told.status, told.code, told.title, told.message) == (
        404,
        "not_found",
        "Not found",
        "there is no slot hero",
    )
    wrong = [FieldError("/a~1b", "empty", "must not be empty"), FieldError("", "bad_condition", "what?", node="n1")]
    told = tell(refuse_fields(wrong))
    assert told.message == "/a~1b: must not be empty, and 1 more"
    assert told.more["errors"] == [
        {"pointer": "/a~1b", "code": "empty", "message": "must not be empty"},
        {"pointer": "", "code": "bad_condition", "message": "what?", "node": "n1"},
    ]


def test_a_refusal_without_a_row_cannot_be_told() -> None:
    with pytest.raises(KeyError):
        tell(CallRefused("whatever", "not in the table"))
