"""People of the cases as rows of a real PostgreSQL, to be asked through the SQL evaluator."""

import json
from collections.abc import Iterable
from typing import Any
from uuid import UUID

from ingestion.archiving import describe
from profiles.actions import copy_events, store_profiles
from profiles.months import Months, month_of
from profiles.profile import Profile, pack
from profiles.rows import ArchiveRow
from tests.segments.cases import EPOCH


def store_person(id: UUID, profile: Profile, rows: Iterable[dict[str, Any]]) -> None:
    """Archives a person of a case under an id of their own."""
    events = []
    for row in rows:
        told: dict[str, Any] = {
            name: json.dumps(said) if isinstance(said, (dict, list)) else said for name, said in row.items()
        }
        events.append(ArchiveRow(**{**told, "profile_id": str(id)}))
    Months().make({month_of(event.at) for event in events})
    copy_events(events)
    store_profiles([describe(str(id), pack(profile))], at=EPOCH)
