"""What an event says of consent: which purposes the person agrees to, and which not. Pure."""

from typing import Any

from profiles.event import Event

MAX_PURPOSE = 40  # characters of a purpose's name
OTHERWISE = "email"  # the purpose of a mail event that names none

# What mail programs report: the person's own word on being written to.
MAIL_EVENTS: dict[str, bool] = {
    "Unsubscribed": False,
    "Email Marked as Spam": False,
    "Subscribed": True,
    "Resubscribed": True,
}


def read_consent(event: Event) -> dict[str, bool]:
    """The purposes that `event` speaks of, true where it agrees. Any event may carry `context.consent`; what cannot be
    meant is left out. Of two words about one purpose in one event, no counts."""
    said = _read_preferences(event.context)
    agrees = MAIL_EVENTS.get(event.name) if event.type == "track" else None
    if agrees is not None and (purpose := _name_purpose(event.properties, agrees)) is not None:
        said[purpose] = agrees and said.get(purpose, True)
    return said


def _read_preferences(context: dict[str, Any]) -> dict[str, bool]:
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
