"""The list of people, and the page of one with the parts of it that are fetched when they are wanted."""

from datetime import datetime
from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext as _

from personalization.wiring import clock
from profiles.profile import PARTS
from profiles.search import MAX_TERM, Place, Wanted, list_people, list_trait_names, list_values, read_term
from segments.models import Segment
from segments.queries import read_roster
from studio.pages import needs, show
from studio.people.belonging import describe_belongings
from studio.people.evidence import find_evidence, list_others
from studio.people.finding import Person, of_person
from studio.people.history import list_names
from studio.people.identity import draw_identity
from studio.people.rows import describe_rows
from studio.people.timeline import KINDS, Asked, list_timeline
from studio.private import find_hidden, hides_worth
from studio.roles import Ability

PER_PAGE = 25
DOES = 8  # events that are counted on the page


@needs(Ability.PEOPLE)
def show_people(request: HttpRequest) -> HttpResponse:
    said = {name: request.GET.get(name, "").replace("\0", "").strip()[:MAX_TERM] for name in ("q", "trait", "value")}
    said["audience"] = request.GET.get("audience", "")
    roster = read_roster()
    wanted = read_term(said["q"]) if said["q"] else Wanted()
    if said["trait"] and said["value"]:
        wanted = wanted._replace(traits=list_values(said["trait"], said["value"]))
    if said["audience"] in roster.answers:
        wanted = wanted._replace(segment=roster.answers[said["audience"]])
    after = read_place(request.GET.get("after", ""))
    people = list_people(wanted, limit=PER_PAGE, after=after)
    visitor: Any = request
    context = {
        "title": _("People"),
        "said": said,
        "is_narrowed": wanted != Wanted(),
        "people": describe_rows(people.rows, roster, sees=visitor.visitor.sees_personal_data),
        "total": people.total,
        "older": "" if people.is_last else write_place(people.rows[-1].place),
        "is_first": after is None,
        "audiences": Segment.objects.filter(slug__in=roster.answers).order_by("name").values_list("slug", "name"),
        "traits": list_trait_names(),
    }
    return show(request, "studio/people/list.html", context)


def write_place(place: Place) -> str:
    return f"{place[0].isoformat()}~{place[1].hex}"


def read_place(said: str) -> Place | None:
    at, _tilde, id = said.partition("~")
    try:
        place = datetime.fromisoformat(at), UUID(id)
    except ValueError:
        return None
    return place if place[0].tzinfo is not None else None


@needs(Ability.PEOPLE)
@of_person
def show_person(request: HttpRequest, person: Person) -> HttpResponse:
    profile = person.profile
    does = sorted(profile.events.items(), key=lambda each: (-each[1].last, each[0]))
    timeline = list_timeline(Asked(person.ids, person.sees))
    private = find_hidden(sees=person.sees)
    hidden = {name for name, paths in private.items() if hides_worth(paths)}
    context = {
        "title": person.who.name,
        "person": person,
        "timeline": timeline,
        "newest": timeline.entries[0].place.write() if timeline.entries else "",
        "kinds": KINDS,
        "names": list_names(person),
        "identity": draw_identity(person),
        "does": [(name, each.count, 0 if name in hidden else each.total / PARTS) for name, each in does[:DOES]],
        "does_more": max(0, len(does) - DOES),
        "events": sum(each.count for each in profile.events.values()),
        **describe_belongings(person, at=timezone.now()),
        "others": list_others(profile),
    }
    return show(request, "studio/people/person.html", context)


@needs(Ability.PEOPLE)
@of_person
def show_evidence(request: HttpRequest, person: Person, slug: str) -> HttpResponse:
    """Why somebody is in an audience or is not: a part."""
    evidence = find_evidence(slug, person.profile, person.ids, now=clock(), sees=person.sees)
    return show(request, "studio/people/evidence.html", {"evidence": evidence, "slug": slug})


@needs(Ability.PEOPLE)
@of_person
def show_other(request: HttpRequest, person: Person) -> HttpResponse:
    """The same of an audience that is chosen from a list."""
    slug = request.GET.get("audience", "")
    if not slug:
        return HttpResponse("")
    return show_evidence(request, id=person.id, slug=slug)  # type: ignore[return-value]
