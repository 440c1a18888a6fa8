"""How one payload differs from another, definition by definition, with every difference in words and who drafted it."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Q
from django.utils.translation import gettext

from rules.comparing import Difference, compare_definitions
from rules.describe import KINDS
from rules.models import Revision
from rules.review import ORGANISATION, find_zones, list_definitions, list_fields

MOST_COMPARED = 60  # definitions of which it is told in what they differ, and who edited them; changed ones come first

Payload = Mapping[str, Any]  # of a Book, as it is stored
Key = tuple[str, str]  # a kind and a slug


@dataclass(frozen=True)
class Alteration:
    """One definition that is new, changed or removed. `before` and `after` are what it said and says; `edit` is its
    newest revision, None of what has none and beyond MOST_COMPARED; `is_drafted`: there still is a draft of it."""

    kind: str
    slug: str
    name: str
    what: str
    before: Payload | None
    after: Payload | None
    differences: tuple[Difference, ...] = ()
    edit: Revision | None = None
    is_drafted: bool = True


def list_alterations(before: Payload | None, after: Payload) -> list[Alteration]:
    """What `after` says otherwise than `before`, None before the first Book: the time zone, then by kind, each after
    those that it names. The number of queries does not grow with them."""
    old, new = dict(list_definitions(before or {})), dict(list_definitions(after))
    order = list(KINDS)
    keys = [
        key
        for key in sorted({**old, **new}, key=lambda key: (order.index(key[0]), key[1]))
        if key not in old or key not in new or list_fields(old[key], new[key])
    ]
    # What is new can be read on a page of its own.
    told = set(sorted(keys, key=lambda key: key not in old)[:MOST_COMPARED])
    edits, drafted = find_edits(list(told)), _find_drafted(keys)
    found = list(_list_zones(before, after))
    for key in keys:
        was, now = old.get(key), new.get(key)
        compared = compare_definitions(key[0], was, now) if now is not None and key in told else ()
        found.append(
            Alteration(
                kind=key[0],
                slug=key[1],
                name=str((now or was or {}).get("name") or key[1]),
                what="new" if was is None else "removed" if now is None else "changed",
                before=was,
                after=now,
                differences=tuple(compared),
                edit=edits.get(key),
                is_drafted=key in drafted,
            )
        )
    return found


def _list_zones(before: Payload | None, after: Payload) -> Iterator[Alteration]:
    """The organisation's time zone, where it differs."""
    if zones := find_zones(before, after):
        was, now = ({"zone": zone} for zone in zones)
        yield Alteration(
            kind=ORGANISATION,
            slug="zone",
            name=gettext("Organisation"),
            what="changed",
            before=was,
            after=now,
            differences=tuple(compare_definitions(ORGANISATION, was, now)),
        )


def find_edits(keys: Sequence[Key]) -> dict[Key, Revision]:
    """The newest revision of each definition that has one."""
    if not keys:
        return {}
    wanted = Q()
    for kind in {kind for kind, _ in keys}:
        wanted |= Q(kind=kind, slug__in=[slug for its, slug in keys if its == kind])
    newest = Revision.objects.filter(wanted).order_by("kind", "slug", "-version", "-pk").distinct("kind", "slug")
    return {(each.kind, each.slug): each for each in newest.select_related("by").defer("definition")}


def _find_drafted(keys: Iterable[Key]) -> set[Key]:
    slugs: dict[str, list[str]] = {}
    for kind, slug in keys:
        slugs.setdefault(kind, []).append(slug)
    return {
        (kind, slug)
        for kind, wanted in slugs.items()
        for slug in KINDS[kind]._default_manager.filter(slug__in=wanted).values_list("slug", flat=True)
    }
