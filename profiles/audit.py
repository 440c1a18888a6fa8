"""Who did what, when, and how it was before and after: the trail that every act of people leaves."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.contrib.auth.models import User
from django.db import models
from django.utils.translation import gettext_lazy as _

from profiles.models import AuditEntry

NOBODY = "the product"


class Act(models.TextChoices):
    """What was done; the names stay, as people search for them."""

    MADE = "made", _("Made")
    CHANGED = "changed", _("Changed")
    REMOVED = "removed", _("Removed")
    PUBLISHED = "published", _("Published")
    ROLLED_BACK = "rolled_back", _("Rolled back")
    SCHEDULED = "scheduled", _("Scheduled")
    CANCELLED = "cancelled", _("Cancelled")
    ASKED = "asked", _("Asked for review")
    APPROVED = "approved", _("Approved")
    DECLINED = "declined", _("Declined")
    STARTED = "started", _("Started")
    UPLOADED = "uploaded", _("Uploaded")
    EXPORTED = "exported", _("Exported")
    RESTORED = "restored", _("Restored")
    ERASED = "erased", _("Erased")
    UNDONE = "undone", _("Undone")
    REPLAYED = "replayed", _("Replayed")
    REVOKED = "revoked", _("Revoked")
    VISITED = "visited", _("Looked as somebody")
    SIGNED_IN = "signed_in", _("Signed in")
    SIGNED_OUT = "signed_out", _("Signed out")
    LOCKED_OUT = "locked_out", _("Locked out")


def record_act(
    act: Act,
    *,
    by: User | None,
    at: datetime,
    kind: str,
    subject: str,
    name: str = "",
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
    note: str = "",
) -> AuditEntry:
    """Keeps one act, in the transaction of what it did. `kind` and `subject` say to what (`rule`, its slug), `name`
    what it was called then. `before` and `after` are cut down to the fields that differ; neither may say a secret."""
    old, new = trim(before or {}, after or {})
    return AuditEntry.objects.create(
        act=act,
        by=by,
        actor=NOBODY if by is None else by.get_username(),
        at=at,
        kind=kind,
        subject=subject,
        name=name or subject,
        before=old,
        after=new,
        note=note,
    )


def trim(before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Both without the fields that say the same."""
    fields = [field for field in {**before, **after} if before.get(field) != after.get(field)]
    old = {field: before[field] for field in fields if before.get(field) is not None}
    return old, {field: after[field] for field in fields if after.get(field) is not None}
