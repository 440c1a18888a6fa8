"""Who asks for a segment: the drafts of rules and of other segments whose conditions name it."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

from django.contrib.auth.models import User
from django.db import connection, transaction

from rules.drafts import InUse, remove_draft
from rules.models import Revision
from segments.models import Segment

_ASKED = 'strict $.** ? (@.kind == "segment").segment'  # every segment that a condition asks for, at any depth
# An array taken apart, since PostgreSQL expects so many rows of jsonb_path_query that it starts workers for a few.
_USES = """
SELECT DISTINCT asked, kind, slug, name, slot FROM (
    SELECT jsonb_array_elements(jsonb_path_query_array(rule.condition, %(asked)s::jsonpath)) #>> '{}' AS asked,
        'rule' AS kind, rule.slug, rule.name, slot.slug AS slot
    FROM rules_rule AS rule JOIN rules_slot AS slot ON slot.id = rule.slot_id
    UNION ALL
    SELECT jsonb_array_elements(jsonb_path_query_array(condition, %(asked)s::jsonpath)) #>> '{}',
        'segment', slug, name, ''
    FROM segments_segment
) AS uses
WHERE asked = ANY(%(wanted)s) AND NOT (kind = 'segment' AND slug = asked)
ORDER BY kind, name, slug"""


class Use(NamedTuple):
    """One draft that asks for a segment; of a rule, in which slot it is."""

    kind: str
    slug: str
    name: str
    slot: str = ""


def find_uses(slugs: Iterable[str]) -> dict[str, list[Use]]:
    """By segment, the drafts that ask for it, rules first and each once; in one question for all of them."""
    with connection.cursor() as cursor:
        cursor.execute(_USES, {"asked": _ASKED, "wanted": list(slugs)})
        found: dict[str, list[Use]] = defaultdict(list)
        for asked, *use in cursor.fetchall():
            found[asked].append(Use(*use))
        return found


@transaction.atomic
def remove_unused(segment: Segment, *, by: User | None, at: datetime, expected: int | None = None) -> Revision:
    """Removes the draft of a segment that nothing asks for; raises InUse with what does, and Overtaken."""
    uses = find_uses([segment.slug]).get(segment.slug)
    if uses:
        raise InUse(f"{use.kind} {use.slug}" for use in uses)
    return remove_draft(segment, by=by, at=at, expected=expected)
