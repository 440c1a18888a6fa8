"""docs/reference/security.md: one row for each line of the standard, with a status and a test or reason."""

import re
from collections import Counter

from personalization.outgoing import Why
from tests.docs.pages import ROOT

PAGE = ROOT / "docs/reference/security.md"
ROW = re.compile(r"^\| (\d+)\.(\d+)\.(\d+) \| ([12]) \| ([^|]+) \| ([^|]+) \| ([^|]+) \|$", re.MULTILINE)
# Requirements of level 1 or 2 in each chapter.
CHAPTERS = {1: 27, 2: 11, 3: 19, 4: 10, 5: 9, 6: 32, 7: 18, 8: 7, 9: 7, 10: 29, 11: 13, 12: 9, 13: 13, 14: 9, 15: 13}
CHAPTERS |= {16: 16, 17: 7}


def test_every_line_has_one_row_that_is_complete() -> None:
    rows = ROW.findall(PAGE.read_text())
    numbers = [row[:3] for row in rows]
    assert len(set(numbers)) == len(numbers)
    assert Counter(int(row[0]) for row in rows) == CHAPTERS
    assert {row[5] for row in rows} == {"met", "n/a", "not met"}
    assert all(row[6].strip() for row in rows)


def test_the_sum_is_right() -> None:
    text = PAGE.read_text()
    found = Counter(row[5] for row in ROW.findall(text))
    said = f"{found['met']} of {found.total()} are met, {found['n/a']} do not apply, {found['not met']} are not met"
    assert said in text


def test_every_file_that_is_named_is_there() -> None:
    named = re.findall(r"`([a-z_]+/[\w./-]+?)(?::\w+)?`", PAGE.read_text())
    assert len(named) > 90
    assert [each for each in named if not (ROOT / each).exists() and not each.startswith("https")] == []


def test_why_a_call_is_not_made_is_said_by_its_names() -> None:
    section = PAGE.read_text().split("## Calls to addresses that others name")[1].split("\n## ")[0]
    assert {each.value for each in Why} <= set(re.findall(r"`(\w+)`", section))
