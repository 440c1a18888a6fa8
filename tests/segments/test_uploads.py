"""Ids are read out of files of every kind: good rows beside bad ones, and what cannot be meant is said."""

import gzip
import io
from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest

from profiles.identity import MAX_ID_LENGTH
from segments.upload_lines import MAX_LINE, BadUpload
from segments.uploads import ANONYMOUS, SHOWN_PROBLEMS, USER, IdFile, Problem

pack = partial(gzip.compress, mtime=0)  # alike in every process of the tests
MOST = 10_000_000
PERSON = "0f0e0d0c-0b0a-4908-8706-050403020100"


def read(content: bytes, **asked: Any) -> tuple[IdFile, list[str]]:
    file = IdFile(io.BytesIO(content), **{"most": MOST, **asked})
    return file, [row.id for row in file]


def ids_of(content: bytes, **asked: Any) -> list[str]:
    return read(content, **asked)[1]


def problems_of(content: bytes, **asked: Any) -> list[Problem]:
    file, _ = read(content, **asked)
    assert file.refused == len(file.problems)
    return file.problems


@pytest.mark.parametrize(
    ("content", "column", "kind"),
    [
        (b"1\n2\n", "1", USER),
        (b"1\r\n2\r\n", "1", USER),
        (b"1\r2", "1", USER),
        (b"\xef\xbb\xbf1\n2", "1", USER),
        (b"\n\n1\n\n2\n\n", "1", USER),
        (b"user_id\n1\n2\n", "user_id", USER),
        (b"\xef\xbb\xbfuserId\r\n1\r\n2\r\n", "userId", USER),
        (b'"User ID"\n"1"\n"2"\n', "User ID", USER),
        (b"name,anonymous_id\nAnna,1\nBen,2\n", "anonymous_id", ANONYMOUS),
        (b"id;name\n1;Anna\n2;Ben\n", "id", USER),
        (b"name\tid\nAnna\t 1 \nBen\t2\n", "id", USER),
        (b'note,id\n"one, two\nthree ""four""",1\n"",2\n', "id", USER),
        (b'note,id\n"a, b; c; d",1\n5" screen,2\n', "id", USER),
        (pack(b"id\n1\n2\n"), "id", USER),
        ("größe,id\nÅ,1\n猫,2\n".encode(), "id", USER),
    ],
)
def test_files_of_every_kind(content: bytes, column: str, kind: str) -> None:
    file, ids = read(content)
    assert (ids, file.column, file.ids, file.refused) == (["1", "2"], column, kind, 0)


def test_a_row_with_more_columns_than_a_file_of_one_is_no_id() -> None:
    file, ids = read(b'user_id\n1\n2,Anna\n"Doe, John"\n3;4\n,\n')
    assert ids == ["1", "Doe, John"]
    assert [problem.line for problem in file.problems] == [3, 5, 6]
    assert "more columns than the first one" in file.problems[0].why


def test_a_column_is_chosen_by_name_or_by_number() -> None:
    table = b"customer,user_id,Visitor Id\na,b,c\n"
    assert ids_of(table) == ["b"]
    assert ids_of(table, column="customer") == ["a"]
    assert ids_of(table, column="visitor_id", ids=ANONYMOUS) == ["c"]
    assert ids_of(table, column="2") == ["b"]  # what has a known name is no id
    assert ids_of(b"a,b\nc,d\n", column="2") == ["b", "d"]


def test_the_kind_of_ids_follows_from_the_column_unless_it_is_said() -> None:
    table = b"user_id,anonymous_id,profile_id,id\n1,2," + PERSON.encode() + b",4\n"
    assert ids_of(table) == [PERSON]
    assert ids_of(table, ids=ANONYMOUS) == ["2"]
    assert ids_of(table, ids=USER) == ["1"]
    file, ids = read(b"id\n4\n", ids=ANONYMOUS)
    assert (file.ids, ids) == (ANONYMOUS, ["4"])


@pytest.mark.parametrize("written", [PERSON, PERSON.upper(), PERSON.replace("-", "")])
def test_profile_ids_are_written_in_two_ways(written: str) -> None:
    assert ids_of(b"profile_id\n" + written.encode()) == [written]


@pytest.mark.parametrize(
    ("row", "said", "why"),
    [
        (b"a,", "", "empty"),
        (b"a,  ", "", "empty"),
        (b"a", "a", "there is no column 2 in this row"),
        (b"a," + b"x" * (MAX_ID_LENGTH + 1), "x" * 80, "longer than 255 characters"),
        (b"a,b\0c", "b�c", "control character"),
        (b"a,b\x1bc", "b�c", "control character"),
        (b"a,NULL", "NULL", "there is no id"),
        (b"a,[object Object]", "[object Object]", "there is no id"),
        (b"a,b\xff", "a,b�", "UTF-8"),
        (b'a,"b', 'a,"b', "never closed"),
        (b'a,"b"c', 'a,"b"c', "never closed"),
        (b"a," + b"x" * MAX_LINE, "", "too long"),
        (b"a," + b"x" * 1_000_000, "", "too long"),
    ],
)
@pytest.mark.parametrize("last", [False, True])
def test_a_bad_row_is_said_and_its_neighbours_are_taken(row: bytes, said: str, why: str, last: bool) -> None:
    rows = [b"name,id", b"a,1", row, *([] if last else [b"b,2"])]
    file, ids = read(b"\n".join(rows))
    assert ids == ["1"] if last else ["1", "2"]
    [problem] = file.problems
    assert (problem.line, problem.said) == (3, said)
    assert why in problem.why


