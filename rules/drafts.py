"""Writes of drafts: each edit is checked as a whole, refused to whoever has not seen the newest, kept as a revision."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.db.models import Max, ProtectedError
from django.utils.translation import gettext

from profiles.audit import Act, record_act
from rules.applying import apply_definition
from rules.comparing import Difference, compare_definitions
from rules.describe import KINDS, AnyDraft, describe_draft, kind_of, name_one
from rules.models import Block, Revision, Rule, Slot
from rules.validating import BadDraft, find_draft_problems, tidy_draft

USERS = (Block, Slot, Rule)
FIRST = "As it was before its first edit"


class Overtaken(ValueError):
    """Somebody else has changed the draft meanwhile; `current` is its version now, 0 when it is not there any more."""

    def __init__(self, current: int) -> None:
        self.current = current
        changed = gettext("it was changed meanwhile, and is at version %(version)s; look at it, and change that")
        super().__init__(changed % {"version": current} if current else gettext("it was removed meanwhile"))


class InUse(ValueError):
    """The draft cannot be removed while others need it; `users` says which, in words."""

    def __init__(self, users: Iterable[str]) -> None:
        self.users = tuple(users)
        super().__init__(gettext("it is used by %(users)s") % {"users": ", ".join(self.users)})


@transaction.atomic
def save_draft(
    draft: AnyDraft, *, by: User | None, at: datetime, note: str = "", expected: int | None = None
) -> Revision | None:
    """Stores a new or changed draft, counts its `version` and keeps the revision; None when it says what it said.

    `expected` is the version that was edited, 0 for a new one. Raises BadDraft with every problem, and Overtaken."""
    stored = _lock(draft, expected)
    tidy_draft(draft)
    if problems := find_draft_problems(draft, at=at):
        raise BadDraft(problems)
    kind, said = kind_of(draft), describe_draft(draft)
    if stored is not None:
        before = describe_draft(stored)
        if before == said:
            draft.version = stored.version
            return None
        _keep_first(kind, stored, before)
    draft.version = _count(kind, draft.slug, stored) + 1
    try:
        with transaction.atomic():
            draft.save()
    except IntegrityError as error:  # made by somebody else since it was looked for
        taken = gettext("there is a %(draft)s already; choose another slug") % {"draft": name_one(kind, draft.slug)}
        raise BadDraft([("slug", taken)]) from error
    return _keep(kind, draft.slug, draft.version, said, by, at, note)


@transaction.atomic
def remove_draft(
    draft: AnyDraft, *, by: User | None, at: datetime, note: str = "", expected: int | None = None
) -> Revision:
    """Removes a draft, a slot with its rules; their revisions stay. What is published stays as it is until the next
    Book. Raises InUse and Overtaken."""
    stored = _lock(draft, expected)
    if stored is None:
        raise Overtaken(0)
    if isinstance(stored, Slot):
        for rule in stored.rules.all():
            remove_draft(rule, by=by, at=at, note=f"With its slot {stored.slug}")
    kind = kind_of(stored)
    _keep_first(kind, stored, describe_draft(stored))
    try:
        with transaction.atomic():
            draft.delete()
    except ProtectedError as error:
        users = sorted(
            name_one(kind_of(each), each.slug) for each in error.protected_objects if isinstance(each, USERS)
        )
        raise InUse(users) from error
    return _keep(kind, stored.slug, _count(kind, stored.slug, stored) + 1, None, by, at, note)


@transaction.atomic
def restore_revision(revision: Revision, *, by: User | None, at: datetime) -> Revision | None:
    """The draft says again what it said then, as a new revision; None when it does already. Raises BadDraft, where
    what it names is not there any more, too."""
    if revision.definition is None:
        gone = gettext("it was removed then: there is nothing to be restored; choose an older version")
        raise BadDraft([("", gone)])
    draft = apply_definition(revision.kind, revision.slug, revision.definition)
    return save_draft(draft, by=by, at=at, note=f"As in version {revision.version}")


def list_revisions(kind: str, slug: str) -> list[Revision]:
    """Every revision of a definition, the newest first."""
    return list(Revision.objects.filter(kind=kind, slug=slug).select_related("by").order_by("-version", "-pk"))


def compare_revisions(before: Revision | None, after: Revision | None) -> list[Difference]:
    """How a definition differs between two revisions, in words; None is before the first."""
    kind = (after or before or Revision()).kind
    old, new = (None if each is None else each.definition for each in (before, after))
    return compare_definitions(kind, old, new)


def _lock(draft: AnyDraft, expected: int | None) -> Any:
    """The draft as it is stored, held until the end of the transaction; None of a new one."""
    stored = None
    if draft.pk is not None:
        stored = KINDS[kind_of(draft)]._default_manager.select_for_update().filter(pk=draft.pk).first()
        if stored is None:
            raise Overtaken(0)
    version = 0 if stored is None else stored.version
    if expected is not None and expected != version:
        raise Overtaken(version)
    return stored


def _count(kind: str, slug: str, stored: Any) -> int:
    """The highest version that there was: what is made again goes on after what was removed."""
    kept = Revision.objects.filter(kind=kind, slug=slug).aggregate(newest=Max("version"))["newest"] or 0
    return max(kept, 0 if stored is None else stored.version)


def _keep_first(kind: str, stored: Any, said: dict[str, Any]) -> None:
    """What was made otherwise than here has no revision yet: it can be gone back to all the same."""
    if stored.version == 0 and not Revision.objects.filter(kind=kind, slug=stored.slug).exists():
        _keep(kind, stored.slug, 0, said, None, stored.updated, FIRST)


def _keep(
    kind: str, slug: str, version: int, said: dict[str, Any] | None, by: User | None, at: datetime, note: str
) -> Revision:
    """The revision; of what people do, the trail is told as well."""
    if note != FIRST:
        last = Revision.objects.filter(kind=kind, slug=slug).order_by("-version", "-pk").first()
        before = None if last is None else last.definition
        act = Act.REMOVED if said is None else Act.MADE if before is None else Act.CHANGED
        name = str((said or before or {}).get("name", slug))
        record_act(act, by=by, at=at, kind=kind, subject=slug, name=name, before=before, after=said, note=note)
    return Revision.objects.create(kind=kind, slug=slug, version=version, definition=said, by=by, at=at, note=note)
