"""What stands beside somebody's timeline: traits, audiences, scores, consent, points and what was granted."""

import json
from datetime import datetime
from typing import Any

from profiles.profile import Trait
from rules.decided_for import list_grants
from rules.ledger import list_entries, read_balance
from studio.masking import mask, mask_values
from studio.people.evidence import list_audiences
from studio.people.finding import Person, to_moment
from studio.people.names import find_names

MOST = 10  # of points and grants each
MAX_SHOWN = 500  # letters of a trait


def describe_belongings(person: Person, *, at: datetime) -> dict[str, Any]:
    profile, sees = person.profile, person.sees
    audiences = list_audiences(profile)
    names = find_names(audiences=[slug for slug, _ in audiences])
    grants = list_grants(person.ids, limit=MOST)
    entries = list_entries(person.id, limit=MOST)
    return {
        "traits": [(name, *_show_trait(name, trait, sees)) for name, trait in sorted(profile.traits.items())],
        "audiences": [(slug, names.audiences.get(slug, slug), to_moment(since)) for slug, since in audiences],
        "scores": [(name, value, _percent(value)) for name, value in sorted(profile.scores.items())],
        "consent": [
            (purpose, said.value is True, to_moment(said.at)) for purpose, said in sorted(profile.consent.items())
        ],
        "balance": read_balance(person.id),
        "points": [(each.at, each.points, each.offer, each.note if sees else mask(each.note)) for each in entries],
        "grants": [(each.at, each.offer, each.code if sees else mask(each.code), each.points) for each in grants],
    }


def _show_trait(name: str, trait: Trait, sees: bool) -> tuple[str, datetime | None]:
    value = trait.value if sees else mask_values(trait.value, name)
    said = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return said[:MAX_SHOWN], to_moment(trait.at)


def _percent(score: float) -> int | None:
    """Of a score that is a share; None of any other."""
    return round(100 * score) if 0 <= score <= 1 else None
