"""How drafts stand to what is live: in the Book in force as they are, changed since, or not in it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models.fields.json import KeyTransform
from django.utils.translation import gettext_lazy as _

from rules.comparing import compare_definitions
from rules.describe import FIELDS, AnyDraft, describe_draft, kind_of
from rules.models import Book, Revision

PLACES = {"block": "blocks", "offer": "offers", "slot": "slots"}  # of the kinds that a Book has by slug

LIVE, CHANGED, NOT_LIVE = "live", "changed", "not_live"
WORDS = {LIVE: _("Live"), CHANGED: _("Changed since"), NOT_LIVE: _("Not live")}


@dataclass(frozen=True)
class Standing:
    """`state` is one of WORDS. Of a single draft: the version that is live, by whom and when it was published, and how
    many fields differ."""

    state: str
    version: int = 0
    book: int = 0
    by: str = ""
    at: datetime | None = None
    changes: int = 0

    @property
    def words(self) -> Any:
        return WORDS[self.state]


def list_standings(drafts: Sequence[AnyDraft]) -> list[Standing]:
    """How each stands; they are of one kind. One statement."""
    if not drafts:
        return []
    live = _read_live(PLACES[kind_of(drafts[0])])
    return [Standing(_compare(draft, live)) for draft in drafts]


def find_standing(draft: AnyDraft) -> Standing:
    """How one draft stands, with the version that is live."""
    kind = kind_of(draft)
    place = PLACES[kind]
    newest = Book.objects.order_by("-number").values(
        "number", "published", "published_by__username", said=_path(place, draft.slug)
    )
    book = newest.first()
    said = None if book is None else book["said"]
    if book is None or said is None:
        return Standing(NOT_LIVE)
    now = describe_draft(draft)
    changes = len(compare_definitions(kind, said, now))
    return Standing(
        CHANGED if changes else LIVE,
        version=find_version(kind, draft.slug, said),
        book=book["number"],
        by=book["published_by__username"] or "",
        at=book["published"],
        changes=changes,
    )


def list_live(kind: str) -> set[str]:
    """The slugs of a kind that the Book in force has."""
    return set(_read_live(PLACES[kind]))


def _path(place: str, slug: str) -> Any:
    return KeyTransform(slug, KeyTransform(place, "payload"))


def _read_live(place: str) -> dict[str, Any]:
    return Book.objects.order_by("-number").values_list(f"payload__{place}", flat=True).first() or {}


def _compare(draft: AnyDraft, live: dict[str, Any]) -> str:
    said = live.get(draft.slug)
    if said is None:
        return NOT_LIVE
    now = describe_draft(draft)
    return CHANGED if any((said.get(field) or None) != (now.get(field) or None) for field in FIELDS) else LIVE


def find_version(kind: str, slug: str, said: Any) -> int:
    """The newest version that says what is live."""
    revisions: Iterable[Revision] = Revision.objects.filter(kind=kind, slug=slug).order_by("-version", "-pk")[:50]
    return next((each.version for each in revisions if each.definition == said), 0)
