"""Every direct dependency has one line with what for, why this one, and its licence; no line is stale."""

import re

import pytest

from tests.docs.pages import ROOT, prose

PAGE = ROOT / "docs/dependencies.md"
RUN, TEST = "To run", "To test and check"
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


def read_requirements(file: str) -> list[str]:
    """The names in a requirements file, without versions, extras and options."""
    lines = [line.partition("#")[0].strip() for line in (ROOT / file).read_text().splitlines()]
    found = [NAME.match(line) for line in lines if line and not line.startswith("-")]
    return [match[0] for match in found if match]


def read_rows(heading: str) -> list[list[str]]:
    """The cells of the table under a heading, without the table's own two lines."""
    section = prose(PAGE).split(f"## {heading}\n")[1].split("\n## ")[0]
    rows = [line for line in section.splitlines() if line.startswith("|")][2:]
    return [[cell.strip() for cell in row.strip().strip("|").split("|")] for row in rows]


@pytest.mark.parametrize(
    ("file", "heading", "least"), [("requirements.in", RUN, 20), ("requirements-dev.in", TEST, 15)]
)
def test_each_has_exactly_one_line(file: str, heading: str, least: int) -> None:
    wanted = read_requirements(file)
    assert len(wanted) >= least
    assert [row[0] for row in read_rows(heading)] == [f"`{name}`" for name in wanted]


@pytest.mark.parametrize("heading", [RUN, TEST])
def test_each_line_is_complete(heading: str) -> None:
    assert [row for row in read_rows(heading) if len(row) != 4 or not all(row)] == []


@pytest.mark.parametrize("name", ["requirements", "requirements-dev"])
def test_each_is_locked_with_its_hash(name: str) -> None:
    lock = (ROOT / f"{name}.txt").read_text()
    locked = re.findall(r"^([\w.-]+)(?:\[[^]]*\])?==\S+ \\\n    --hash=sha256:", lock, re.MULTILINE)
    assert set(read_requirements(f"{name}.in")) - set(locked) == set()
