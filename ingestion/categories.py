"""The category of a product by the words of its description: a table that a shop writes for an import."""

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from ingestion.importing import LISTED, CannotImport, open_table
from profiles.profile import MAX_TEXT

COLUMNS = ("words", "category")
NOT_UTF8 = "\ufffd"  # what reading puts for bytes that are no UTF-8

_WORD = re.compile(r"\w+")

Words = tuple[str, ...]


class Entry(NamedTuple):
    """One line of the table: products whose description has these words, in this order, side by side."""

    line: int
    words: Words
    category: str


class Categories:
    """Finds the first entry that fits a description: whole words, in whatever case."""

    def __init__(self) -> None:
        self._entries: list[Entry] = []
        self._starting: dict[str, list[Entry]] = {}  # by the first of their words
        self._used: set[int] = set()
        self._known = lru_cache(maxsize=10_000)(self.find)

    def __len__(self) -> int:
        return len(self._entries)

    def add(self, entry: Entry) -> None:
        self._entries.append(entry)
        self._starting.setdefault(entry.words[0], []).append(entry)

    def find(self, description: str) -> Entry | None:
        return min(self._list_fitting(split_words(description)), default=None)

    def classify(self, description: str) -> str | None:
        """The category of a product, None for one that no line fits."""
        entry = self._known(description)
        if entry is None:
            return None
        self._used.add(entry.line)
        return entry.category

    def list_unused(self) -> list[str]:
        """The words of the lines that have named no product."""
        return [" ".join(entry.words) for entry in self._entries if entry.line not in self._used]

    def _list_fitting(self, words: Words) -> Iterator[Entry]:
        for place, word in enumerate(words):
            for entry in self._starting.get(word, ()):
                if words[place : place + len(entry.words)] == entry.words:
                    yield entry


def split_words(text: str) -> Words:
    return tuple(_WORD.findall(text.casefold()))


def read_categories(path: Path) -> Categories:
    """The table in a CSV file with the columns `words` and `category`. Raises CannotImport with every bad line: what an
    import has sent keeps the categories it came with, so a table is right before the first event."""
    categories = Categories()
    problems: list[str] = []
    with open_table(path, COLUMNS) as rows:
        for line, row in rows:
            problem = _read_line(categories, line, row)
            if problem is not None:
                problems.append(f"line {line:,}: {problem}")
    if problems:
        told = [f"{path} has lines to be mended; nothing was sent:", *problems[:LISTED]]
        if len(problems) > LISTED:
            told.append(f"and {len(problems) - LISTED:,} more")
        raise CannotImport("\n  ".join(told))
    return categories


def _read_line(categories: Categories, line: int, row: Sequence[str]) -> str | None:
    """Adds a line of the table, or says what is wrong with it."""
    if not row:
        return "has another number of columns than the first line"
    text, category = (value.replace("\0", "").strip() for value in row)
    words = split_words(text)
    if NOT_UTF8 in text or NOT_UTF8 in category:
        return "is not UTF-8; save the file as UTF-8"
    if not words:
        return "words are missing"
    if not 0 < len(category) <= MAX_TEXT:
        return f"category is missing, or longer than {MAX_TEXT} characters"
    earlier = categories.find(text)
    if earlier is None:
        categories.add(Entry(line, words, category))
    elif earlier.category != category:
        return f"never counts, as line {earlier.line:,} ({' '.join(earlier.words)}) comes first; move it up"
    return None
