"""What a draft is used by: each by its name, what it is, and where it is looked at."""

from collections.abc import Iterable
from typing import NamedTuple

from django.db.models import Prefetch, QuerySet
from django.utils.translation import gettext

from rules.models import Block, Offer, Rule
from rules.uses import find_uses
from studio.kinds import place_of


class User(NamedTuple):
    name: str
    what: str
    url: str


def find_users(audiences: Iterable[str]) -> dict[str, list[User]]:
    """Of each of these audiences, in one question: rules first."""
    return {
        slug: [
            _name_rule(use.name, use.slug, use.slot)
            if use.kind == "rule"
            else User(use.name, gettext("audience"), place_of(use.kind, use.slug))
            for use in uses
        ]
        for slug, uses in find_uses(audiences).items()
    }


def list_users(draft: Block | Offer) -> list[User]:
    """What shows a block, or grants an offer."""
    users = []
    if isinstance(draft, Block):
        slots = draft.slot_set.all()
        users += [User(each.name, gettext("slot, as its default"), place_of("slot", each.slug)) for each in slots]
    rules: Iterable[Rule] = draft.rules.all()
    users += [_name_rule(each.name, each.slug, each.slot.name) for each in rules]
    if isinstance(draft, Block):
        others = draft.block_set.all()
        users += [User(each.name, gettext("block, as what stands in"), place_of("block", each.slug)) for each in others]
    return users


def with_rules() -> "Prefetch[str, QuerySet[Rule], str]":
    """The rules of blocks or offers with their slots, in one question."""
    return Prefetch("rules", Rule.objects.select_related("slot").order_by("name"))


def _name_rule(name: str, slug: str, slot: str) -> User:
    return User(name, gettext("rule in %(slot)s") % {"slot": slot}, place_of("rule", slug))
