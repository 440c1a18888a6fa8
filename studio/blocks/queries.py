"""Reads of blocks for the pages: who uses them, and what of it the lists ask."""

from collections.abc import Iterable, Sequence
from typing import Any

from django.db.models import Exists, OuterRef, QuerySet
from django.utils.translation import gettext_lazy as _

from rules.models import Block, Rule, Slot
from studio.lists import Column, Filter, Listing, Rows
from studio.standing import list_standings
from studio.uses import list_users, with_rules


def list_blocks() -> QuerySet[Block]:
    return Block.objects.select_related("fallback").prefetch_related("slot_set", with_rules(), "block_set")


def add_columns(blocks: Iterable[Any]) -> list[Any]:
    """The blocks of a page, each with its `users` and its `standing`."""
    found: Sequence[Any] = list(blocks)
    for block, standing in zip(found, list_standings(found), strict=True):
        block.users, block.standing = list_users(block), standing
    return list(found)


def _by_use(rows: Rows, use: str) -> Rows:
    of_slot = Exists(Slot.objects.filter(default=OuterRef("pk")))
    of_rule = Exists(Rule.objects.filter(block=OuterRef("pk")))
    stands_in = Exists(Block.objects.filter(fallback=OuterRef("pk")))
    if use == "unused":
        return rows.filter(~of_slot, ~of_rule, ~stands_in).exclude(kind=Block.Kind.EMAIL)
    return rows.filter({"slot": of_slot, "rule": of_rule}.get(use, stands_in))


LISTING = Listing(
    columns=(
        Column(_("Name"), ("name",)),
        Column(_("Kind"), ("kind", "name")),
        Column(_("Used by")),
        Column(_("Status")),
        Column(_("Changed"), ("updated",)),
    ),
    search=("name", "slug", "source", "subject"),
    filters=(
        Filter("kind", _("Any kind"), Block.Kind.choices, lambda rows, kind: rows.filter(kind=kind)),
        Filter(
            "use",
            _("Any use"),
            (
                ("slot", _("Default of a slot")),
                ("rule", _("Shown by a rule")),
                ("fallback", _("Stands in for recommendations")),
                ("unused", _("Not used")),
            ),
            _by_use,
        ),
    ),
    sort="-updated",
)
