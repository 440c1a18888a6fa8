"""Parts of somebody's page that tell their past: older entries, what has happened since, and one event in full."""

import json
from datetime import UTC, datetime
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.utils.translation import ngettext

from profiles.pages import read_happening
from studio.masking import mask, mask_values
from studio.pages import needs, show
from studio.people.finding import Person, of_person
from studio.people.timeline import KINDS, Asked, list_news, list_timeline, read_place
from studio.private import find_hidden, mask_properties
from studio.roles import Ability

MAX_JSON = 20_000  # letters of what an event said


def list_names(person: Person) -> list[str]:
    """The events that somebody did."""
    return sorted(person.profile.events)


def read_asked(request: HttpRequest, person: Person, **more: Any) -> Asked:
    kind, name = request.GET.get("kind", ""), request.GET.get("name", "")
    return Asked(
        person.ids,
        person.sees,
        kind=kind if kind in dict(KINDS) else "",
        name=name if name in person.profile.events else "",
        **more,
    )


@needs(Ability.PEOPLE)
@of_person
def show_timeline(request: HttpRequest, person: Person) -> HttpResponse:
    """Without a place: the list anew; with `before`: the entries behind it."""
    before = read_place(request.GET.get("before", ""))
    asked = read_asked(request, person, before=before)
    timeline = list_timeline(asked)
    newest = timeline.entries[0].place.write() if timeline.entries else ""
    context = {"person": person, "timeline": timeline, "asked": asked, "newest": newest}
    part = "studio/people/timeline.html" if before is None else "studio/people/entries.html"
    return show(request, part, context)


@needs(Ability.PEOPLE)
@of_person
def show_news(request: HttpRequest, person: Person) -> HttpResponse:
    """What has happened since the newest entry of the page, which asks again and again while it is looked at."""
    asked = read_asked(request, person)
    news = list_news(asked, read_place(request.GET.get("after", "")))
    if not news.entries:
        return HttpResponse(status=204)
    count = len(news.entries)
    said = ngettext("%s new entry", "%s new entries", count) % count
    newest = news.entries[0].place.write()
    return show(
        request,
        "studio/people/news.html",
        {"person": person, "timeline": news, "asked": asked, "newest": newest, "said": said},
    )


@needs(Ability.PEOPLE)
@of_person
def show_event(request: HttpRequest, person: Person, at: str, number: int) -> HttpResponse:
    """All that one event said."""
    moment = read_moment(at)
    event = None if moment is None or number >= 2**63 else read_happening(person.ids, (moment, number))
    if event is None:
        return show(request, "studio/people/event.html", {"event": None}, status=404)
    said = {"properties": event.properties, "traits": event.traits, "context": event.context}
    if not person.sees:
        said = {name: mask_values(value) for name, value in said.items()}
        said["properties"] = mask_properties(event.properties, find_hidden(sees=False).get(event.name, ()))
    ids = {"anonymousId": event.anonymous_id, "userId": event.user_id}
    context = {
        "event": event,
        "said": [(name, _write(value)) for name, value in said.items() if value],
        "ids": [(name, id if person.sees else mask(id)) for name, id in ids.items() if id],
        "message": event.message_id if person.sees else mask(event.message_id),
    }
    return show(request, "studio/people/event.html", context)


def read_moment(said: str) -> datetime | None:
    """As an address says it: 20261123T120000-000000."""
    try:
        return datetime.strptime(said, "%Y%m%dT%H%M%S-%f").replace(tzinfo=UTC)
    except ValueError:
        return None


def _write(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False)[:MAX_JSON]
