"""Which profile an event belongs to, given what is known of its identifiers. Pure: the store keeps the map."""

from collections.abc import Callable

from msgspec.structs import replace

from profiles.event import Event, anonymous_key, derive_profile_id, user_key
from profiles.profile import Profile

Lookup = Callable[[str], str | None]  # identifier (`u:…`, `a:…`, `p:…`, `s:…`) -> profile id, None when unknown

# A person with more identifiers than this is a robot or a shared key; further ones are not linked.
MAX_IDENTIFIERS = 1_000

MAX_ID_LENGTH = 255  # characters of a user id or an anonymous id

# Text that programs write when they have no id. Taken as an id it would make one person of many.
NOT_AN_ID = frozenset({"null", "undefined", "none", "nil", "nan", "[object object]", "true", "false"})


def retired_key(profile_id: str) -> str:
    """The identifier under which a retired profile points to the one that took it over."""
    return "p:" + profile_id


def apart_key(profile_id: str) -> str:
    """The identifier under which a profile that was let go points to the one that must not take it over again."""
    return "s:" + profile_id


def identifiers(event: Event) -> tuple[str, ...]:
    """Every identifier whose entry in the identity map decides where `event` belongs."""
    keys = []
    if event.user_id is not None:
        keys.append(user_key(event.user_id))
    if event.anonymous_id is not None:
        keys.append(anonymous_key(event.anonymous_id))
    if event.previous_id is not None:
        keys += [user_key(event.previous_id), anonymous_key(event.previous_id)]
    return tuple(keys)


def route(event: Event, lookup: Lookup) -> str:
    """The profile id `event` belongs to: its known user, else its device, else the profile derived from its user id.

    An unknown user on a known device is the device's profile: the visitor who just signed up keeps the history.
    """
    if event.user_id is not None and (known := lookup(user_key(event.user_id))):
        return known
    if event.type == "alias" and event.previous_id is not None:
        return find_previous(event.previous_id, lookup)[1]
    if event.anonymous_id is not None:
        key = anonymous_key(event.anonymous_id)
        return lookup(key) or derive_profile_id(key)
    if event.user_id is None:
        raise ValueError("an event carries a user id or an anonymous id; the parser refuses others")
    return derive_profile_id(user_key(event.user_id))


def find_previous(previous_id: str, lookup: Lookup) -> tuple[str, str]:
    """(identifier, profile id) an alias call means by its previous id: a known user, else a device."""
    key = user_key(previous_id)
    if known := lookup(key):
        return key, known
    key = anonymous_key(previous_id)
    return key, lookup(key) or derive_profile_id(key)


def find_owner(key: str, lookup: Lookup, otherwise: str) -> str:
    """The profile an identifier stands for. What is not in the map is derived, if it is a device, else `otherwise`."""
    return lookup(key) or (derive_profile_id(key) if key.startswith("a:") else otherwise)


def note_identifiers(profile: Profile, event: Event, lookup: Lookup) -> Profile:
    """`profile` with the identifiers that `event` carries, as many as a person may have, and the user id used last."""
    known, user_id = profile.identifiers, profile.user_id
    if event.anonymous_id is not None and (key := anonymous_key(event.anonymous_id)) not in known:
        known = (*known, key)
    if event.type == "alias" and event.previous_id is not None and event.previous_id != event.user_id:
        key, _ = find_previous(event.previous_id, lookup)
        known = (*known, key) if key not in known else known
    if event.user_id is not None and user_id != event.user_id:
        user_id = event.user_id
        known = (*known, user_key(user_id)) if user_key(user_id) not in known else known
    if known is profile.identifiers and user_id == profile.user_id:
        return profile
    return replace(profile, identifiers=known[:MAX_IDENTIFIERS], user_id=user_id)
