"""Finds one person and says what is known of them: the hot profile, current within a second."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from personalization.errors import CallRefused
from personalization.people import UnknownPerson, find_anybody
from personalization.wiring import make_store
from profiles.admin import read_state
from profiles.identity import MAX_ID_LENGTH
from profiles.models import Erasure, StoredProfile
from profiles.pages import Happening, page_past
from profiles.profile import PARTS, History, Profile, Trait
from segments.queries import read_roster
from segments.roster import name_segments

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
ORDER = "Order Completed"
RECENT = 10  # events of one name that are told
NEWEST_ORDERS = 10
MOST_IDENTIFIERS = 200  # that are told


def find_id(said: str) -> str:
    """The profile (32 hex digits) that a profile id or an identifier (`u:…`, `a:…`) stands for now: one that was taken
    over stands for the one that took it. Raises CallRefused or UnknownPerson for what is neither."""
    if said[:2] in ("u:", "a:") and not 2 < len(said) <= MAX_ID_LENGTH + 2:
        raise CallRefused("not_found", f"an id has 1 to {MAX_ID_LENGTH} characters")
    if "\0" in said:
        raise CallRefused("not_found", "nobody's id has the character NUL")
    return find_anybody(said).hex


def read_person(said: str, name: str) -> UUID:
    """The profile that a parameter of the address names."""
    try:
        return UUID(find_id(said))
    except (CallRefused, UnknownPerson) as error:
        raise CallRefused("bad_parameter", f"{name}: {error}") from None


def read_uuid(said: str) -> UUID:
    try:
        return UUID(said)
    except ValueError:
        raise CallRefused("not_found", "that is no id: 32 hexadecimal digits, or u:… or a:… with an id") from None


def load_person(said: str) -> Profile:
    """The profile of a profile id or identifier, from the store of hot profiles, else from its durable copy; raises
    CallRefused when nobody is known by it."""
    id = find_id(said)
    profile = make_store().load([id]).get(id)
    if profile is None:
        stored = StoredProfile.objects.filter(pk=UUID(id)).values_list("state", flat=True).first()
        profile = None if stored is None else read_state(stored)
    if profile is None:
        raise CallRefused("not_found", "nobody is known by that id")
    return profile


def describe_person(profile: Profile) -> dict[str, Any]:
    """Everything there is about somebody, bounded."""
    named = name_segments(profile, read_roster().answers)
    orders = profile.events.get(ORDER)
    newest = page_past(UUID(profile.id), limit=NEWEST_ORDERS, name=ORDER)
    return {
        "id": profile.id,
        "userId": profile.user_id,
        "identifiers": list(profile.identifiers[:MOST_IDENTIFIERS]),
        "firstSeen": moment(profile.first_seen),
        "lastSeen": moment(profile.last_seen),
        "traits": {name: trait.value for name, trait in sorted(profile.traits.items())},
        "consent": describe_consent(profile.consent),
        "segments": [{"segment": slug, "since": moment(at)} for slug, at in sorted(named.segments.items())],
        "cluster": profile.cluster,
        "scores": dict(sorted(profile.scores.items())),
        "behaviour": describe_behaviour(profile.events),
        "transactions": {
            "count": orders.count if orders else 0,
            "revenue": orders.total / PARTS if orders else 0.0,
            "newest": [describe_order(event) for event in newest],
        },
    }


def describe_stored(stored: StoredProfile, answers: Mapping[str, str]) -> dict[str, Any]:
    """Somebody in a list; `answers` names the segments by the keys that answer."""
    return {
        "id": stored.id.hex,
        "userId": stored.user_id,
        "firstSeen": stored.first_seen,
        "lastSeen": stored.last_seen,
        "traits": stored.traits,
        "segments": sorted(answers[key] for key in stored.segments if key in answers),
        "cluster": stored.cluster,
    }


def describe_consent(consent: Mapping[str, Trait]) -> dict[str, Any]:
    return {purpose: {"granted": said.value, "at": moment(said.at)} for purpose, said in sorted(consent.items())}


def describe_behaviour(events: Mapping[str, History]) -> list[dict[str, Any]]:
    """What somebody does, the newest first."""
    return [
        {
            "event": name,
            "count": history.count,
            "value": history.total / PARTS,
            "first": moment(history.first),
            "last": moment(history.last),
            "recent": [
                {"at": moment(each.at), "value": each.value, "properties": each.properties}
                for each in reversed(history.recent[-RECENT:])
            ],
        }
        for name, history in sorted(events.items(), key=lambda item: (-item[1].last, item[0]))
    ]


def describe_order(event: Happening) -> dict[str, Any]:
    said = event.properties
    return {
        "at": event.at,
        "orderId": _text(said.get("order_id", said.get("orderId"))),
        "revenue": event.value,
        "currency": _text(said.get("currency")),
        "products": [each for each in _list(said.get("products")) if isinstance(each, dict)],
        "messageId": event.message_id,
        "source": event.source,
    }


def describe_event(event: Happening) -> dict[str, Any]:
    return {
        "at": event.at,
        "type": event.type,
        "event": event.name,
        "source": event.source,
        "messageId": event.message_id,
        "value": event.value,
        "properties": event.properties,
        "traits": event.traits,
        "entered": event.entered,
        "left": event.left,
    }


def describe_erasure(receipt: Erasure) -> dict[str, Any]:
    return {
        "id": receipt.pk.hex,
        "requested": receipt.requested,
        "by": receipt.by,
        "done": receipt.done,
        "counts": receipt.counts,
    }


def moment(milliseconds: int) -> datetime:
    return EPOCH + timedelta(milliseconds=milliseconds)


def _text(value: Any) -> str | None:
    return None if value is None or isinstance(value, (dict, list)) else str(value)


def _list(value: Any) -> Iterable[Any]:
    return value if isinstance(value, list) else ()