def test_a_profile_id_that_is_none() -> None:
    assert problems_of(b"profile_id\n12\n" + PERSON.replace("-", "", 1).encode()) == [
        (2, "12", "a profile id has 32 hexadecimal digits, with or without dashes"),
        (3, PERSON.replace("-", "", 1), "a profile id has 32 hexadecimal digits, with or without dashes"),
    ]


def test_a_quote_that_stays_open_costs_its_own_row_alone() -> None:
    rows = [b"id,note", b'1,"open', b"2,b", b"3,c", b'4,"closed"', b'5,"open too', b"6,f"]
    file, ids = read(b"\n".join(rows))
    assert ids == ["2", "3", "4", "6"]
    assert [problem.line for problem in file.problems] == [2, 6]


def test_lines_are_counted_as_an_editor_counts_them() -> None:
    content = b'id,note\r\n1,"two\r\nlines"\r\n\r\nnull,\r\n2,"three\r\n\r\nlines"\r\nnone,\r\n'
    assert [line for line, _, _ in problems_of(content)] == [5, 9]


def test_the_first_bad_rows_are_kept_and_all_are_counted() -> None:
    file, ids = read(b"id\n" + b"null\n" * 250 + b"1\n")
    assert (len(file.problems), file.refused, ids) == (SHOWN_PROBLEMS, 250, ["1"])


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "The file is empty"),
        (b"\n\r\n  \n", "The file is empty"),
        (b"\xef\xbb\xbf", "The file is empty"),
        (pack(b""), "The file is empty"),
        ("id\n1\n".encode("utf-16"), "UTF-16"),
        ("id\n1\n".encode("utf-16-be"), "UTF-16"),
        ("id\n1\n".encode("utf-32"), "UTF-16 or UTF-32"),
        (pack("id\n1\n".encode("utf-16")), "UTF-16"),
        (b"PK\x03\x04" + bytes(range(256)), "an Excel workbook or a ZIP archive; save it as CSV"),
        (b"%PDF-1.7\n", "a PDF"),
        (pack(pack(b"1\n")), "packed twice"),
        (b"\x89PNG\r\n\x1a\n" + bytes(range(1, 256)) * 9, "This is no text"),
        (pack(b"1\n2\n")[:-6], "damaged or cut off"),
        (b"\x1f\x8bnot really", "damaged or cut off"),
        (pack(b"id\n" + b"1\n" * 9_000)[:40] + b"\0" * 40, "damaged or cut off"),
        (b"first,second\n1,2\n", "Which column has the ids? The first line says: first, second."),
        (b"\xff\xfd,id\n1,2\n", "Line 1 cannot be read: this is not text in UTF-8"),
        (b'"id\n1\n2\n', "Line 1 cannot be read: a quote is opened"),
        (b"x" * 1_000_000, "Line 1 cannot be read: the line is too long"),
    ],
)
def test_a_file_that_cannot_be_meant_is_refused(content: bytes, said: str) -> None:
    with pytest.raises(BadUpload, match=said.replace("?", r"\?")):
        read(content)


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"column": "e-mail"}, "There is no column “e-mail”. The first line says: id, id, user_id."),
        ({"column": "4"}, "There is no column “4”"),
        ({"column": "0"}, "There is no column “0”"),
        ({"column": "9" * 5_000}, "There is no column “9999"),
        ({"column": "²"}, "There is no column “²”"),
        ({"column": "id"}, "several columns “id”"),
    ],
)
def test_a_column_that_is_not_there_is_said(asked: dict[str, str], said: str) -> None:
    with pytest.raises(BadUpload) as refused:
        read(b"id,id,user_id\n1,2,3\n", **asked)
    assert said in str(refused.value)


def test_a_column_of_other_ids_is_not_taken_for_what_was_asked_for() -> None:
    with pytest.raises(BadUpload, match="has the column anonymous_id, and user ids were asked for"):
        read(b"anonymous_id\n1\n", ids=USER)
    assert ids_of(b"anonymous_id\n1\n", column="anonymous_id", ids=USER) == ["1"]


def test_a_file_that_is_too_large_is_refused_however_small_it_is_packed() -> None:
    content = b"id\n" + b"12345678\n" * 100_000
    for sent in (content, pack(content)):
        with pytest.raises(BadUpload, match=r"more than 500,000 bytes, once unpacked; upload it in parts"):
            read(sent, most=500_000)
    assert len(ids_of(pack(content), most=len(content))) == 100_000


class Endless(io.RawIOBase):
    """A file without an end, of which it is noted how much was ever asked for at once."""

    def __init__(self, line: bytes) -> None:
        self.line, self.given, self.largest = line, 0, 0

    def read(self, size: int = -1) -> bytes:
        self.largest = max(self.largest, size)
        self.given += size
        return (self.line * (size // len(self.line) + 1))[:size]

    def seek(self, *_: Any) -> int:
        self.given = 0
        return 0


def rows_of(file: Any) -> Iterator[str]:
    return (row.id for row in IdFile(file, most=1 << 40))


def test_a_file_is_never_read_whole() -> None:
    file = Endless(b"123456789abcdef\n")  # a block is so many whole lines
    rows = rows_of(file)
    assert [next(rows) for _ in range(10_000)] == ["123456789abcdef"] * 10_000
    assert file.largest <= 65_536
    assert file.given <= 300_000


@pytest.mark.parametrize("size", [1, 2, 3, 7])
def test_lines_come_out_alike_wherever_the_blocks_end(size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    content = b'id,note\r\n1,"a\r\nb"\r\n\r\n2,c\r3,d\n\n4,"open\r\n5,"e"\r\n' + b"6," + b"x" * MAX_LINE + b"\r\n7,f"
    monkeypatch.setattr("segments.upload_lines.BLOCK", size)
    file, ids = read(content)
    assert ids == ["1", "2", "3", "5", "7"]
    assert [problem.line for problem in file.problems] == [8, 10]
