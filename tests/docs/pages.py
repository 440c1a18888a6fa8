"""The written pages of the project: their fences, code spans and links."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent.parent
PAGES = sorted([ROOT / "README.md", ROOT / "CHANGELOG.md", *(ROOT / "docs").rglob("*.md")])

_FENCE = re.compile(r"^(?P<indent> *)```(?P<info>[^\n`]*)\n(?P<body>.*?)^(?P=indent)```$", re.MULTILINE | re.DOTALL)
_SPAN = re.compile(r"`([^`\n]+)`")
_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#{1,6} +(.+?) *$", re.MULTILINE)


class Fence(NamedTuple):
    """One fenced block: `info` is what stands behind its opening backticks."""

    page: Path
    number: int
    info: str
    body: str

    @property
    def name(self) -> str:
        return f"{self.page.relative_to(ROOT)} {self.number} {self.info}"


def fences(page: Path) -> Iterator[Fence]:
    for number, match in enumerate(_FENCE.finditer(page.read_text()), 1):
        yield Fence(page, number, match["info"].strip(), match["body"])


def prose(page: Path) -> str:
    """The page without its fences."""
    return _FENCE.sub("", page.read_text())


def spans(page: Path) -> list[str]:
    """What stands between single backticks."""
    return _SPAN.findall(prose(page))


def links(page: Path) -> list[str]:
    return _LINK.findall(prose(page))


def anchors(page: Path) -> set[str]:
    """The anchors of the page's headings, as they are made on the web."""
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in _HEADING.findall(prose(page))}


def table_cells(page: Path, column: int = 0) -> set[str]:
    """Every code span in one column of the page's tables."""
    rows = (line.strip().strip("|").split("|") for line in prose(page).splitlines() if line.startswith("|"))
    return {span for cells in rows if column < len(cells) for span in _SPAN.findall(cells[column])}
