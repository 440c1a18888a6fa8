"""Ids out of an uploaded file: users', devices' or profiles'. Why a row is left out is kept with its upload,
in English; why a whole file is refused is said in the reader's language."""

import re
from collections.abc import Sequence
from typing import IO

from django.utils.translation import gettext
from django.utils.translation import gettext_noop as _

from profiles.identity import MAX_ID_LENGTH, NOT_AN_ID
from segments.upload_columns import CONTROL, SHOWN_PROBLEMS, ColumnFile, Problem
from segments.upload_lines import BadUpload

__all__ = ["ANONYMOUS", "PROFILE", "SHOWN_PROBLEMS", "USER", "IdFile", "Problem"]

USER, ANONYMOUS, PROFILE = "user", "anonymous", "profile"  # kinds of ids
CALLED = {USER: _("user ids"), ANONYMOUS: _("anonymous ids"), PROFILE: _("profile ids")}
# Columns that are found by their names, written in any way, with what their ids are; the first one is taken.
COLUMNS = {"profileid": PROFILE, "userid": USER, "anonymousid": ANONYMOUS, "id": None}

_PROFILE_ID = re.compile(r"[0-9a-fA-F]{8}(-?)[0-9a-fA-F]{4}\1[0-9a-fA-F]{4}\1[0-9a-fA-F]{4}\1[0-9a-fA-F]{12}")


class IdFile(ColumnFile):
    """The ids of an open file; `ids` says what they are."""

    known = tuple(COLUMNS)
    called = _("ids")

    def __init__(self, file: IO[bytes], *, column: str = "", ids: str = "", most: int) -> None:
        self._asked = ids
        super().__init__(file, column=column, most=most)
        self.ids = ids or COLUMNS.get(self._header) or USER

    def find_fault(self, value: str) -> str | None:
        return find_fault(value, self.ids)

    def find_known(self, first: Sequence[str], names: Sequence[str]) -> int | None:
        ids = self._asked
        known = [name for name in COLUMNS if name in names and (not ids or COLUMNS[name] in (ids, None))]
        if known:
            return names.index(known[0])
        other = next((name for name in COLUMNS if name in names), None)
        if other is not None:
            said = gettext(
                "The file has the column %(column)s, and %(ids)s were asked for. Choose what its ids are, or name the "
                "column with the %(ids)s."
            )
            raise BadUpload(said % {"column": first[names.index(other)], "ids": gettext(CALLED[ids])})
        return None


def find_fault(id: str, kind: str) -> str | None:
    """Why this is no id, in a few English words."""
    if not id:
        return _("the id is empty")
    if len(id) > MAX_ID_LENGTH:
        return f"the id is longer than {MAX_ID_LENGTH} characters"
    if CONTROL.search(id):
        return _("the id has a NUL or another control character in it")
    if id.lower() in NOT_AN_ID:
        return _("this says that there is no id")
    if kind == PROFILE and not _PROFILE_ID.fullmatch(id):
        return _("a profile id has 32 hexadecimal digits, with or without dashes")
    return None
