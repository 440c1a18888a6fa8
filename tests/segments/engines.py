"""Every evaluator of the language behind one call: many cases in, an answer for each.

A new one is a line in ENGINES. It is given all cases at once, so that it can ask them of its database or browser in one
go; where it cannot be asked (a part of the condition is not for it), it answers None."""

from collections.abc import Callable, Sequence
from uuid import UUID

from django.db import transaction

from segments.conditions.explain import explain
from segments.conditions.python import compile_condition
from segments.conditions.sql import compile_sql
from segments.conditions.sql_events import Question
from segments.evaluation import find_matching, list_crowded
from tests.segments import browser, oracle
from tests.segments.archive import store_person
from tests.segments.cases import MEMORY, Case

Engine = Callable[[Sequence[Case]], list[bool | None]]


def ask_python(cases: Sequence[Case]) -> list[bool | None]:
    """The evaluator of the stream and of rules."""
    return [
        compile_condition(case.root, case.calendar).matches(case.profile, case.segments, case.context, case.now)
        for case in cases
    ]


def ask_explain(cases: Sequence[Case]) -> list[bool | None]:
    """The tree that says why."""
    return [
        explain(case.root, case.profile, case.segments, case.context, case.now, case.calendar).matched for case in cases
    ]


def ask_oracle(cases: Sequence[Case]) -> list[bool | None]:
    """What the reference says, as slowly and plainly as it can be told."""
    return [oracle.holds(case) for case in cases]


def ask_sql(cases: Sequence[Case]) -> list[bool | None]:
    """The archive: everybody is stored first, and forgotten afterwards."""
    people = [UUID(int=number + 1) for number in range(len(cases))]
    with transaction.atomic():
        for id, case in zip(people, cases, strict=True):
            store_person(id, case.profile, case.rows)
        crowded = list_crowded()
        answers: list[bool | None] = []
        for id, case in zip(people, cases, strict=True):
            asked = Question(case.now, case.calendar, MEMORY, crowded)
            answers.append(id in find_matching(compile_sql(case.root, asked, case.context), [id]))
        transaction.set_rollback(True)
    return answers


def ask_browser(cases: Sequence[Case]) -> list[bool | None]:
    """The evaluator of devices, in Chromium."""
    return [answer.holds for answer in browser.ask(cases)]


ENGINES: dict[str, Engine] = {
    "oracle": ask_oracle,
    "python": ask_python,
    "explain": ask_explain,
    "sql": ask_sql,
    "browser": ask_browser,
}
