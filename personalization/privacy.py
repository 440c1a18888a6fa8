"""What members do with one person: export, erase, part again, look as them. Every act leaves its entry in the trail."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from uuid import UUID

from django.contrib.auth.models import User
from django.db import transaction

from ingestion.undoing import Undoer, UndoPending
from personalization.people import export_person, request_erasure
from personalization.visiting import Visit, make_link
from personalization.wiring import make_sealer, make_undoer
from profiles.audit import Act, record_act
from profiles.erasures import APART
from profiles.models import Erasure, MergeRecord
from profiles.past import to_milliseconds

PERSON, RECEIPT = "person", "erasure"  # kinds of subjects of the trail


def export_by(person: UUID, *, by: User, at: datetime) -> Iterator[bytes]:
    """The document of `export_person`; raises what that does."""
    pieces = export_person(person)
    record_act(Act.EXPORTED, by=by, at=at, kind=PERSON, subject=str(person))
    return pieces


def erase_by(person: UUID, *, by: User, at: datetime) -> Erasure:
    """Has somebody forgotten as `request_erasure` does. The trail names the receipt, and nobody."""
    with transaction.atomic():
        receipt = request_erasure(person, by=by.get_username(), at=at)
        record_act(Act.ERASED, by=by, at=at, kind=RECEIPT, subject=str(receipt.pk))
    return receipt


def undo_by(merge: MergeRecord, *, by: User, at: datetime, undoer: Undoer | None = None) -> None:
    """Parts two profiles again; raises UndoRefused with nothing changed, and UndoPending, which is in the trail, too,
    when the processor has not come to it."""
    asked = {"merge": merge.pk, APART: str(merge.loser_id)}
    entry = record_act(Act.UNDONE, by=by, at=at, kind=PERSON, subject=str(merge.winner_id), after=asked)
    try:
        (undoer or make_undoer()).undo(merge, by=by.get_username())
    except UndoPending:
        raise
    except Exception:
        entry.delete()
        raise


def visit_by(
    person: UUID | None, urls: Sequence[str], *, moment: datetime | None, draft: bool, by: User, at: datetime
) -> list[str]:
    """Links to pages as a person, or somebody of whom nothing is known, sees them at a moment, None for now."""
    at_ms = None if moment is None else to_milliseconds(moment)
    visit = Visit(None if person is None else person.hex, at_ms, draft, by.get_username())
    said = {"moment": None if moment is None else moment.isoformat(), "draft": draft}
    record_act(Act.VISITED, by=by, at=at, kind=PERSON, subject=str(person or "nobody"), after=said)
    return [make_link(url, visit, sealer=make_sealer(), now=to_milliseconds(at)) for url in urls]
