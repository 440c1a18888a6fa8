"""Events and refusals as the rows of the debugger: which of them somebody asked for, and what of them they may see."""

import json
from typing import Any, cast

import msgspec

from ingestion.accepted import Applied
from personalization.arrivals import Arrival, Refused
from profiles.event import Event
from profiles.models import ArchivedEvent
from studio.masking import HIDDEN, mask, mask_values
from studio.private import Private, hide_in, list_hidden, mask_properties
from studio.roles import Ability, Visitor

SHOWN_SAMPLE = 600  # letters of what was refused


class Wanted(msgspec.Struct, frozen=True, tag="watch", tag_field="type"):
    """What a page wants to see: exactly that source, a name (or reason) with these letters, one person by any id."""

    source: str = ""
    name: str = ""
    person: str = ""
    events: bool = True
    refusals: bool = True

    def takes_event(self, applied: Applied) -> bool:
        event = applied.event
        return (
            self.events
            and (not self.source or event.source == self.source)
            and (not self.name or self.name.casefold() in event.name.casefold())
            and (not self.person or self.person in (event.user_id, event.anonymous_id, applied.profile, _dash(applied)))
        )

    def takes_refusal(self, refused: Refused) -> bool:
        said = f"{refused.reason} {refused.message}".casefold()
        return (
            self.refusals
            and (not self.source or refused.source == self.source)
            and (not self.name or self.name.casefold() in said)
            and (not self.person or self.person in refused.sample)
        )


def describe_arrival(applied: Applied, committed: int | None, visitor: Visitor, private: Private) -> dict[str, Any]:
    """One event. Whose it is, and every value that is a person's own, is masked where it was not granted, and what is
    private is hidden."""
    event, sees = applied.event, visitor.sees_personal_data
    person = event.user_id or event.anonymous_id or ""
    said = {"properties": event.properties, "traits": event.traits, "context": event.context}
    if not sees:
        said = {name: mask_values(values) for name, values in said.items()}
        said["properties"] = mask_properties(event.properties, private.get(event.name, ()))
    return {
        "kind": "event",
        "id": event.id,
        "name": event.name,
        "type": event.type,
        "source": event.source,
        "at": event.at,
        "received": event.received,
        "committed": committed,
        "person": person if sees else mask(person),
        "isKnown": event.user_id is not None,
        "anonymousId": _show(event.anonymous_id, sees),
        "userId": _show(event.user_id, sees),
        "profile": applied.profile if visitor.may(Ability.PEOPLE) else None,
        "entered": list(applied.entered),
        "left": list(applied.left),
        "flags": list(event.flags),
        **said,
    }


def describe_refusal(refused: Refused, visitor: Visitor, private: Private) -> dict[str, Any]:
    return {
        "kind": "refusal",
        "id": refused.id,
        "reason": refused.reason,
        "message": refused.message,
        "messageId": refused.message_id,
        "source": refused.source,
        "at": refused.at,
        "sample": _show_sample(refused.sample, visitor.sees_personal_data, private),
    }


def to_arrival(row: ArchivedEvent) -> Arrival:
    """An archived event as it was when it was applied."""
    event = Event(
        id=row.message_id,
        source=row.source,
        type=cast(Any, row.type),
        name=row.name,
        at=int(row.at.timestamp() * 1000),
        received=int(row.received.timestamp() * 1000),
        anonymous_id=row.anonymous_id,
        user_id=row.user_id,
        properties=row.properties,
        traits=row.traits,
        context=row.context,
    )
    return Arrival(
        0, Applied(profile=row.profile_id.hex, event=event, entered=tuple(row.entered), left=tuple(row.left))
    )


def _show_sample(sample: str, sees: bool, private: Private) -> str:
    """A cut piece of what was sent. What cannot be read cannot be masked, and is not shown to everybody. What it was is
    not certain: what is private of any event is hidden."""
    if sees or not sample:
        return sample[:SHOWN_SAMPLE]
    try:
        said = json.loads(sample)
    except ValueError:
        return HIDDEN
    return json.dumps(hide_in(mask_values(said), list_hidden(private)), ensure_ascii=False)[:SHOWN_SAMPLE]


def _show(id: str | None, sees: bool) -> str | None:
    return id if sees or id is None else mask(id)


def _dash(applied: Applied) -> str:
    """The profile's id as pages write it."""
    id = applied.profile
    return f"{id[:8]}-{id[8:12]}-{id[12:16]}-{id[16:20]}-{id[20:]}"
