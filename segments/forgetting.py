"""Segments forget a person: that they came and went, that lists and snapshots name them, and refused rows of files."""

from collections.abc import Sequence
from datetime import datetime

from django.db.models import Q

from segments.models import Member, SegmentChange, Upload


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


def _forget_problems(said: set[str]) -> None:
    for upload in Upload.objects.exclude(problems=[]).only("problems").iterator():
        kept = [problem for problem in upload.problems if not said & _list_words(problem)]
        if len(kept) < len(upload.problems):
            upload.problems = kept
            upload.save(update_fields=["problems"])


def _list_words(problem: dict[str, object]) -> set[str]:
    """What a refused row said, and the profile id it may have been."""
    word = str(problem.get("said", ""))
    return {word, word.replace("-", "").lower()}
