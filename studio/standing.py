"""How drafts stand to what is live: in the Book in force as they are, changed since, or not in it."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models.fields.json import KeyTransform
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from rules.comparing import compare_definitions
from rules.describe import FIELDS, AnyDraft, describe_draft, kind_of
from rules.models import Book, Revision, Rule
from rules.standing import compare_published, list_differences, read_published
from studio.kinds import name_field

PLACES = {"block": "blocks", "offer": "offers", "slot": "slots"}  # of the kinds that a Book has by slug

LIVE, CHANGED, NOT_LIVE = "live", "changed", "not_live"
WORDS = {LIVE: _("Live"), CHANGED: _("Changed since"), NOT_LIVE: _("Not live")}


@dataclass(frozen=True)
class Standing:
    """`state` is one of WORDS. Of a single draft: its own version and the one that is live, by whom and when that was
    published, and what differs: how much, and where it is named."""

    state: str
    draft: int = 0
    version: int = 0
    book: int = 0
    by: str = ""
    at: datetime | None = None
    changes: int = 0
    changed: tuple[str, ...] = ()

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
    if isinstance(draft, Rule):
        return _find_of_rule(draft)
    place = PLACES[kind]
    newest = Book.objects.order_by("-number").values(
        "number", "published", "published_by__username", said=_path(place, draft.slug)
    )
    book = newest.first()
    said = None if book is None else book["said"]
    if book is None or said is None:
        return Standing(NOT_LIVE, draft.version)
    changed = tuple(name_field(kind, each.field) for each in compare_definitions(kind, said, describe_draft(draft)))
    return Standing(
        CHANGED if changed else LIVE,
        draft.version,
        version=_find_version(kind, draft.slug, lambda definition: definition == said),
        book=book["number"],
        by=book["published_by__username"] or "",
        at=book["published"],
        changes=len(changed),
        changed=changed,
    )


def _find_of_rule(rule: Rule) -> Standing:
    published = read_published()
    there = published.rules.get(rule.slug)
    if there is None:
        return Standing(NOT_LIVE, rule.version)
    changed = [name_field("rule", each.field) for each in list_differences(rule, there)]
    if not rule.live:
        changed.insert(0, gettext("switched off"))
    return Standing(
        CHANGED if changed else LIVE,
        rule.version,
        version=_find_version("rule", rule.slug, lambda definition: not compare_published(definition, there)),
        book=published.number,
        by=published.by,
        at=published.at,
        changes=len(changed),
        changed=tuple(changed),
    )


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


def _find_version(kind: str, slug: str, is_live: Callable[[Any], bool]) -> int:
    revision = find_live_revision(kind, slug, is_live)
    return 0 if revision is None else revision.version


def find_live_revision(kind: str, slug: str, is_live: Callable[[Any], bool], *, most: int = 50) -> Revision | None:
    """The newest revision that says what is live, among so many."""
    known = Revision.objects.filter(kind=kind, slug=slug, definition__isnull=False)
    revisions: Iterable[Revision] = known.order_by("-version", "-pk")[:most]
    return next((each for each in revisions if is_live(each.definition)), None)
