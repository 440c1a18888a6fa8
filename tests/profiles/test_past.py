"""Time travel agrees with the life that was lived."""

from datetime import UTC, datetime
from uuid import UUID

import msgspec
import pytest

from ingestion.accepted import Applied, Linked
from profiles import keys
from profiles.event import Event, anonymous_key, derive_profile_id
from profiles.past import fold_past
from profiles.profile import DAY_MS, Memory, Profile, fold
from tests.archive.conftest import NOW, AcceptedLog, accepted

__all__ = ["accepted"]

MEMORY = Memory(otherwise=("category",), limit=5)
ANNA = derive_profile_id(anonymous_key("anna"))
LAPTOP = derive_profile_id(anonymous_key("laptop"))


def live(log: AcceptedLog) -> list[Event]:
    """A year of Anna's, out of order, with a trait that changes and more views than are remembered."""
    views = [log.event(at=NOW - day * DAY_MS, properties={"category": f"c{day}"}) for day in (300, 3, 40, 2, 1, 9, 5)]
    traits = [
        log.event(at=NOW - day * DAY_MS, type="identify", name="Identified", traits={"plan": plan})
        for day, plan in ((50, "silver"), (4, "gold"))
    ]
    return [*views, *traits]


def fold_lived(events: list[Event], until: int) -> Profile:
    profile = Profile(id=ANNA)
    for event in sorted(events, key=lambda event: event.at):
        if event.at <= until:
            profile = fold(profile, msgspec.structs.replace(event, received=event.at), MEMORY)
    return profile


@pytest.mark.parametrize("days", [400, 299, 45, 4, 3.5, 0])
def test_the_past_is_what_was_lived_by_then(accepted: AcceptedLog, days: float) -> None:
    events = live(accepted)
    accepted.apply(*events)
    accepted.start_archiver().drain()
    until = NOW - int(days * DAY_MS)
    past, lived = fold_past(UUID(ANNA), until, MEMORY), fold_lived(events, until)
    assert (past.events, past.traits, past.first_seen) == (lived.events, lived.traits, lived.first_seen)
    assert past.last_seen == lived.last_seen


def test_an_event_of_the_very_millisecond_counts(accepted: AcceptedLog) -> None:
    accepted.apply(accepted.event(at=NOW - 1_001))
    accepted.start_archiver().drain()
    assert fold_past(UUID(ANNA), NOW - 1_001, MEMORY).events["Product Viewed"].count == 1
    assert fold_past(UUID(ANNA), NOW - 1_002, MEMORY) == Profile(id=ANNA)


def test_those_who_became_one_person_are_one_in_the_past_too(accepted: AcceptedLog) -> None:
    accepted.apply(accepted.event(at=NOW - 10))
    mine = accepted.event(at=NOW - 20, anonymous_id="laptop", user_id="u1")
    accepted.add(0, Applied(profile=LAPTOP, event=mine))
    accepted.client.set(keys.identifier(f"p:{LAPTOP}"), ANNA)
    accepted.add(0, Linked(identifier=f"p:{LAPTOP}", profile=ANNA, at=NOW))
    accepted.start_archiver().drain()
    past = fold_past(UUID(ANNA), NOW, MEMORY)
    assert past.events["Product Viewed"].count == 2
    assert (past.user_id, past.identifiers) == ("u1", ("a:laptop", "u:u1", "a:anna"))
    assert datetime.fromtimestamp(past.first_seen / 1_000, UTC) == datetime.fromtimestamp((NOW - 20) / 1_000, UTC)
