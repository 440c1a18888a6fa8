"""Whom a preview can be looked at as: people that are searched for, and those seen last."""

from typing import Any, NamedTuple

from django.http import HttpRequest, HttpResponse

from profiles.models import StoredProfile
from profiles.queries import find_profiles
from studio.masking import mask
from studio.pages import StudioRequest, needs, show
from studio.roles import Ability

SHOWN = 8
NAMES = ("name", "firstName", "first_name", "email")  # traits that say who somebody is, the first that is there


class Someone(NamedTuple):
    id: str
    name: str
    seen: Any


@needs(Ability.PEOPLE)
def show_people(request: HttpRequest) -> HttpResponse:
    """A few people, as buttons."""
    words = request.GET.get("who", "").replace("\0", "").strip()[:512]
    return show(request, "studio/blocks/people.html", {"people": list_people(request, words), "words": words})


def list_people(request: Any, words: str) -> list[Someone]:
    """Who is meant by the words: exactly or, for those who may see it, by how their user id begins; without any, who
    was seen last."""
    visitor = request.visitor if isinstance(request, StudioRequest) or hasattr(request, "visitor") else None
    known = StoredProfile.objects.order_by("-last_seen")
    found = list(known.filter(pk__in=find_profiles(words))[:SHOWN]) if words else list(known[:SHOWN])
    unmasked = visitor is not None and visitor.sees_personal_data
    if words and unmasked and len(found) < SHOWN:
        more = StoredProfile.objects.filter(user_id__startswith=words).order_by("user_id")[:SHOWN]
        found += [each for each in more if each.pk not in {one.pk for one in found}][: SHOWN - len(found)]
    return [Someone(each.pk.hex, name_person(each, unmasked=unmasked), each.last_seen) for each in found]


def name_person(profile: StoredProfile, *, unmasked: bool) -> str:
    """What somebody is called, as far as one may know."""
    traits = profile.traits if isinstance(profile.traits, dict) else {}
    name = next((str(traits[field]) for field in NAMES if traits.get(field)), "")
    said = [part for part in (name, profile.user_id or "") if part] or [profile.pk.hex[:8]]
    return " · ".join(said if unmasked else map(mask, said))
