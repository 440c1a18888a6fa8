"""Every value that is read from the environment is documented with its default, and nothing else is."""

import ast
import re

from tests.docs.pages import ROOT, prose

PAGE = ROOT / "docs/reference/settings.md"
READERS = {ROOT / "personalization/settings.py", ROOT / "personalization/supervise.py"}
# Their defaults depend on others.
IN_WORDS = {
    "DATABASE_URL",
    "REDIS_URL",
    "PZ_DATA",
    "SECRET_KEY",
    "PZ_DEMO",
    "PZ_SEGMENT_CHANGES_DAYS",
    "PZ_GRAPHQL_INTROSPECTION",
}


def list_reads() -> dict[str, ast.Call]:
    """The calls that read the environment, by the name they read; settings' own reading comes first."""
    reads: dict[str, ast.Call] = {}
    for file in sorted(READERS):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id.startswith("read_"):
                reads.setdefault(ast.literal_eval(node.args[0]), node)
    return reads


def list_rows() -> dict[str, list[str]]:
    rows = [line.strip().strip("|").split("|") for line in prose(PAGE).splitlines() if line.startswith("| `")]
    named = {row[0].strip().strip("`"): [cell.strip() for cell in row] for row in rows}
    assert len(named) == len(rows), "a setting has two lines"
    return named


def say_default(value: object) -> str:
    if isinstance(value, bool):
        return "`on`" if value else "`off`"
    return f"`{value}`" if value != "" else "none"


def test_every_setting_has_its_line_and_no_line_is_stale() -> None:
    assert len(list_reads()) >= 20
    assert set(list_rows()) == set(list_reads())


def test_every_line_is_complete() -> None:
    assert [row for row in list_rows().values() if len(row) != 4 or not all(row)] == []


def test_every_default_is_the_real_one() -> None:
    reads, rows = list_reads(), list_rows()
    plain = reads.keys() - IN_WORDS
    assert {name: rows[name][1] for name in plain} == {
        name: say_default(ast.literal_eval(reads[name].args[1])) for name in plain
    }


def test_bounds_are_the_ones_that_are_kept() -> None:
    reads, rows = list_reads(), list_rows()
    for name, call in reads.items():
        bounds = [word.value for word in call.keywords if isinstance(word.value, ast.Constant)]
        assert [bound.value for bound in bounds if str(bound.value) not in rows[name][2]] == [], name


def test_nothing_else_reads_the_environment() -> None:
    code = [file for file in (ROOT / "personalization").rglob("*.py") if file.name != "environment.py"]
    for package in ("ingestion", "profiles", "rules", "segments"):
        code += (ROOT / package).rglob("*.py")
    read = re.compile(r"os\.(?:environ\.get|environ\[[^]]+\](?! = )|getenv)")
    assert [file for file in code if read.search(file.read_text())] == []
