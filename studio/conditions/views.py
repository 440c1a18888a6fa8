"""What the editor of conditions asks while somebody types: figures, people, names and values."""

from collections.abc import Callable
from typing import Any, cast

from django.contrib.humanize.templatetags.humanize import naturaltime
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import reverse
from django.utils.translation import gettext

from studio.conditions.asking import Asked, BadQuestion, Busy, answer_once, read_question
from studio.conditions.facts import list_facts, list_properties, list_values
from studio.conditions.figures import count_people, explain_person, find_who, find_withheld, withhold_few, withhold_who
from studio.pages import StudioRequest, find_by, needs, refuse
from studio.people.choosing import Someone, find_people, read_words, show_people
from studio.roles import Ability, Visitor

MAX_WORDS = 200
SHORTEST = 2


def visitor_of(request: HttpRequest) -> Visitor:
    return cast(StudioRequest, request).visitor


def _may_count(visitor: Visitor) -> bool:
    """Who could tell a single person from a count has to be somebody who works with people or audiences."""
    return visitor.may(Ability.EDIT) or visitor.may(Ability.PEOPLE)


@needs(Ability.LOOK, methods=("POST",))
def look(request: HttpRequest) -> HttpResponse:
    """How many match, row by row and in all; with a person, why they match."""
    visitor = visitor_of(request)
    personal = visitor.sees_personal_data

    def tell(asked: Asked, answer: dict[str, Any]) -> dict[str, Any]:
        told = answer if personal else withhold_few(asked, answer)
        if asked.person is None or not visitor.may(Ability.PEOPLE):
            return told
        withheld: frozenset[str] = frozenset() if personal else find_withheld(asked, answer)
        return {**told, **explain_person(asked, asked.person, personal=personal, withheld=withheld)}

    return _answer(request, "look", count_people, tell)


@needs(Ability.LOOK, methods=("POST",))
def who(request: HttpRequest) -> HttpResponse:
    """Some who match, who would enter and leave, how large it was."""
    visitor = visitor_of(request)
    personal = visitor.sees_personal_data

    def tell(asked: Asked, answer: dict[str, Any]) -> dict[str, Any]:
        told = answer if personal else withhold_who(answer)
        people = show_people(told["people"] if visitor.may(Ability.PEOPLE) else [], sees=personal)
        sample, nobody = [_tell_person(each) for each in people], told.get("nobody") or gettext("Nobody so far.")
        return {"sample": sample, "nobody": nobody, "changes": told["changes"], "size": told["size"]}

    return _answer(request, "who", find_who, tell)


def _answer(
    request: HttpRequest,
    name: str,
    find: Callable[[Asked], dict[str, Any]],
    tell: Callable[[Asked, dict[str, Any]], dict[str, Any]],
) -> HttpResponse:
    """What was found of the condition that is asked about, as it is told to whoever asks."""
    visitor = visitor_of(request)
    if not _may_count(visitor):
        return refuse(request, visitor, Ability.EDIT)
    try:
        asked = read_question(request)
        answer = answer_once(name, asked, find_by(request).pk, lambda: find(asked))
    except BadQuestion as error:
        return JsonResponse({"message": str(error)}, status=422)
    except Busy:
        return _busy()
    return _tell(tell(asked, answer))


@needs(Ability.LOOK)
def show_facts(request: HttpRequest) -> HttpResponse:
    """Names; with `only=properties`, those of the properties of each `event` alone."""
    answer = {"properties": list_properties(request.GET.getlist("event"))}
    return _tell(answer if request.GET.get("only") == "properties" else {**list_facts(), **answer})


@needs(Ability.LOOK)
def show_values(request: HttpRequest) -> HttpResponse:
    """The values of a `trait`, or of the `property` of an `event`."""
    event, path, trait = (request.GET.get(name, "")[:MAX_WORDS] for name in ("event", "property", "trait"))
    personal = visitor_of(request).sees_personal_data
    return _tell({"values": list_values(event=event, path=path, trait=trait, personal=personal)})


@needs(Ability.PEOPLE)
def show_found(request: StudioRequest) -> HttpResponse:
    """People by an id, or by what they are known by."""
    words = read_words(request, "q")
    found = find_people(words, sees=request.visitor.sees_personal_data) if len(words) >= SHORTEST else []
    return _tell({"people": [_tell_person(each) for each in found]})


def _tell_person(person: Someone) -> dict[str, str]:
    who = person.who
    url = reverse("studio:person", args=[who.id])
    return {"id": str(who.id), "name": who.name, "hint": naturaltime(person.seen), "url": url}


def _busy() -> HttpResponse:
    answer = JsonResponse({"message": gettext("The question before is still being answered.")}, status=429)
    answer["Retry-After"] = "1"
    return answer


def _tell(answer: object) -> HttpResponse:
    told = JsonResponse(answer)
    told["Cache-Control"] = "no-store"
    return told
