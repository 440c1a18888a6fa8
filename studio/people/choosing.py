"""Whom a preview, an explanation or a balance is about: people that are searched for, and those seen last."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.http import HttpResponse

from profiles.models import StoredProfile
from profiles.queries import find_profiles
from profiles.samples import search_people
from studio.pages import StudioRequest, needs, show
from studio.people.names import Who, name_person
from studio.roles import Ability

SHOWN = 10
MAX_WORDS = 512
FIELDS = ("id", "user_id", "traits", "last_seen")


@dataclass(frozen=True)
class Someone:
    who: Who
    seen: datetime


@needs(Ability.PEOPLE)
def show_choice(request: StudioRequest) -> HttpResponse:
    """A few people, as the buttons of templates/studio/people/choose.html."""
    words = read_words(request, "who")
    sees = request.visitor.sees_personal_data
    people = find_people(words, sees=sees) if words else list_newest(sees=sees)
    return show(request, "studio/people/chosen_from.html", {"people": people, "words": words})


def read_words(request: StudioRequest, name: str) -> str:
    return request.GET.get(name, "").replace("\0", "").strip()[:MAX_WORDS]


def find_people(words: str, *, sees: bool) -> list[Someone]:
    """Whom somebody means by an id or, who `sees` personal data, by what a user id or trait has in it."""
    exact = list(StoredProfile.objects.filter(pk__in=find_profiles(words)).values_list("id", flat=True)[:SHOWN])
    more = [id for id in search_people(words, limit=SHOWN) if id not in exact] if sees else []
    return show_people([*exact, *more], sees=sees)


def list_newest(*, sees: bool) -> list[Someone]:
    """Who was seen last."""
    return [_show(row, sees) for row in StoredProfile.objects.order_by("-last_seen").values_list(*FIELDS)[:SHOWN]]


def show_people(ids: Iterable[UUID | str], *, sees: bool) -> list[Someone]:
    """In the order of `ids`, those who are there."""
    wanted = [UUID(str(id)) for id in ids][:SHOWN]
    found = {row[0]: row for row in StoredProfile.objects.filter(pk__in=wanted).values_list(*FIELDS)}
    return [_show(found[id], sees) for id in wanted if id in found]


def _show(row: tuple[UUID, str | None, dict[str, object], datetime], sees: bool) -> Someone:
    id, user_id, traits, seen = row
    return Someone(name_person(id, user_id, traits, sees=sees), seen)
