"""People for the REST door to tell of: hot, durable, and with a past."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from profiles import keys
from profiles.actions import copy_events
from profiles.clients import Client
from profiles.models import Identifier, StoredProfile
from profiles.profile import Profile, pack
from profiles.rows import ArchiveRow
from segments.models import Roster

NOW = 1_800_000_000_000
AT = datetime.fromtimestamp(NOW / 1_000, UTC)
ANNA, BEN = UUID(int=1), UUID(int=2)


def make_profile(id: UUID, **known: Any) -> Profile:
    return Profile(id=id.hex, **{"first_seen": NOW, "last_seen": NOW, **known})


def keep_hot(client: Client, profile: Profile) -> None:
    client.set(keys.profile(profile.id), pack(profile))


def link_hot(client: Client, key: str, id: UUID) -> None:
    client.set(keys.identifier(key), id.hex)


def keep(profile: Profile) -> StoredProfile:
    """The durable copy."""
    return StoredProfile.objects.create(
        id=UUID(profile.id),
        user_id=profile.user_id,
        first_seen=AT,
        last_seen=AT,
        traits={name: trait.value for name, trait in profile.traits.items()},
        segments=profile.segments,
        state=pack(profile),
        updated=AT,
    )


def archive(id: UUID, *names: str, properties: str = "{}", value: float = 0.0) -> None:
    """Events a second apart, the newest last."""
    rows = [
        ArchiveRow(
            at=AT + timedelta(seconds=number),
            received=AT,
            source="shop",
            message_id=f"{id.hex[-4:]}-{number}",
            profile_id=id.hex,
            type="track",
            name=name,
            anonymous_id="f00",
            user_id=None,
            value=value,
            properties=properties,
            traits="{}",
            context="{}",
            entered='["gold"]',
            left="[]",
        )
        for number, name in enumerate(names)
    ]
    copy_events(rows)


def name_answers(**answers: str) -> None:
    """A roster in which these versions answer: `gold="gold@2"`."""
    Roster.objects.create(number=1, payload={"answers": answers}, at=AT)


def link(key: str, id: UUID) -> None:
    Identifier.objects.create(key=key, profile_id=id, at=AT)
