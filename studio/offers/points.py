"""The ledger of loyalty points: of everybody, of one person, and points that are added or spent by hand."""

from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.translation import gettext

from profiles.models import StoredProfile
from profiles.writing import write_number
from rules.ledger import list_profiles, read_balance
from rules.models import PointsEntry
from rules.points import KeyTaken, NotEnoughPoints, add_points, spend_points
from studio.offers.forms import PointsForm
from studio.offers.queries import EVERYBODY, LEDGER
from studio.pages import StudioRequest, find_by, needs, refuse, show
from studio.people.choosing import find_people, read_words
from studio.people.names import name_people
from studio.roles import Ability


@needs(Ability.PEOPLE)
def show_ledger(request: StudioRequest) -> HttpResponse:
    """Every entry, the newest first; with `?who=` the people that are meant."""
    words = read_words(request, "who")
    sees = request.visitor.sees_personal_data
    found = find_people(words, sees=sees) if words else []
    if len(found) == 1:
        return redirect("studio:points_of", found[0].who.id)
    listing = EVERYBODY.show(request, PointsEntry.objects.all())
    names = name_people([entry.profile_id for entry in listing.rows], sees=sees)
    context = {
        "title": gettext("Loyalty points"),
        "listing": listing,
        "entries": [(entry, names[entry.profile_id].full) for entry in listing.rows],
        "who": words,
        "found": found,
    }
    return show(request, "studio/offers/ledger.html", context)


@needs(Ability.PEOPLE, methods=("GET", "HEAD", "POST"))
def show_points(request: StudioRequest, id: UUID) -> HttpResponse:
    """Balance and entries of one person; with POST points are added or spent, once however often it is sent."""
    form = PointsForm(request.POST if request.method == "POST" else None)
    if request.method == "POST":
        if not request.visitor.may(Ability.EDIT):
            return refuse(request, request.visitor, Ability.EDIT)
        if not StoredProfile.objects.filter(pk=id).exists():
            form.add_error(None, gettext("Nobody is known by this id."))
        elif form.is_valid() and _book(request, id, form):
            return redirect("studio:points_of", id)
    people = list_profiles(id)
    who = name_people([id], sees=request.visitor.sees_personal_data)[id]
    listing = LEDGER.show(request, PointsEntry.objects.filter(profile_id__in=people))
    context = {
        "title": gettext("Points of %(name)s") % {"name": who.full},
        "id": id,
        "balance": read_balance(id),
        "listing": listing,
        "form": form,
        "is_known": not who.is_gone,
    }
    return show(request, "studio/offers/points.html", context, status=422 if form.errors else 200)


def _book(request: HttpRequest, id: UUID, form: PointsForm) -> bool:
    said = form.cleaned_data
    write = add_points if said["act"] == PointsForm.ADD else spend_points
    try:
        write(id, said["points"], key=said["key"], note=said["note"], at=timezone.now(), by=find_by(request))
    except NotEnoughPoints as error:
        told = gettext("There are %(balance)s points; no more can be spent.") % {"balance": write_number(error.balance)}
        form.add_error("points", told)
    except KeyTaken:
        form.add_error(None, gettext("This was booked already, with another number. Open the page anew."))
    except ValueError as error:
        form.add_error(None, str(error))
    else:
        messages.success(
            request, gettext("The balance is %(balance)s points.") % {"balance": write_number(read_balance(id))}
        )
        return True
    return False
