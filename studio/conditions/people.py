"""People to choose from beside a condition: named as the member may see them."""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from django.contrib.humanize.templatetags.humanize import naturaltime
from django.urls import reverse

from profiles.models import StoredProfile
from profiles.queries import find_profiles
from profiles.samples import search_people
from studio.masking import mask

SHOWN = 10
NAMES = ("email", "name", "username")


def find_people(words: str, *, personal: bool) -> list[UUID]:
    """Whom somebody means by an id or, who may see personal data, by what a user id or trait has in it."""
    exact = list(StoredProfile.objects.filter(pk__in=find_profiles(words)).values_list("id", flat=True)[:SHOWN])
    return [*exact, *(id for id in search_people(words, limit=SHOWN) if id not in exact)] if personal else exact


def show_people(ids: Iterable[UUID | str], *, personal: bool) -> list[dict[str, Any]]:
    """In the order of `ids`, those who are known."""
    wanted = [UUID(str(id)) for id in ids][:SHOWN]
    rows = StoredProfile.objects.filter(pk__in=wanted).values_list("id", "user_id", "traits", "last_seen")
    found = {id: (user_id, traits, seen) for id, user_id, traits, seen in rows}
    return [_show(id, *found[id], personal=personal) for id in wanted if id in found]


def _show(id: UUID, user_id: str | None, traits: dict[str, Any], seen: Any, *, personal: bool) -> dict[str, Any]:
    told = next((traits[name] for name in NAMES if isinstance(traits.get(name), str) and traits[name]), None) or user_id
    name = str(id)[:8] if told is None else told if personal else mask(told)
    return {"id": str(id), "name": name, "hint": naturaltime(seen), "url": reverse("studio:person", args=[id])}
