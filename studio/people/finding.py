"""Who a page is about: the person by now, whatever former profile its address names."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property, wraps
from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.translation import gettext as _

from personalization.people import find_living, find_profile
from profiles.profile import Profile
from profiles.queries import TAKEN_OVER, list_former
from profiles.store import StoreUnavailable
from studio.pages import is_part, show
from studio.people.names import Who, name_person

ACTIVE = timedelta(minutes=5)  # since somebody was seen who is there now

View = Callable[..., HttpResponseBase]


@dataclass(frozen=True)
class Person:
    """`sees` says whether the reader may see personal data."""

    id: UUID
    profile: Profile
    sees: bool

    @cached_property
    def ids(self) -> Sequence[UUID]:
        """The person's own, and those of the profiles that became part of it."""
        return (self.id, *list_former(self.id)[: TAKEN_OVER - 1])

    @cached_property
    def who(self) -> Who:
        traits = {name: trait.value for name, trait in self.profile.traits.items()}
        return name_person(self.id, self.profile.user_id, traits, sees=self.sees)

    @property
    def first_seen(self) -> datetime | None:
        return to_moment(self.profile.first_seen)

    @property
    def last_seen(self) -> datetime | None:
        return to_moment(self.profile.last_seen)

    @property
    def is_active(self) -> bool:
        last = self.last_seen
        return last is not None and abs(timezone.now() - last) < ACTIVE


def to_moment(milliseconds: int) -> datetime | None:
    """None for never, and for what lies outside the calendar."""
    try:
        return datetime.fromtimestamp(milliseconds / 1_000, UTC) if milliseconds else None
    except (OverflowError, ValueError, OSError):
        return None


def of_person(view: View) -> View:
    """Gives the view its Person in the place of the id; a former profile leads to the page of the person."""

    @wraps(view)
    def find(request: HttpRequest, id: UUID, **place: Any) -> HttpResponseBase:
        living = id
        with suppress(StoreUnavailable):  # then who was taken over a moment ago is not known as such yet
            living = find_living(id)
        profile = find_profile(living)
        if profile is None:
            return show(request, "studio/people/unknown.html", {"title": _("Nobody is known by this id")}, status=404)
        if living != id and request.method != "POST" and not is_part(request):
            return redirect("studio:person", living)
        visitor: Any = request
        return view(request, Person(living, profile, visitor.visitor.sees_personal_data), **place)

    return find
