"""Asks everybody about the operator `ends_with`, in a copy of the product that has it: run by test_add_an_operator."""

import os

import django
import psycopg
from psycopg.sql import SQL

from segments.conditions.explain import explain
from segments.conditions.language import HasTrait
from segments.conditions.python import compile_condition
from segments.conditions.schema import make_schema
from segments.conditions.sql_values import test_fact, to_jsonb
from segments.conditions.words import say_condition
from tests.segments import oracle
from tests.segments.cases import Case, load_cases
from tests.segments.strategies import Seeded, draw_case


def ask_sql(case: Case) -> bool:
    """The archive's test of the one trait, by a real PostgreSQL."""
    assert isinstance(case.root, HasTrait)
    fact = to_jsonb(case.told["traits"]["fact"])
    query = SQL("SELECT {}").format(test_fact(fact, case.root.test, case.calendar, case.now))
    with psycopg.connect(os.environ["DATABASE_URL"]) as connection:
        row = connection.execute(query).fetchone()
    assert row is not None
    return bool(row[0])


def main() -> None:
    django.setup()
    asked = [case for case in load_cases() if case.name.startswith("ends with")]
    assert len(asked) == 4
    for case in asked:
        facts = (case.profile, case.segments, case.context, case.now)
        answers = {
            "oracle": oracle.holds(case),
            "python": compile_condition(case.root, case.calendar).matches(*facts),
            "explain": explain(case.root, *facts, case.calendar).matched,
            "sql": ask_sql(case),
        }
        assert answers == dict.fromkeys(answers, case.matches), case.name
        assert "fact ends with" in say_condition(case.root)
    assert "ends_with" in str(make_schema())
    assert any("ends_with" in str(draw_case(Seeded(1, number)).told["condition"]) for number in range(500))


if __name__ == "__main__":
    main()
