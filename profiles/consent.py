"""What an event says of consent, and whether a call may leave a trace of the one it is about. Pure."""

from collections.abc import Collection, Mapping
from typing import Any, Final, Literal, NamedTuple, get_args

from profiles.event import Event

State = Literal["granted", "pending", "denied"]  # of a device, as the snippet has it
STATES: Final[tuple[State, ...]] = get_args(State)
GRANTED: Final[State] = "granted"
UPDATED = "Segment Consent Preference Updated"  # as Segment's own consent managers send it

MAX_PURPOSE = 40  # characters of a purpose's name
OTHERWISE = "email"  # the purpose of a mail event that names none

# What mail programs report: the person's own word on being written to.
MAIL_EVENTS: dict[str, bool] = {
    "Unsubscribed": False,
    "Email Marked as Spam": False,
    "Subscribed": True,
    "Resubscribed": True,
}

# The events that are words, and what such an event keeps of its properties when it says no to being tracked.
_OF_WORDS: dict[str, tuple[str, ...]] = {UPDATED: (), **dict.fromkeys(MAIL_EVENTS, ("purpose", "list_id"))}


class Permission(NamedTuple):
    """What a call says of the device it comes from: the state of consent, None where it says nothing, and whether the
    browser asks for privacy everywhere (Global Privacy Control)."""

    state: str | None = None
    gpc: bool = False


UNSAID = Permission()


def may_keep(permission: Permission, context: Mapping[str, Any] | None = None, purposes: Collection[str] = ()) -> bool:
    """Whether something may be kept of whoever the call is about: the one place where every door finds out.

    `purposes` are those that being tracked is for. A no to one of them, in the `context`, counts whatever else is said;
    a state that is no yes counts next. Global Privacy Control counts for whom nothing is said in the call itself."""
    said = _read_preferences(context or {})
    words = [said[purpose] for purpose in purposes if purpose in said]
    if not all(words) or permission.state not in (None, GRANTED):
        return False
    return permission.state == GRANTED or bool(words) or not permission.gpc


def is_word(event: Event) -> bool:
    """Whether the event is there to say what the person consents to."""
    return event.type == "track" and event.name in _OF_WORDS


def list_word_properties(event: Event) -> dict[str, Any]:
    """Of the properties of such an event, those without which it would say something else."""
    return {name: event.properties[name] for name in _OF_WORDS[event.name] if name in event.properties}


def read_consent(event: Event) -> dict[str, bool]:
    """The purposes that `event` speaks of, true where it agrees. Any event may carry `context.consent`; what cannot be
    meant is left out. Of two words about one purpose in one event, no counts."""
    said = _read_preferences(event.context)
    agrees = MAIL_EVENTS.get(event.name) if event.type == "track" else None
    if agrees is not None and (purpose := _name_purpose(event.properties, agrees)) is not None:
        said[purpose] = agrees and said.get(purpose, True)
    return said


def _read_preferences(context: Mapping[str, Any]) -> dict[str, bool]:
    consent = context.get("consent")
    preferences = consent.get("categoryPreferences") if isinstance(consent, dict) else None
    if not isinstance(preferences, dict):
        return {}
    return {
        purpose: value
        for purpose, value in preferences.items()
        if isinstance(value, bool) and 0 < len(purpose) <= MAX_PURPOSE
    }


def _name_purpose(properties: dict[str, Any], agrees: bool) -> str | None:
    """The purpose a mail event is about. With a name that cannot be one, a no counts for all mail, a yes for none."""
    named = [value for name in ("purpose", "list_id") if (value := properties.get(name)) not in (None, "")]
    if not named:
        return OTHERWISE
    value = named[0]
    purpose = str(value) if isinstance(value, (str, int)) and not isinstance(value, bool) else ""
    if 0 < len(purpose) <= MAX_PURPOSE:
        return purpose
    return None if agrees else OTHERWISE
