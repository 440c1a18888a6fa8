"""A copy of a rule, to be changed into another one."""

from datetime import datetime
from itertools import count

from django.contrib.auth.models import User
from django.db import transaction
from django.utils.translation import gettext

from rules.applying import apply_definition
from rules.describe import describe_draft
from rules.drafts import save_draft
from rules.models import Revision, Rule

LENGTH = 64  # of a slug
NAME_LENGTH = 120


@transaction.atomic
def copy_rule(rule: Rule, *, by: User | None, at: datetime) -> Rule:
    """A new draft that says the same, under a name and slug of its own, and is not live. Raises BadDraft where the
    original could not be saved as it is either."""
    name = (gettext("Copy of %(name)s") % {"name": rule.name})[:NAME_LENGTH]
    slug = find_free_slug(rule.slug)
    said = {**describe_draft(rule), "name": name, "live": False}
    copy = apply_definition("rule", slug, said)
    save_draft(copy, by=by, at=at, note=f"A copy of {rule.slug}")
    return Rule.objects.get(slug=slug)


def find_free_slug(wanted: str) -> str:
    """The slug, with a number behind it where there is or was a rule of it: figures of the old one are not its own."""
    stem = wanted[: LENGTH - 6]
    taken = set(Rule.objects.filter(slug__startswith=stem).values_list("slug", flat=True))
    taken |= set(Revision.objects.filter(kind="rule", slug__startswith=stem).values_list("slug", flat=True))
    return next(slug for number in count(1) if (slug := f"{stem}-{number}" if number > 1 else wanted) not in taken)
