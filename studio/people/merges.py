"""Undoing a merge: what would become of both, the act, and how far it is."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from ingestion.log import LogUnavailable
from ingestion.undoing import UndoPending, UndoRefused
from personalization.privacy import undo_by
from personalization.wiring import make_undoer
from profiles.models import MergeRecord
from profiles.profile import Profile
from profiles.store import StoreUnavailable
from studio.pages import find_by, is_part, needs, show
from studio.people.finding import Person, of_person
from studio.people.identity import SHOWN
from studio.people.names import name_key, name_person, shorten
from studio.roles import Ability

AWAY = gettext_noop("Redis is away. Nothing was changed; try again once it is back.")


def find_merge(person: Person, number: int) -> MergeRecord:
    """One by which somebody became part of this person, or had become."""
    merge = MergeRecord.objects.filter(pk=number).first() if number < 2**63 else None
    if merge is None or merge.winner_id not in person.ids:
        raise Http404("no such merge of this person")
    return merge


@needs(Ability.PRIVACY, methods=("GET", "HEAD", "POST"))
@of_person
def show_undo(request: HttpRequest, person: Person, number: int) -> HttpResponse:
    merge = find_merge(person, number)
    if request.method != "POST":
        title = _("Undo the merge of profile %s") % shorten(merge.loser_id)
        return show(request, "studio/people/undo.html", {"title": title, "person": person, "merge": merge})
    try:
        undo_by(merge, by=find_by(request), at=timezone.now())
    except UndoRefused as refused:
        messages.error(request, str(refused))
    except (StoreUnavailable, LogUnavailable):
        messages.error(request, _(AWAY))
    except UndoPending as pending:
        messages.warning(request, str(pending))
    else:
        messages.success(request, _("The two are apart again, and stay apart until an alias call joins them."))
    where = reverse("studio:person_merge", args=[person.id, number])
    return HttpResponse(status=204, headers={"HX-Redirect": where}) if is_part(request) else redirect(where)


@needs(Ability.PRIVACY)
@of_person
def show_plan(request: HttpRequest, person: Person, number: int) -> HttpResponse:
    """What would become of both: worked out from the archive, which takes a moment."""
    merge = find_merge(person, number)
    context: dict[str, Any] = {"person": person, "merge": merge}
    try:
        parted = make_undoer().plan(merge).parted
    except UndoRefused as refused:
        context["problem"] = str(refused)
    except (StoreUnavailable, LogUnavailable):
        context["problem"] = _(AWAY)
    else:
        keys = [name_key(key, sees=person.sees) for key in parted.keys if not key.startswith("p:")]
        context |= {
            "events": parted.events,
            "keys": keys[:SHOWN],
            "passed": len(parted.passed),
            "people": [_describe(each, person.sees) for each in (parted.winner, parted.loser)],
        }
    return show(request, "studio/people/plan.html", context)


@needs(Ability.PRIVACY)
@of_person
def show_state(request: HttpRequest, person: Person, number: int) -> HttpResponse:
    """Whether it is undone by now: a part that asks again until it is."""
    return show(request, "studio/people/undone.html", {"person": person, "merge": find_merge(person, number)})


def _describe(profile: Profile, sees: bool) -> dict[str, Any]:
    traits = {name: trait.value for name, trait in profile.traits.items()}
    does = sorted(profile.events.items(), key=lambda each: -each[1].count)
    return {
        "who": name_person(UUID(profile.id), profile.user_id, traits, sees=sees),
        "events": sum(each.count for _, each in does),
        "does": [(name, each.count) for name, each in does[:5]],
        "traits": len(traits),
    }
