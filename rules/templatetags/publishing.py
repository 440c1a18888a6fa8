"""For the pages of drafts: whether visitors see them yet, and who changed them."""

from dataclasses import dataclass

from django import template

from rules.models import Revision
from rules.queries import list_draft_changes
from rules.revisions import say_author

register = template.Library()


@dataclass(frozen=True)
class Publishing:
    """The Book in force, None before the first, and in how many definitions the drafts differ from it."""

    number: int | None
    changes: int


@register.simple_tag
def look_at_publishing() -> Publishing:
    number, changes = list_draft_changes()
    return Publishing(number, len(changes))


@register.filter
def author(revision: Revision) -> str:
    return say_author(revision)
