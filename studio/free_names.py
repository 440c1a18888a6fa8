"""Names of copies: free ones, close to that of what is copied."""

from itertools import count
from typing import Any

from django.utils.translation import gettext

from rules.describe import kind_of
from rules.models import Revision

SLUG_LENGTH, NAME_LENGTH = 64, 120


def find_free_name(draft: Any) -> tuple[str, str]:
    """Name and slug for a copy. A slug that ever was another one's is not free."""
    kind, beginning = kind_of(draft), f"{draft.slug[: SLUG_LENGTH - 10]}-copy"
    taken = set(type(draft)._default_manager.filter(slug__startswith=beginning).values_list("slug", flat=True))
    taken |= set(Revision.objects.filter(kind=kind, slug__startswith=beginning).values_list("slug", flat=True))
    number = next(number for number in count(1) if _number(beginning, number) not in taken)
    name = gettext("Copy of %(name)s") % {"name": draft.name}
    return _cut(name if number == 1 else f"{name} {number}"), _number(beginning, number)


def _number(beginning: str, number: int) -> str:
    return beginning if number == 1 else f"{beginning}-{number}"


def _cut(name: str) -> str:
    return name[:NAME_LENGTH]
