"""One column of an uploaded file, row by row, whatever the file is like, and never whole in memory.

A row that cannot be meant is noted, in English, and left out; a file that cannot be meant is refused with BadUpload, in
the reader's language.
"""

import csv
import re
from collections.abc import Iterator, Sequence
from typing import IO, NamedTuple

from django.utils.translation import gettext
from django.utils.translation import gettext_noop as _

from profiles.writing import write_known
from segments.upload_lines import BadUpload, open_lines

DELIMITERS = (",", ";", "\t")
NO_DELIMITER = "\x1f"  # in a file of one column; no value has it

SHOWN_PROBLEMS = 100
SHOWN_LETTERS = 80  # of what a bad row said
SHOWN_COLUMNS = 20

MORE_COLUMNS = _("the row has more columns than the first one; put quotes around what has commas or semicolons in it")
NOT_CLOSED = _("a quote is opened and never closed, or not where the value ends")
CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_QUOTED = re.compile(r'"(?:[^"]|"")*"')


class Problem(NamedTuple):
    """A row that is left out: its line, what it said, and why."""

    line: int
    said: str
    why: str


class Row(NamedTuple):
    line: int
    id: str


class ColumnFile:
    """The values of one column of an open file: iterate once. `column` says which one that is, and afterwards `refused`
    how many rows were left out, `problems` the first of them.

    `column` is a name or, in a file without a header, a number from 1; without one it is found by its name, which is
    one of `known`. `most` is how many bytes the file may have, once unpacked. Raises BadUpload, now or while it is
    read."""

    known: tuple[str, ...] = ()  # simplified names of columns that are found by themselves; the first one is taken
    called = _("values")

    def __init__(self, file: IO[bytes], *, column: str = "", most: int) -> None:
        self._lines = open_lines(file, most=most)
        self.refused = 0
        self.problems: list[Problem] = []
        self._delimiter = NO_DELIMITER
        first = self._read_first()
        self._place, is_header = self._find_column(first, column.strip())
        self.column = first[self._place] if is_header else str(self._place + 1)
        self._header = simplify(first[self._place]) if is_header else ""
        self._waiting = [] if is_header else [first]

    def find_fault(self, value: str) -> str | None:
        """Why a value cannot be meant, in a few English words."""
        raise NotImplementedError

    def __iter__(self) -> Iterator[Row]:
        for cells in self._waiting:
            yield from self._take(self._lines.number, cells)
        for line in self._lines:
            number = self._lines.number
            row = self._read(line)
            if isinstance(row, Problem):
                self._refuse(row)
            elif row:
                yield from self._take(number, row)

    def _take(self, line: int, cells: Sequence[str]) -> Iterator[Row]:
        if len(cells) <= self._place:
            self._refuse(Problem(line, show(" ".join(cells)), f"there is no column {self._place + 1} in this row"))
            return
        value = cells[self._place].strip()
        fault = self.find_fault(value)
        if fault is None:
            yield Row(line, value)
        else:
            self._refuse(Problem(line, show(value), fault))

    def _refuse(self, problem: Problem) -> None:
        self.refused += 1
        if len(self.problems) < SHOWN_PROBLEMS:
            self.problems.append(problem)

    def _read(self, line: bytes | None) -> list[str] | Problem:
        """The cells of the row that begins with this line, none for an empty one."""
        number = self._lines.number
        if line is None:
            return Problem(number, "", _("the line is too long to be a row"))
        try:
            text = line.decode()
            if '"' in text:
                return self._parse(text)
            if self._delimiter == NO_DELIMITER and any(map(text.__contains__, DELIMITERS)):
                return Problem(number, show(text), MORE_COLUMNS)
            return text.split(self._delimiter) if text.strip() else []
        except UnicodeDecodeError:
            return Problem(number, show(line.decode(errors="replace")), _("this is not text in UTF-8"))
        except csv.Error:
            return Problem(number, show(line.decode()), NOT_CLOSED)

    def _parse(self, text: str) -> list[str]:
        """A row with quotes; one that is open at the end of the line goes on in the next ones."""
        try:
            return self._split(text)
        except csv.Error:
            following = self._lines.look_ahead(b'"') if text.count('"') % 2 else []
            if not following:
                raise
        try:
            return self._split("\n".join([text, *(line.decode() for line in following)]))
        except (csv.Error, UnicodeDecodeError) as error:
            self._lines.put_back(following)  # the quote is this line's mistake alone
            raise csv.Error from error

    def _split(self, text: str) -> list[str]:
        return next(csv.reader([text], delimiter=self._delimiter, strict=True))

    def _read_first(self) -> list[str]:
        """The cells of the first row, by which the delimiter is known."""
        for line in self._lines:
            if line is not None and not line.strip():
                continue
            if line is not None:
                outside = _QUOTED.sub("", line.decode(errors="replace"))
                most = max(DELIMITERS, key=outside.count)
                self._delimiter = most if most in outside else NO_DELIMITER
            cells = self._read(line)
            if isinstance(cells, Problem):
                said = gettext("Line %(line)s cannot be read: %(why)s.")
                raise BadUpload(said % {"line": cells.line, "why": write_known(cells.why)})
            return [cell.strip() for cell in cells]
        raise BadUpload(gettext("The file is empty."))

    def _find_column(self, first: list[str], column: str) -> tuple[int, bool]:
        """Where the values are, and whether the first row is a header."""
        names = [simplify(cell) for cell in first]
        said = ", ".join(show(cell) or gettext("(nothing)") for cell in first[:SHOWN_COLUMNS])
        if column:
            for asked, found in ((column, first), (simplify(column), names)):
                if found.count(asked) > 1:
                    several = gettext("The file has several columns “%(column)s”; give them different names.")
                    raise BadUpload(several % {"column": column})
                if asked in found:
                    return found.index(asked), True
            if column.isascii() and column.isdigit() and 1 <= int(column[:9]) <= len(first):
                return int(column) - 1, names[int(column) - 1] in self.known
            unknown = gettext("There is no column “%(column)s”. The first line says: %(said)s.")
            raise BadUpload(unknown % {"column": show(column), "said": said})
        place = self.find_known(first, names)
        if place is not None:
            return place, True
        if len(first) == 1:
            return 0, False
        which = gettext(
            "Which column has the %(values)s? The first line says: %(said)s. "
            "Name it or, without a header, give its number."
        )
        raise BadUpload(which % {"values": gettext(self.called), "said": said})

    def find_known(self, first: Sequence[str], names: Sequence[str]) -> int | None:
        """The place of the column that is known by its name; `first` are the cells of the first row, `names` the same
        simplified."""
        return next((names.index(name) for name in self.known if name in names), None)


def simplify(name: str) -> str:
    """`user_id`, `userId` and `User ID` are the same name."""
    return re.sub(r"[\s_-]", "", name).lower()


def show(text: str) -> str:
    return CONTROL.sub("\N{REPLACEMENT CHARACTER}", text.strip()[:SHOWN_LETTERS])
