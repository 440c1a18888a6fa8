"""Segments forget a person: that they came and went, that lists and snapshots name them, and refused rows of files."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime

from django.db.models import Q

from segments.models import Member, SegmentChange, Upload
from segments.upload_columns import SHOWN_LETTERS

SHORTEST_CUT = 3  # letters of a name at the end of a row that was cut off there


def forget_changes(ids: Sequence[str], *, until: datetime | None) -> int:
    """What came about after `until` is somebody's who is new; None: all of it."""
    changes = SegmentChange.objects.filter(profile_id__in=ids)
    removed, _ = (changes if until is None else changes.filter(at__lte=until)).delete()
    return removed


def forget_members(ids: Sequence[str], names: Sequence[str], *, until: datetime) -> int:
    """Of lists and snapshots, by profile or by name (`u:…`, `a:…`); whoever is named by a later file stays."""
    members = Member.objects.filter(Q(profile_id__in=ids) | Q(identifier__in=names))
    removed, _ = members.exclude(upload__at__gt=until).delete()
    _forget_problems({*ids, *(name[2:] for name in names)})
    return removed


def list_refused_rows(ids: Sequence[str], names: Sequence[str]) -> Iterator[Mapping[str, object]]:
    """Rows of uploaded files that named somebody and were refused, but for those that are cut off within the name: they
    may be somebody else's."""
    names_any = _compile_names({*ids, *(name[2:] for name in names)}, surely=True)
    uploads = Upload.objects.exclude(problems=[]).order_by("at", "pk")
    for upload in uploads.only("problems", "file", "at").iterator():
        for problem in upload.problems:
            if names_any(str(problem.get("said", ""))):
                yield {"at": upload.at, "file": upload.file, **problem}


def _forget_problems(said: set[str]) -> None:
    names_any = _compile_names(said)
    for upload in Upload.objects.exclude(problems=[]).only("problems").iterator():
        kept = [problem for problem in upload.problems if not names_any(str(problem.get("said", "")))]
        if len(kept) < len(upload.problems):
            upload.problems = kept
            upload.save(update_fields=["problems"])


def _compile_names(names: Iterable[str], *, surely: bool = False) -> Callable[[str], bool]:
    """Tells whether a refused row names somebody: as the whole of it or a word in it, with other columns beside it, or
    cut off at its end, unless it is to be `surely` theirs; a profile's id with dashes or without."""
    forms = sorted({*names, *(name[:SHOWN_LETTERS] for name in names)})
    words = re.compile("|".join(rf"(?<![\w.@+-]){re.escape(form)}(?![\w@+-]|\.\w)" for form in forms))

    def names_any(said: str) -> bool:
        if said in forms or words.search(said) or words.search(said.replace("-", "").lower()):
            return True
        if surely:
            return False
        cut = re.split(r"[\s,;\"']", said)[-1]
        return len(said) >= SHOWN_LETTERS and len(cut) >= SHORTEST_CUT and any(form.startswith(cut) for form in forms)

    return names_any
