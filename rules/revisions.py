"""Reads of revisions, for people: who changed what, and what was removed and can come back."""

from collections.abc import Sequence
from typing import NamedTuple

from django.db.models import OuterRef, QuerySet, Subquery
from django.utils.translation import gettext

from profiles.writing import write_moment
from rules.comparing import Difference, say_nothing
from rules.describe import KINDS
from rules.drafts import compare_revisions
from rules.models import Revision

MOST = 100  # of a list


class Edit(NamedTuple):
    """One revision, and how it differs from the one before it."""

    revision: Revision
    differences: list[Difference]
    is_first: bool = False

    @property
    def what(self) -> str:
        if self.revision.definition is None:
            return gettext("removed")
        if self.is_first:
            return gettext("made")
        return ", ".join(each.name for each in self.differences) or say_nothing()


def list_edits(revisions: Sequence[Revision]) -> list[Edit]:
    """Each revision with what it changed; they are all of one definition, the newest first."""
    before = [*revisions[1:], None][: len(revisions)]  # none of none: what was made otherwise was never edited
    return [
        Edit(each, compare_revisions(was, each), was is None or was.definition is None)
        for each, was in zip(revisions, before, strict=True)
    ]


def say_overtaken(revisions: Sequence[Revision]) -> str:
    """For somebody who has edited an older version: who has changed what since; `revisions` are those since."""
    if not revisions:
        return gettext("It was changed meanwhile. Nothing of yours is saved; open it anew, and make your change there.")
    oldest = revisions[-1]
    known = Revision.objects.filter(kind=oldest.kind, slug=oldest.slug, version__lt=oldest.version)
    edits = list_edits([*revisions, *known.order_by("-version", "-pk")[:1]])[: len(revisions)]
    told = "; ".join(_say_edit(each) for each in edits)
    said = gettext(
        "It was changed meanwhile: %(edits)s. Nothing of yours is saved; open it anew, and make your change there."
    )
    return said % {"edits": told}


def say_author(revision: Revision) -> str:
    return gettext("the product") if revision.by is None else str(revision.by)


def _say_edit(edit: Edit) -> str:
    revision = edit.revision
    places = {"what": edit.what, "author": say_author(revision), "moment": write_moment(revision.at)}
    return gettext("%(what)s, by %(author)s at %(moment)s") % places


def list_removed(kind: str) -> list[Revision]:
    """The newest revision of each definition that was removed and not made again, the newest first."""
    return list(_find_removed(kind).select_related("by").order_by("-at", "-pk")[:MOST])


def is_any_removed(kind: str) -> bool:
    return _find_removed(kind).exists()


def _find_removed(kind: str) -> QuerySet[Revision]:
    newest = Revision.objects.filter(kind=kind, slug=OuterRef("slug")).order_by("-version", "-pk").values("pk")[:1]
    removed = Revision.objects.filter(kind=kind, definition__isnull=True, pk=Subquery(newest))
    there = KINDS[kind]._default_manager.values("slug")
    return removed.exclude(slug__in=there)
